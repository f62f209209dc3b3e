"""What every operation that a network runs makes of an image's axes, and how many multiply-adds it costs.

To teach an operation: one line in `RULES`, and one in `COSTS` if it multiplies. An operation that is in no table and
does not work element by element is taken to mix every position, so that a receptive field is never understated.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.ops import axes, sliding
from striate.ops.axes import Axes, Rule
from striate.ops.pieces import glue
from striate.ops.sliding import window

__all__ = ["BLIND", "COSTS", "JOINT", "RULES", "cost_of", "rule_of"]

aten = torch.ops.aten


def rule_of(func: Any) -> Rule:
    """Give the rule of an operation."""
    packet = func.overloadpacket
    known = RULES.get(packet) or RULES.get(packet._qualified_op_name)
    return known or (axes.by_index if torch.Tag.pointwise in func.tags else axes.everything)


def cost_of(func: Any) -> Callable[[Mapping[str, Any], Tensor], int] | None:
    """Give what counts the multiply-adds of an operation: multiplications, each with the addition that follows."""
    return COSTS.get(func.overloadpacket) or COSTS.get(func.overloadpacket._qualified_op_name)


# Costs.


def _convolution(given: Mapping[str, Any], out: Tensor) -> int:
    # `weight` is K Cg R S, or C Kg R S where transposed: each number of the larger side meets one row of it.
    positions = given["input"] if given["transposed"] else out
    return positions.numel() * prod(given["weight"].shape[1:])


def _tiled(given: Mapping[str, Any], out: Tensor) -> int:
    # `weight` is *tiles K Cg R S.
    positions = given["input"] if "output_size" in given else out
    return positions.numel() * prod(given["weight"].shape[len(given["stride"]) + 1 :])


def _product(given: Mapping[str, Any], out: Tensor) -> int:
    return out.numel() * _left(given).shape[-1]


def _left(given: Mapping[str, Any]) -> Tensor:
    return next(given[name] for name in ("mat1", "batch1", "self") if name in given)


# What `mix` mixes.


def _contracted(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    return [-1 if tensor is _left(given) else -2 if tensor.ndim > 1 else -1]


def _reduced(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    dims = given.get("dim", given.get("dims"))
    return [dims] if isinstance(dims, int) else list(dims) if dims else list(range(tensor.ndim))


def _normalised(given: Mapping[str, Any], _tensor: Tensor) -> list[int]:
    return list(range(-len(given["normalized_shape"]), 0))


def _of_batch(given: Mapping[str, Any], tensor: Tensor) -> list[int]:
    # With stored statistics nothing is mixed; InstanceNorm has none and takes those of the image.
    return list(range(2, tensor.ndim)) if given.get("training") else []


def _channels(_given: Mapping[str, Any], _tensor: Tensor) -> list[int]:
    return [1]


# Rules of their own.


def _picked(given: Mapping[str, Any], tensor: Tensor, found: Axes, out: Tensor) -> Axes:
    """`gather`, `scatter` and their like: any position along one dimension, the same position along the others."""
    dim = given["dim"]
    shapes = [list(tensor.shape), list(out.shape)]
    for shape in shapes:
        if shape:
            shape[dim] = 1
    # An index smaller than the input leaves some of it out, which no view describes.
    rule = axes.mix(lambda *_: [dim]) if shapes[0] == shapes[1] else axes.everything
    return rule(given, tensor, found, out)


def _indexed(given: Mapping[str, Any], tensor: Tensor, found: Axes, out: Tensor) -> Axes:
    """`x[:, [0, 2]]`: one list of positions along one dimension; anything else mixes all."""
    lists = [(dim, index) for dim, index in enumerate(given["indices"]) if index is not None]
    one = len(lists) == 1 and lists[0][1].ndim == 1 and tensor is given["self"] and out.ndim == tensor.ndim
    rule = axes.mix(lambda *_: [lists[0][0]]) if one else axes.everything
    return rule(given, tensor, found, out)


_PRODUCTS = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)
# By name: `striate.ops.positional` registers them, and need not be imported for this.
_TILED = ("striate::tiled_conv", "striate::tiled_conv_transpose")

COSTS: dict[Any, Callable[[Mapping[str, Any], Shaped[Tensor, "..."]], int]] = {
    aten.convolution: _convolution,
    **dict.fromkeys(_TILED, _tiled),
    **dict.fromkeys(_PRODUCTS, _product),
}

# Operations that take a shape or a dtype from a tensor, and no number.
BLIND = frozenset(
    {aten.empty_like, aten.full_like, aten.ones_like, aten.rand_like, aten.randn_like, aten.zeros_like}
    | {aten.new_empty, aten.new_empty_strided, aten.new_full, aten.new_ones, aten.new_zeros}
)

# Rules that need all inputs at once.
JOINT = {aten.cat: glue}

RULES: dict[Any, Rule] = {
    aten.convolution: window(sliding.convolve),
    **dict.fromkeys(_TILED, window(sliding.tile)),
    **dict.fromkeys([aten.max_pool2d_with_indices, aten.avg_pool2d], window(sliding.pool, 2)),
    **dict.fromkeys([aten.max_pool3d_with_indices, aten.avg_pool3d], window(sliding.pool, 3)),
    **dict.fromkeys([aten._adaptive_avg_pool2d, aten.adaptive_max_pool2d], window(sliding.adapt, 2)),
    **dict.fromkeys([aten._adaptive_avg_pool3d, aten.adaptive_max_pool3d], window(sliding.adapt, 3)),
    aten.constant_pad_nd: window(sliding.pad),
    **dict.fromkeys([aten.reflection_pad1d, aten.reflection_pad2d, aten.reflection_pad3d], window(sliding.pad)),
    **dict.fromkeys([aten.replication_pad1d, aten.replication_pad2d, aten.replication_pad3d], window(sliding.pad)),
    aten.upsample_nearest1d: window(sliding.nearest, 1),
    aten.upsample_nearest2d: window(sliding.nearest, 2),
    aten.upsample_nearest3d: window(sliding.nearest, 3),
    aten._upsample_nearest_exact1d: window(sliding.nearest_exact, 1),
    aten._upsample_nearest_exact2d: window(sliding.nearest_exact, 2),
    aten._upsample_nearest_exact3d: window(sliding.nearest_exact, 3),
    aten.upsample_linear1d: window(sliding.linear, 1),
    aten.upsample_bilinear2d: window(sliding.linear, 2),
    aten.upsample_trilinear3d: window(sliding.linear, 3),
    aten.upsample_bicubic2d: window(sliding.cubic, 2),
    aten.pixel_shuffle: window(sliding.shuffle, 3),
    aten.pixel_unshuffle: window(sliding.unshuffle, 3),
    **dict.fromkeys([aten.channel_shuffle, aten.native_channel_shuffle], axes.mix(_channels)),
    aten.slice: window(sliding.cut),
    aten.unfold: sliding.windows,
    aten.im2col: sliding.columns,
    **dict.fromkeys(_PRODUCTS, axes.mix(_contracted)),
    **dict.fromkeys([aten.mean, aten.sum, aten.prod, aten.any, aten.all, aten.logsumexp], axes.mix(_reduced)),
    **dict.fromkeys([aten.amax, aten.amin, aten.max, aten.min, aten.argmax, aten.argmin], axes.mix(_reduced)),
    **dict.fromkeys([aten.var, aten.std, aten.var_mean, aten.std_mean, aten.linalg_vector_norm], axes.mix(_reduced)),
    **dict.fromkeys([aten._softmax, aten._log_softmax, aten.cumsum, aten.cumprod, aten.glu], axes.mix(_reduced)),
    **dict.fromkeys([aten.sort, aten.topk, aten.flip, aten.roll, aten.index_select], axes.mix(_reduced)),
    **dict.fromkeys(
        [aten.split, aten.split_with_sizes, aten.unsafe_split, aten.unsafe_split_with_sizes, aten.select, aten.unbind],
        axes.mix(_reduced),
    ),
    **dict.fromkeys([aten.gather, aten.scatter, aten.scatter_add, aten.scatter_reduce, aten.index_add], _picked),
    **dict.fromkeys([aten.scatter_, aten.scatter_add_, aten.scatter_reduce_, aten.index_add_], _picked),
    aten.index: _indexed,
    aten.native_layer_norm: axes.mix(_normalised),
    aten.native_batch_norm: axes.mix(_of_batch),
    aten._native_batch_norm_legit_no_training: axes.by_index,
    **dict.fromkeys([aten.permute, aten.transpose, aten.t], axes.permute),
    **dict.fromkeys([aten.view, aten._unsafe_view, aten._reshape_alias, aten.unsqueeze, aten.squeeze], axes.view),
    **dict.fromkeys([aten.clone, aten.detach, aten.alias, aten._to_copy, aten.copy_, aten.copy], axes.by_index),
    **dict.fromkeys([aten.expand, aten.repeat], axes.by_index),
    **dict.fromkeys([aten._prelu_kernel, aten.native_dropout, aten.bernoulli], axes.by_index),
}
