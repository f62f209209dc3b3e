"""ops.rules: no operation lets a receptive field be understated, and costs are what is multiplied."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate.ops import positional
from striate.ops.rules import BLIND, COSTS, JOINT, RULES, cost_of, rule_of
from striate.ops.trace import Trace

aten = torch.ops.aten


def index(*shape, most=6):
    return torch.arange(torch.Size(shape).numel()).remainder(most).view(shape)


class Held(nn.Module):
    """A function of the image that takes other tensors along, wherever the image is."""

    def __init__(self, run, *others) -> None:
        super().__init__()
        self.run, self.others = run, others

    def forward(self, x):
        return self.run(x, *(other.to(x.device) for other in self.others))


def written(x, values):
    y = torch.zeros(1, 2, 8, 9, dtype=x.dtype, device=x.device)
    y[:, :, 1:7, ::2] = x[..., :5] * values
    return y


# Whatever mixes positions in a way that no window describes.
MIXING = [
    ("flip", Held(lambda x: x.flip(-1))),
    ("roll", Held(lambda x: x.roll(2, -2))),
    ("roll of all", Held(lambda x: x.roll(5))),
    ("index_select", Held(lambda x, i: x.index_select(-1, i), index(4))),
    ("index", Held(lambda x, i: x[..., i], index(4))),
    ("index in pairs", Held(lambda x, i: x[:, :, i, i], index(4))),
    ("a grid of indices", Held(lambda x, i: x[:, :, i], index(2, 3))),
    ("gather", Held(lambda x, i: x.gather(-1, i), index(1, 2, 6, 7))),
    ("gather of some", Held(lambda x, i: x.gather(-1, i), index(1, 2, 3, 4))),
    ("scatter", Held(lambda x, i: torch.zeros_like(x).scatter(-1, i, x), index(1, 2, 6, 7))),
    ("scatter_add", Held(lambda x, i: torch.zeros_like(x).scatter_add(-2, i, x), index(1, 2, 6, 7))),
    ("scatter_reduce", Held(lambda x, i: x.scatter_reduce(-2, i, x, "mean"), index(1, 2, 6, 7))),
    ("index_add", Held(lambda x, i: x.index_add(-1, i, x), index(7))),
    ("index_put", Held(lambda x, i: x.index_put((i * 0, i * 0, i), x.sum((1, 2, 3))), index(4))),
    ("unpooled", Held(lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(6, 7)))),
    ("unpooled by hand", Held(lambda x, i: x.new_zeros(1, 2, 84).scatter_add(2, i, x.flatten(2)), index(1, 2, 42))),
    ("sort", Held(lambda x: x.sort(-1)[0])),
    ("topk", Held(lambda x: x.topk(2, -2)[0])),
    ("cumsum", Held(lambda x: x.cumsum(-1))),
    ("repeat", Held(lambda x: x.repeat(1, 1, 1, 2))),
    ("repeat_interleave", Held(lambda x: x.repeat_interleave(2, -1))),
    ("interleaved", Held(lambda x: torch.stack([x, 2 * x], -1).flatten(-2))),
    ("softmax", Held(lambda x: x.softmax(-1))),
    ("attention", Held(lambda x: F.scaled_dot_product_attention(x, x, x))),
    ("group norm", nn.GroupNorm(1, 2, affine=False)),
    ("instance norm", nn.InstanceNorm2d(2)),
    ("antialias", Held(lambda x: F.interpolate(x, size=(3, 4), mode="bilinear", antialias=True))),
    ("grid sample", Held(lambda x, grid: F.grid_sample(x, grid, align_corners=False), torch.rand(1, 3, 3, 2).double())),
    ("fold", Held(lambda x: F.fold(F.unfold(x, 3, padding=1), (6, 7), 3, padding=1))),
    ("as_strided", Held(lambda x: x.as_strided((1, 2, 3, 5), (84, 42, 14, 1), 3))),
    ("written by steps", Held(written, torch.ones(()))),
    ("matmul", Held(lambda x: x @ x.mT)),
    ("einsum", Held(lambda x: torch.einsum("nchw,nchv->nchv", x, x))),
    ("lstm", nn.Sequential(nn.Flatten(0, 1), nn.LSTM(7, 3, batch_first=True))),
    ("std", Held(lambda x: x / x.std((2, 3), keepdim=True))),
    ("logsumexp", Held(lambda x: x.logsumexp(-1, keepdim=True))),
    ("prod", Held(lambda x: x.prod(-1, keepdim=True))),
]  # fmt: skip


@pytest.mark.parametrize("module", [m[1] for m in MIXING], ids=[m[0] for m in MIXING])
def test_no_field_is_understated(module):
    """Every number of the output depends on no sample outside of the field that is told."""
    module = module.double().eval()
    x = torch.rand(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)
    image = torch.empty(1, 2, 6, 7, dtype=torch.float64, device="meta")
    y = module(x)
    y = y[0] if isinstance(y, tuple) else y
    with torch.no_grad(), Trace(image) as trace:
        out = module.to("meta")(image)
    axes = trace.axes_of(out[0] if isinstance(out, tuple) else out)
    assert axes is not None
    for place in index(y.numel(), most=y.numel()).tolist():
        (gradient,) = torch.autograd.grad(y.flatten()[place], x, retain_graph=True)
        coordinates = torch.unravel_index(torch.tensor(place), y.shape)
        for axis, samples in zip(axes, gradient.nonzero()[:, 2:].T.tolist(), strict=True):
            if samples and (axis.fixed or axis.index is not None):
                first, last = axis.reach.at(0 if axis.fixed else int(coordinates[axis.index]))
                assert first <= min(samples)
                assert max(samples) <= last


# The operators of this package: (weight, stride, before, after, dilation, groups), kernels that take turns.
TILED = [
    ((2, 3), (4, 1, 3, 2), [2, 1], [1, 0], [0, 2], [1, 3], 2),
    ((1, 4), (2, 2, 1, 3), [1, 3], [0, 1], [0, 1], [1, 1], 1),
]


@pytest.mark.parametrize(
    ("tiles", "kernel", "stride", "before", "after", "dilation", "groups"), TILED, ids=["2x3", "1x4"]
)
def test_kernels_that_take_turns_see_what_one_kernel_sees(tiles, kernel, stride, before, after, dilation, groups):
    """Tiled convolution and its transpose have the field and the multiply-adds of the shared one."""
    settings = (stride, before, after, dilation, groups, False)
    image, seen = torch.empty(1, 2, 16, 18, device="meta"), []
    weight, shared = torch.empty(*tiles, *kernel, device="meta"), torch.empty(kernel, device="meta")
    with torch.no_grad(), Trace(image, lambda name, window, cost, _, out: seen.append((name, window, cost))) as trace:
        found = trace.axes_of(positional.tiled_conv(image, weight, *settings))
        padded = F.pad(image, (before[1], after[1], before[0], after[0]))
        expected = trace.axes_of(F.conv2d(padded, shared, None, stride, 0, dilation, groups))
    assert found == expected
    (name, *told), (_, *expected) = [operation for operation in seen if operation[2]]
    assert (name, told) == ("tiled_conv", expected)


def test_the_transpose_of_kernels_that_take_turns_spreads_them():
    """Its positions see what those of a transposed convolution see, counted from `before`."""
    image, seen = torch.empty(1, 4, 9, device="meta"), []
    weight = torch.empty(3, 4, 1, 4, device="meta")  # K = 4, two groups of one channel
    with torch.no_grad(), Trace(image, lambda name, window, cost, _, out: seen.append((name, window, cost))) as trace:
        out = positional.tiled_conv_transpose(image, weight, [18], [2], [1], [1], [1], 2, False)
        found = trace.axes_of(out)
        expected = trace.axes_of(F.conv_transpose1d(image, weight[0], None, 2, 1, 0, 2))
    assert out.shape == (1, 2, 18)
    assert found[0].reach == expected[0].reach
    assert [operation[1:] for operation in seen if operation[2]] == [("4 /2 groups 2", 4 * 9 * 4)] * 2


def test_an_operation_in_no_table_mixes_unless_it_works_element_by_element():
    """What is not known is taken to see everything."""
    assert rule_of(aten.erfinv.default).__name__ == "by_index"
    assert rule_of(aten.grid_sampler_2d.default).__name__ == "everything"
    assert cost_of(aten.add.Tensor) is None


def test_the_tables_name_operations_once():
    """No operation is blind and ruled, and what costs something has a rule."""
    assert not BLIND & RULES.keys()
    assert not JOINT.keys() & RULES.keys()
    assert COSTS.keys() <= RULES.keys()
