"""The gradient with respect to a convolution's input, as convolutions of the gradient with the kernels turned round.

Where the stride is 1 it is one convolution. Otherwise it is one for each phase of the stride: input samples `a`,
`a + stride`, `a + 2 stride`, ... are all reached by the same taps, and those form a smaller kernel.

    out[p] = Σ_r w[r] in[p·stride + r·dilation - padding]
    gradient[a + j·stride] = Σ_r w[r] g[(a + padding - r·dilation) / stride + j]    over the r that divide

Those taps are `first`, `first + step`, ...: with `d = gcd(stride, dilation)` their step is `stride / d`, and from one
to the next `g` is read `dilation / d` samples earlier.
"""

from functools import lru_cache
from itertools import product
from math import gcd
from typing import NamedTuple

from striate.engine.problem import Problem

__all__ = ["Part", "Phase", "Taps", "parts"]


class Taps(NamedTuple):
    """Some of a kernel's taps along one axis, in the order in which they are read: from the last to the first.

    Args:
        last: The one that is read first.
        step: From it to the next, which is nearer to the kernel's beginning.
        number: How many there are.
    """

    last: int
    step: int
    number: int


class Phase(NamedTuple):
    """What one phase of the stride is, along one axis.

    Args:
        places: Those of the gradient with respect to the input, that it computes.
        taps: Those of the kernel, that reach them; None if no tap does, and the gradient is 0.
        padding: Zeros before and after the gradient that arrives.
        dilation: Between the taps, in samples of it.
    """

    places: slice
    taps: Taps | None
    padding: tuple[int, int]
    dilation: int


class Part(NamedTuple):
    """One of the convolutions.

    Args:
        places: Rows and columns that it computes.
        problem: It; None where the gradient is 0.
        taps: Those of the kernels that it reads, down and across.
    """

    places: tuple[slice, slice]
    problem: Problem | None
    taps: tuple[Taps, Taps] | None


@lru_cache(maxsize=4096)
def parts(problem: Problem) -> tuple[Part, ...]:
    """Write the gradient with respect to the input as convolutions.

    Example:
        >>> problem = Problem.of((1, 1, 8, 8), (1, 1, 3, 3), stride=(2, 2), padding=(1, 1))
        >>> [part.problem.kernels[1:] for part in parts(problem)]
        [(1, 1), (1, 2), (2, 1), (2, 2)]
    """
    axes = [
        [
            _phase(a, *sizes)
            for a in range(min(sizes[0], sizes[2]))  # a sample that is not there is in no phase
        ]
        for sizes in zip(
            problem.input[2:],
            problem.kernels[1:],
            problem.stride,
            problem.padding[::2],
            problem.dilation,
            problem.positions,
            strict=True,
        )
    ]
    return tuple(_part(problem, down, across) for down, across in product(*axes))


def _phase(a: int, size: int, kernel: int, stride: int, before: int, dilation: int, positions: int) -> Phase:
    divisor = gcd(stride, dilation)
    step, apart = stride // divisor, dilation // divisor
    places = slice(a, size, stride)
    first = next((r for r in range(min(step, kernel)) if (a + before - r * dilation) % stride == 0), None)
    if first is None:
        return Phase(places, None, (0, 0), 1)
    count = len(range(first, kernel, step))
    reach = (count - 1) * apart
    start = (a + before - first * dilation) // stride  # where the first tap reads, for the first place
    wanted = len(range(size)[places])
    return Phase(
        places, Taps(first + (count - 1) * step, step, count), (reach - start, wanted - positions + start), apart
    )


def _part(problem: Problem, down: Phase, across: Phase) -> Part:
    places = (down.places, across.places)
    if down.taps is None or across.taps is None:
        return Part(places, None, None)
    smaller = Problem(
        problem.output,
        (problem.input[1], down.taps.number, across.taps.number),
        padding=(*down.padding, *across.padding),
        dilation=(down.dilation, across.dilation),
        groups=problem.groups,
        dtype=problem.dtype,
    )
    return Part(places, smaller, (down.taps, across.taps))
