"""Every convolution, pooling and normalisation that is drawn, and how each is called.

To add one: a line in `FIGURES`; what takes several passes has one figure for each, `then` the next.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from striate import ops
from striate.ops.geometry import Padding
from striate.ops.unpool import Overlap

__all__ = ["FIGURES", "Figure"]


@dataclass(frozen=True)
class Figure:
    """One convolution, pooling or normalisation along one axis.

    Args:
        title: What it shows.
        call: What is drawn: input to output; or input and weight, or input, weight and bias.
        size: Samples of the input.
        weight: Shape of the weight, if there is one; its longest spatial axis are the taps of one kernel.
        channels: Channels of the input; or rows of an image, where the other axis is drawn as well.
        then: What is done with the output in another pass, drawn above.
        values: The input, where there are no weights; unless given, what the pass before makes.
        bias: Shape of the bias, where that is what is drawn.
    """

    title: str
    call: Callable[..., Tensor]
    size: int
    weight: tuple[int, ...] = ()
    channels: int = 1
    then: "Figure | None" = None
    values: tuple[float, ...] = ()
    bias: tuple[int, ...] = ()


def _height_pass(x: Tensor, a: Tensor) -> Tensor:
    """Ask for the pass along the height by itself: that along the width does nothing."""
    return ops.separable_conv2d(x[:, None], [a, torch.ones(1, 1, 1, 1)])[:, 0]


def _width_pass(x: Tensor, b: Tensor) -> Tensor:
    """Ask for the pass along the width by itself."""
    return ops.separable_conv2d(x[:, None], [torch.ones(1, 1, 1, 1), b])[:, 0]


VALUES = (2.0, 7.0, 3.0, 1.0, 4.0, 6.0, 5.0)
MAPS = (1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0)
MAXIMA = (3.0, 5.0, 4.0, 2.0)


def _greatest(x: Tensor, kernel_size: int, stride: int, padding: Padding = 0) -> Tensor:
    return ops.max_pool1d(x, kernel_size, stride, padding)


def _unpooled(x: Tensor, overlap: Overlap) -> Tensor:
    """Unpool four maxima, of which the second and the third come from one sample."""
    switches = torch.tensor([1, 3, 3, 5]).expand(x.shape)
    return ops.max_unpool1d(x, switches, 3, 1, overlap=overlap)


def _put_back(x: Tensor) -> Tensor:
    """Unpool what was pooled from `VALUES`, by its switches."""
    _, switches = ops.max_pool1d(torch.tensor([[VALUES]]), 3, 2, return_indices=True)
    return ops.max_unpool1d(x, switches.expand(x.shape), 3, 2)


def _biased(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return ops.tiled_conv1d(x, weight, bias)


def _contrast(x: Tensor, **settings: bool) -> Tensor:
    return ops.local_contrast_norm(x, 3, threshold=0.5, **settings)


# name: figure. The page `every_convolution.md` shows them all.
FIGURES = {
    "valid": Figure("shared, 'valid': one kernel of three weights", ops.conv1d, 7, (1, 1, 3)),
    "same": Figure(
        "shared, 'same': as many outputs as inputs", lambda x, w: ops.conv1d(x, w, padding="same"), 7, (1, 1, 3)
    ),
    "full": Figure(
        "shared, 'full': every weight meets every input", lambda x, w: ops.conv1d(x, w, padding="full"), 5, (1, 1, 3)
    ),
    "strided": Figure("stride 2: every other position", lambda x, w: ops.conv1d(x, w, stride=2), 9, (1, 1, 3)),
    "dilated": Figure("dilation 2: a gap between the taps", lambda x, w: ops.conv1d(x, w, dilation=2), 9, (1, 1, 3)),
    "circular": Figure(
        "circular padding: the ends meet",
        lambda x, w: ops.conv1d(x, w, padding="same", padding_mode="circular"),
        7,
        (1, 1, 3),
    ),
    "flipped": Figure(
        "flipped: the convolution of mathematics", lambda x, w: ops.conv1d(x, w, flip=True), 7, (1, 1, 3)
    ),
    "channels": Figure("two channels in, two out: every pair has a kernel", ops.conv1d, 5, (2, 2, 2), channels=2),
    "depthwise": Figure(
        "depthwise: each channel by itself", lambda x, w: ops.conv1d(x, w, groups=2), 5, (2, 1, 2), channels=2
    ),
    "separable": Figure(
        "separable: three rows of an image side by side; one vector down, one across",
        _height_pass,
        5,
        (1, 1, 3, 1),
        channels=3,
        then=Figure("across", _width_pass, 5, (1, 1, 1, 3)),
    ),
    "depthwise_separable": Figure(
        "depthwise-separable: filter each channel, then mix them position by position",
        lambda x, w: ops.depthwise_separable_conv1d(x, w, torch.eye(2)[:, :, None]),
        5,
        (2, 1, 2),
        channels=2,
        then=Figure(
            "mix", lambda x, w: ops.depthwise_separable_conv1d(x, torch.ones(2, 1, 1), w), 4, (2, 2, 1), channels=2
        ),
    ),
    "unshared": Figure("unshared: every position has a kernel of its own", ops.unshared_conv1d, 7, (5, 1, 1, 3)),
    "tiled": Figure("tiled, t = 2: two kernels take turns", ops.tiled_conv1d, 7, (2, 1, 1, 3)),
    "transposed": Figure(
        "transposed, stride 2: the way back", lambda x, w: ops.conv_transpose1d(x, w, stride=2), 4, (1, 1, 3)
    ),
    "unshared_transposed": Figure(
        "unshared, transposed", lambda x, w: ops.unshared_conv_transpose1d(x, w, stride=2), 4, (4, 1, 1, 3)
    ),
    "tiled_transposed": Figure(
        "tiled, transposed, t = 2", lambda x, w: ops.tiled_conv_transpose1d(x, w, stride=2), 4, (2, 1, 1, 3)
    ),
    "bias_channel": Figure("a bias per channel: (K,)", _biased, 7, (2, 2, 1, 3), bias=(2,)),
    "bias_tile": Figure("a bias per tile: (K, t); here t = 2", _biased, 7, (2, 2, 1, 3), bias=(2, 2)),
    "bias_location": Figure("a bias per location: (K, P)", _biased, 7, (2, 2, 1, 3), bias=(2, 5)),
    "max_pool": Figure(
        "max pooling, stride 2: the switch is the one that won", lambda x: _greatest(x, 3, 2), 7, values=VALUES
    ),
    "max_pool_same": Figure("max pooling, stride 1, 'same'", lambda x: _greatest(x, 3, 1, "same"), 7, values=VALUES),
    "avg_pool": Figure(
        "average pooling, stride 1, 'same': padding counts",
        lambda x: ops.avg_pool1d(x, 3, 1, padding="same"),
        7,
        values=VALUES,
    ),
    "avg_pool_uncounted": Figure(
        "average pooling, padding not counted: more of each at the border",
        lambda x: ops.avg_pool1d(x, 3, 1, padding="same", count_include_pad=False),
        7,
        values=VALUES,
    ),
    "lp_pool": Figure(
        "Lp pooling, p = 2: the larger, the more it counts",
        lambda x: ops.lp_pool1d(x, 2, 3, 2),
        7,
        values=(2.0, -2.0, 1.0, -4.0, 8.0, 2.0, 3.0),
    ),
    "global_pool": Figure("global average pooling: one window", ops.global_avg_pool1d, 7, values=VALUES),
    "adaptive_pool": Figure(
        "adaptive average pooling: three windows share eight samples",
        lambda x: ops.adaptive_avg_pool1d(x, 3),
        8,
        values=(*VALUES, 3.0),
    ),
    "unpool": Figure(
        "pool, then unpool with the switches",
        lambda x: _greatest(x, 3, 2),
        7,
        values=VALUES,
        then=Figure("unpool", _put_back, 3),
    ),
    "unpool_sum": Figure("overlap='sum': the adjoint", lambda x: _unpooled(x, "sum"), 4, values=MAXIMA),
    "unpool_max": Figure("overlap='max': the greatest stays", lambda x: _unpooled(x, "max"), 4, values=MAXIMA),
    "unpool_last": Figure(
        "overlap='last': the first is written over", lambda x: _unpooled(x, "last"), 4, values=MAXIMA
    ),
    "maxout": Figure(
        "maxout: pairs of maps, position by position",
        lambda x: ops.maxout(x, 2),
        3,
        channels=4,
        values=(1.0, 5.0, 2.0, 4.0, 3.0, 6.0, 2.0, 0.0, 7.0, 1.0, 8.0, 3.0),
    ),
    "tile_pool": Figure(
        "tiled, t = 2, then the greatest of the two kernels' answers",
        ops.tiled_conv1d,
        8,
        (2, 1, 1, 3),
        then=Figure("pool", lambda x: ops.tile_max_pool1d(x, 2), 6, values=(3.0, 5.0, 4.0, 1.0, 2.0, 6.0)),
    ),
    "response_norm": Figure(
        "response normalisation: seven maps at one place; alpha = 1, scale='mean'",
        lambda x: ops.local_response_norm(x, 5, 1.0),
        1,
        channels=7,
        values=MAPS,
    ),
    "response_norm_sum": Figure(
        "response normalisation; alpha = 1, scale='sum'",
        lambda x: ops.local_response_norm(x, 5, 1.0, scale="sum"),
        1,
        channels=7,
        values=MAPS,
    ),
    "contrast_norm": Figure(
        "contrast normalisation: an edge; subtract the surroundings, then divide",
        lambda x: _contrast(x, divisive=False),
        7,
        values=(0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0),
        then=Figure("divide", lambda x: _contrast(x, subtractive=False), 7),
    ),
    "contrast_norm_across": Figure(
        "contrast normalisation, subtractive: the surroundings are those in both maps",
        lambda x: _contrast(x, divisive=False),
        4,
        channels=2,
        values=(0.0, 0.0, 4.0, 4.0, 1.0, 1.0, 1.0, 1.0),
    ),
}
