"""What a convolution is expected to take, by our algorithms and by PyTorch's own. Nothing is timed.

The core says how much work an algorithm makes of a problem; what PyTorch makes of it is told here, from what it was
seen to do. Only ratios decide, so the rate at which work is done is about that of any processor.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Final, NamedTuple

import torch

from striate.engine import by_fourier
from striate.engine.by_fourier import FFT
from striate.engine.by_onednn import ONEDNN
from striate.engine.core import core
from striate.engine.fourier import Fourier
from striate.engine.problem import Direction, Problem
from striate.engine.table import table

__all__ = ["MOVE", "RECORD", "deep_seconds", "fourier_seconds", "seconds", "torch_seconds", "torch_seconds_of"]

# Multiply-adds that one thread does in a second, about: two vectors a cycle at 4 GHz.
_RATE_PER_LANE: Final = 8e9
_LANES: Final = {"avx512": 16, "avx2": 8, "neon": 4, "baseline": 4}

# What a call takes that computes next to nothing: tiny problems are decided by this. PyTorch's is reached through ours.
_CALL: Final[dict[Direction, float]] = {"forward": 11e-6, "input gradient": 25e-6, "weight gradient": 25e-6}

RECORD: Final = 60e-6
"""To record a convolution for gradients, and to come back to it, in Python rather than in PyTorch itself."""

# For a number of the output that PyTorch reads again, to add another or to rectify it.
_AGAIN: Final = 0.15e-9

_THROUGH: Final[dict[Direction, float]] = {"forward": 4e-6, "input gradient": 0.0, "weight gradient": 0.0}

# Seconds to bring a number from one memory layout to the other, and to pack a byte of weights, on one thread. Who takes
# gradients changes the weights, and packs them every time.
MOVE: Final = 0.3e-9
_MOVE_CALL: Final = 9e-6
_PACK: Final = 0.12e-9

# A call of Fourier transforms, which are some ten of PyTorch's.
_FOURIER_CALL: Final = 80e-6


# What transforms and products of spectra take, against those of 32 bits on half as many lanes: of 64 bits the products
# are PyTorch's.
_COMPLEX: Final = {torch.float32: 1.0, torch.float64: 1.5}

# A call of oneDNN with packed weights, beside what PyTorch's own takes for the kind; to read one of them; to pack it,
# which takes two copies.
_ONEDNN_CALL: Final = 30e-6
_READ: Final = 0.08e-9
_PACK_ONEDNN: Final = 1.5e-9


class _Torch(NamedTuple):
    """What PyTorch's convolution takes on one thread, of a kind of problem in a memory layout.

    Args:
        product: A multiply-add, against one at the peak rate; output channels fill whole vectors.
        output: Seconds for a number of the output.
        input: For a number of the input.
        weight: For a weight: they are packed at every call.
        call: For the call.
    """

    product: float
    output: float
    input: float
    weight: float
    call: float


# Fitted to its times on 330 problems, with AVX2 and with AVX-512: by kind, and whether channels lie side by side. Calls
# were timed again on small problems.
_TORCH: Final[dict[tuple[str, bool], _Torch]] = {
    ("pointwise", True): _Torch(1.30, 0.05e-9, 0.02e-9, 0.26e-9, 7e-6),
    ("pointwise", False): _Torch(1.20, 0.05e-9, 0.10e-9, 0.30e-9, 7e-6),
    ("dense", True): _Torch(1.25, 0.17e-9, 0.22e-9, 0.50e-9, 11e-6),
    ("dense", False): _Torch(1.25, 0.40e-9, 0.70e-9, 0.52e-9, 11e-6),
    ("stem", True): _Torch(1.55, 0.15e-9, 1.60e-9, 0.0, 9e-6),
    ("stem", False): _Torch(1.80, 0.15e-9, 2.20e-9, 0.0, 8e-6),
    ("depthwise", True): _Torch(2.80, 0.12e-9, 0.10e-9, 1.0e-9, 32e-6),
    ("depthwise", False): _Torch(2.40, 0.28e-9, 0.47e-9, 0.0, 50e-6),
    ("grouped", True): _Torch(1.20, 0.60e-9, 0.10e-9, 0.50e-9, 48e-6),
    ("grouped", False): _Torch(1.70, 0.20e-9, 0.25e-9, 0.90e-9, 58e-6),
}

# Of 64-bit floats it copies the input for every tap of every position, and multiplies matrices, group by group. Where
# channels lie side by side, a group of them is cut out first, number by number.
_TORCH_64: Final = _Torch(1.2, 0.2e-9, 0.2e-9, 0.5e-9, 40e-6)
_UNFOLD_64: Final = 1.15e-9
_GROUP_64: Final = 15e-6
_CUT_64: Final = 7e-9

# A multiply-add of a 1x1 kernel, where it is otherwise with fewer lanes: nearer to a peak that is easier to reach.
_POINTWISE: Final = {"avx2": 1.22}

# A multiply-add where a kernel has many taps, with channels side by side.
_MANY: Final = 200
_OF_MANY: Final = {"dense": 1.6, "depthwise": 2.1}

# Planes of channels are unfolded first where a kernel is wider than that: for every position, channel and tap.
_WIDE: Final = 14
_UNFOLD: Final = 90.0  # multiply-adds

# What PyTorch's convolution of volumes takes, against that of images: by kind, and whether channels lie side by side.
_NEGLECTED: Final = {("depthwise", False): 3.0, ("pointwise", True): 4.0}

# Its gradients are not as well looked after: what they take, against the convolution.
_GRADIENT: Final[dict[Direction, float]] = {"forward": 1.0, "input gradient": 1.1, "weight gradient": 1.1}
_GRADIENT_OF_VOLUMES: Final[dict[Direction, float]] = {"forward": 1.0, "input gradient": 1.3, "weight gradient": 1.3}
_GRADIENT_64: Final[dict[Direction, float]] = {"forward": 1.0, "input gradient": 1.4, "weight gradient": 1.1}
_POINTWISE_64: Final = 2.5  # the input's, again: nothing is folded, but it is copied all the same


def seconds(place: int, problem: Problem, threads: int) -> float:
    """Estimate the algorithm at a place of the direction's table."""
    others = _OTHERS.get(table(problem.direction).names()[place])
    if others is not None:
        return others(problem, threads)
    work = table(problem.direction).work(place, problem, threads) / _rate(problem.dtype)
    moves = 0.0 if problem.channels_last else _move(problem.dtype) * _images(problem)
    if problem.packed_anew or problem.direction == "input gradient":
        moves += _PACK * table(problem.direction).packed_bytes(place, problem)
    calls = _CALL[problem.direction] + (0.0 if problem.channels_last else _MOVE_CALL)
    return calls + (work + moves) / threads


def deep_seconds(place: int, slice_: Problem, stack: tuple[int, int, int, int, int], *, packs: bool) -> float:
    """Estimate kernels of volumes, all of whose planes are taken at once, on one thread.

    Args:
        place: Of the algorithm in the core's table.
        slice_: One slice by one plane.
        stack: What is computed of volumes; see `deep`.
        packs: Whether weights are packed at every call.
    """
    packing = _PACK * stack[3] * table(slice_.direction).packed_bytes(place, slice_) if packs else 0.0
    return core().deep_cost(place, slice_.handle, stack) / _rate(slice_.dtype) + packing


def _by_fourier(problem: Problem, threads: int) -> float:
    again = problem.packed_anew or problem.direction == "input gradient"
    moves = _move(problem.dtype) * _images(problem) if problem.channels_last else 0.0
    moves += _AGAIN * (problem.residual + problem.relu) * prod(problem.output)
    of_weight = problem.direction == "weight gradient"
    return fourier_seconds(by_fourier.fourier(problem), threads, of_weight=of_weight, again=again) + moves / threads


def _by_onednn(problem: Problem, threads: int) -> float:
    """PyTorch's, of images whose channels lie side by side, but for packing."""
    sizes = (prod(problem.input), prod(problem.output))
    one = _torch_seconds(problem.weight, problem.groups, sizes, threads, last=True)
    weights = prod(problem.weight)
    packing = _TORCH[_kind(problem.weight, problem.groups), True].weight * weights
    moves = 0.0 if problem.channels_last else MOVE * _images(problem)
    anew = _PACK_ONEDNN * weights if problem.packed_anew else 0.0
    again = _AGAIN * (problem.residual + problem.relu) * sizes[1]
    return _ONEDNN_CALL + one.call + one.work + (moves + anew + again + _READ * weights - packing) / threads


_OTHERS: Final[dict[str, Callable[[Problem, int], float]]] = {FFT: _by_fourier, ONEDNN: _by_onednn}


def fourier_seconds(of: Fourier, threads: int, *, of_weight: bool = False, again: bool = False) -> float:
    """Estimate Fourier transforms.

    Args:
        of: What they compute, of planes of channels.
        threads: That share the work.
        of_weight: Whether it is the weight's gradient.
        again: Whether the weight's spectra are made at every call.
    """
    tiles = of.weight_tiles if of_weight else of.tiles
    work = tiles.work(of.input[0], "weights" if of_weight else "images") + (tiles.packing if again else 0.0)
    return _FOURIER_CALL + work * _COMPLEX[of.dtype] / _rate(of.dtype) / threads


def torch_seconds(problem: Problem, threads: int) -> float:
    """Estimate PyTorch's own convolution, which adds up products as the definition does."""
    sizes = (prod(problem.input), prod(problem.output))
    last, dtype = problem.channels_last, problem.dtype
    one = _torch_seconds(problem.weight, problem.groups, sizes, threads, last=last, dtype=dtype)
    again = _AGAIN * (problem.residual + problem.relu) * sizes[1] / threads
    return (
        one.call
        + _THROUGH[problem.direction]
        + _gradient(problem.direction, problem.weight, dtype) * (one.work + again)
    )


def torch_seconds_of(
    weight: Sequence[int],
    groups: int,
    sizes: tuple[int, int],
    threads: int,
    *,
    last: bool = False,
    of: tuple[Direction, torch.dtype] = ("forward", torch.float32),
) -> float:
    """Estimate PyTorch's own convolution along any axes: as if they were two, but for what is not as well looked after.

    Args:
        weight: Its shape.
        groups: Blocks of channels.
        sizes: How many numbers the input and the output have.
        threads: That share it.
        last: Whether channels lie side by side.
        of: What is computed, of which numbers.
    """
    direction, dtype = of
    one = _torch_seconds(weight, groups, sizes, threads, last=last, dtype=dtype)
    times = _NEGLECTED.get((_kind(weight, groups), last), 1.0) if len(weight) == 5 else 1.0
    times *= _gradient(direction, weight, dtype)
    return one.call + times * one.work


class _Seconds(NamedTuple):
    call: float
    work: float


def _torch_seconds(
    weight: Sequence[int],
    groups: int,
    sizes: tuple[int, int],
    threads: int,
    *,
    last: bool,
    dtype: torch.dtype = torch.float32,
) -> _Seconds:
    """Estimate one, of so many numbers of input and output."""
    if dtype is torch.float64:
        return _torch_seconds_64(weight, groups, sizes, threads, last=last)
    kind, lanes = _kind(weight, groups), _lanes(dtype)
    of, (inputs, outputs) = _TORCH[kind, last], sizes
    k, taken, *taps = weight
    # Depthwise, whole vectors of channels are multiplied by theirs; else numbers by whole vectors of channels.
    full = -(-k // lanes) * lanes if kind == "depthwise" else groups * -(-k // groups // lanes) * lanes * taken
    unfolds = taps[-1] > _WIDE and not last and not (kind == "stem" and len(taps) == 1)
    unfolded = _UNFOLD * groups * taken if unfolds else 0.0
    each = _OF_MANY.get(kind, of.product) if prod(taps) > _MANY and last else of.product
    each = _POINTWISE.get(_isa(), each) if kind == "pointwise" else each
    work = (each * full + unfolded) * outputs / k * prod(taps) / _rate(dtype)
    moves = of.output * outputs + of.input * inputs + of.weight * prod(weight)
    return _Seconds(of.call, (work + moves) / threads)


def _torch_seconds_64(
    weight: Sequence[int], groups: int, sizes: tuple[int, int], threads: int, *, last: bool
) -> _Seconds:
    of, (inputs, outputs), (k, taken, *taps) = _TORCH_64, sizes, weight
    unfolded = _UNFOLD_64 * groups if prod(taps) > 1 else 0.0
    work = outputs / k * taken * prod(taps) * (of.product * k / _rate(torch.float64) + unfolded)
    cut = _CUT_64 if last and groups > 1 else 0.0
    moves = (of.output + cut) * outputs + (of.input + cut) * inputs + of.weight * prod(weight)
    return _Seconds(of.call + (_GROUP_64 * groups if groups > 1 else 0.0), (work + moves) / threads)


def _gradient(direction: Direction, weight: Sequence[int], dtype: torch.dtype) -> float:
    if dtype is torch.float32:
        return (_GRADIENT_OF_VOLUMES if len(weight) == 5 else _GRADIENT)[direction]
    again = _POINTWISE_64 if direction == "input gradient" and prod(weight[2:]) == 1 else 1.0
    return again * _GRADIENT_64[direction]


def _kind(weight: Sequence[int], groups: int) -> str:
    k, taken, *taps = weight
    kinds = {
        "depthwise": groups > 1 and taken == 1 and groups == k,
        "grouped": groups > 1,
        "pointwise": prod(taps) == 1,
        "stem": taken <= 4,
    }
    return next((kind for kind, holds in kinds.items() if holds), "dense")


def _images(problem: Problem) -> int:
    n, c, h, w = problem.input
    _, k, p, q = problem.output
    return n * (c * h * w + k * p * q)


def _move(dtype: torch.dtype) -> float:
    return MOVE * dtype.itemsize / 4


def _lanes(dtype: torch.dtype) -> int:
    return _LANES[_isa()] * 4 // dtype.itemsize


def _isa() -> str:
    return core().chosen_isa() or "baseline"


def _rate(dtype: torch.dtype) -> float:
    return _RATE_PER_LANE * _lanes(dtype)
