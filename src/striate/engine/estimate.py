"""What a convolution is expected to take, by our algorithms and by PyTorch's own. Nothing is timed.

The core says how much work an algorithm makes of a problem; what PyTorch makes of it is told here, from what it was
seen to do. Only ratios decide, so the rate at which work is done is about that of any processor.
"""

from math import prod
from typing import Final

from striate.engine.core import core
from striate.engine.problem import Direction, Problem
from striate.engine.table import table

__all__ = ["seconds", "torch_seconds"]

# Multiply-adds that one thread does in a second, about: two vectors a cycle at 3 GHz.
_RATE_PER_LANE: Final = 6e9
_LANES: Final = {"avx512": 16, "avx2": 8, "neon": 4, "baseline": 4}

# What a call takes that computes next to nothing: tiny problems are decided by this.
_CALL: Final[dict[Direction, float]] = {"forward": 9e-6, "input gradient": 25e-6, "weight gradient": 25e-6}
_TORCH_CALL: Final[dict[Direction, float]] = {"forward": 7e-6, "input gradient": 10e-6, "weight gradient": 10e-6}

# Seconds to bring a number from one memory layout to another, on one thread: images for us, weights for PyTorch, which
# does so at every call.
_MOVE: Final = 1e-9
_TORCH_MOVE: Final = 0.5e-9

# Seconds to pack a byte of weights, on one thread. Who takes gradients changes the weights, and packs them every time.
_PACK: Final = 0.12e-9


def seconds(place: int, problem: Problem, threads: int) -> float:
    """Estimate the algorithm at a place of the direction's table."""
    work = table(problem.direction).work(place, problem, threads) / _rate()
    moves = 0.0 if problem.channels_last else _MOVE * _images(problem)
    if problem.direction == "input gradient":
        moves += _PACK * table(problem.direction).packed_bytes(place, problem)
    return _CALL[problem.direction] + (work + moves) / threads


def torch_seconds(problem: Problem, threads: int) -> float:
    """Estimate PyTorch's own convolution.

    It adds up products as the definition does, in vectors of output channels. Depthwise, it does so as well as may be
    where the channels lie side by side, and badly where they do not; with a few channels a group, vectors are not full.
    """
    _, taken, _, _ = problem.weight
    kernels = problem.kernels[0] // problem.groups
    lanes = _lanes()
    work = 1.15 * problem.multiply_adds
    if problem.groups > 1 and taken == kernels == 1:
        work *= 8.0 if problem.channels_last else 40.0
    elif problem.groups > 1:
        work *= max(1.0, 1.2 * lanes / max(taken, kernels))
    else:
        work *= -(-kernels // lanes) * lanes / kernels
    moves = _TORCH_MOVE * prod(problem.weight)
    return _TORCH_CALL[problem.direction] + (work / _rate() + moves) / threads


def _images(problem: Problem) -> int:
    n, c, h, w = problem.input
    _, k, p, q = problem.output
    return n * (c * h * w + k * p * q)


def _lanes() -> int:
    return _LANES[core().chosen_isa() or "baseline"]


def _rate() -> float:
    return _RATE_PER_LANE * _lanes()
