"""What Fourier transforms make of a two-dimensional problem: the same questions as the core's algorithms answer."""

from functools import lru_cache

from striate.engine.fourier import Fourier
from striate.engine.problem import Problem
from striate.engine.tiling import Tiling

__all__ = ["FFT", "fourier", "packed_bytes", "refuses", "tiles", "work", "workspace_bytes"]

FFT = "fft"
"""The algorithm's name."""


@lru_cache(maxsize=4096)
def fourier(problem: Problem) -> Fourier:
    """Write a problem of stride 1 as transforms have it; an input's gradient is the convolution that makes it.

    Example:
        >>> problem = Problem.of((1, 8, 40, 40), (16, 8, 9, 9), padding=(4, 4))
        >>> fourier(problem).output, fourier(problem.turned("input gradient")).output
        ((1, 16, 40, 40), (1, 8, 40, 40))
    """
    top, bottom, left, right = problem.padding
    sides = ((top, bottom), (left, right))
    found = Fourier(problem.input, problem.weight, sides, problem.dilation, problem.groups, problem.dtype)
    return found.turned if problem.direction == "input gradient" else found


def refuses(problem: Problem) -> str:
    """Say why transforms cannot compute this; "" if they can."""
    return "" if problem.stride == (1, 1) else "its stride is not 1"


def tiles(problem: Problem) -> Tiling:
    """Say how images are cut."""
    found = fourier(problem)
    return found.weight_tiles if problem.direction == "weight gradient" else found.tiles


def work(problem: Problem) -> float:
    """Tell what it takes, in the time that a thread takes to multiply and add."""
    use = "weights" if problem.direction == "weight gradient" else "images"
    return tiles(problem).work(problem.input[0], use)


def workspace_bytes(problem: Problem, threads: int) -> int:
    """Count the bytes that are kept meanwhile."""
    return fourier(problem).workspace_bytes(threads, of_weight=problem.direction == "weight gradient")


def packed_bytes(problem: Problem) -> int:
    """Count the bytes of the kernels' spectra."""
    return 0 if problem.direction == "weight gradient" else problem.dtype.itemsize * fourier(problem).prepared
