"""A program held against the model that it was made from: an answer that is not the model's is an error."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import torch
from jaxtyping import Shaped
from torch import Tensor

from striate.engine.choice import Accuracy
from striate.errors import StriateError

__all__ = ["TOLERANCE", "verify"]

TOLERANCE: Final[dict[Accuracy, float]] = {"exact": 1e-4, "default": 1e-4, "fast": 1e-3}
"""The largest difference from the model's answer, against the largest number of that."""

_SEED: Final = 0


def verify(
    run: Callable[..., Sequence[Tensor]],
    model: Callable[..., Sequence[Tensor]],
    example: Sequence[Shaped[Tensor, "..."]],
    *,
    accuracy: Accuracy = "default",
    random: int = 1,
) -> float:
    """Compare answers to the example, and to random inputs of its size.

    Args:
        run: The program: gives its outputs.
        model: Gives the model's.
        example: Inputs.
        accuracy: The class that the program was made for.
        random: How many random inputs.

    Returns:
        The largest difference that was found, against the largest number of the model's answer.

    Raises:
        StriateError: It is beyond the tolerance, or outputs are of other sizes.

    Example:
        >>> verify(lambda x: [x + 1e-6], lambda x: [x], [torch.ones(2)]) < 1e-5
        True
    """
    worst = 0.0
    with torch.no_grad():
        for what, inputs in _inputs(example, random):
            got, want = run(*inputs), model(*inputs)
            found = max(map(_difference, got, want), default=0.0) if len(got) == len(want) else float("inf")
            if not found <= TOLERANCE[accuracy]:
                raise StriateError(
                    "compile: the program does not answer as the model does.",
                    "Compile with accuracy='exact'; if it is the same there, report it, with the model.",
                    inputs=what,
                    difference=f"{found:.2g} of the largest number",
                    tolerance=TOLERANCE[accuracy],
                    accuracy=accuracy,
                    sizes_got=[tuple(y.shape) for y in got],
                    sizes_wanted=[tuple(y.shape) for y in want],
                )
            worst = max(worst, found)
    return worst


def _difference(got: Tensor, want: Tensor) -> float:
    if got.shape != want.shape:
        return float("inf")
    a, b = got.double(), want.double()
    same = (a == b) | (a.isnan() & b.isnan())
    largest = b[b.isfinite()].abs().max().item() if bool(b.isfinite().any()) else 0.0
    apart = torch.where(same, torch.zeros_like(a), (a - b).abs())
    found = apart.max().item() if apart.numel() else 0.0
    return 0.0 if found == 0 else found / max(largest, 1e-30)


def _inputs(example: Sequence[Tensor], random: int) -> Iterator[tuple[str, Sequence[Any]]]:
    yield "the example", example
    generator = torch.Generator().manual_seed(_SEED)
    for number in range(random):
        drawn = [torch.randn(x.shape, generator=generator) if x.is_floating_point() else x for x in example]
        yield f"random ones, seed {_SEED}, draw {number + 1}", drawn
