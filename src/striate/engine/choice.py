"""What the caller asks of the choice among algorithms: one by name, how exact, and the same everywhere."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from striate.engine.core import core
from striate.errors import OptionError

__all__ = ["Accuracy", "Choice", "accuracy", "algorithms", "chosen", "reproducible", "use"]

Accuracy = Literal["exact", "default", "fast"]

TORCH: Final = "torch"
"""PyTorch's own convolution, the last candidate: so the planner never loses to it."""

# The class that an algorithm needs: `exact` adds up the products as the definition does; `default` loses at most twice
# what that loses; `fast` about ten times.
_NEEDS: Final[dict[str, Accuracy]] = {
    "winograd-2x2": "default",
    "winograd-4x4": "default",
    "winograd-2x2-5x5": "default",
    "winograd-6x6": "fast",
}


@dataclass(frozen=True)
class Choice:
    """What is asked.

    Args:
        forced: The one algorithm that may run; "" for any.
        accuracy: How far from the exact sums a result may be.
        torch: Whether PyTorch's own convolution is a candidate.
    """

    forced: str = ""
    accuracy: Accuracy = "default"
    torch: bool = True

    def allows(self, algorithm: str) -> bool:
        """Tell whether an algorithm is as exact as was asked."""
        classes = get_args(Accuracy)
        return classes.index(_NEEDS.get(algorithm, "exact")) <= classes.index(self.accuracy)


_ASKED: Final[ContextVar[Choice]] = ContextVar("choice", default=Choice())  # noqa: B039 - frozen


def chosen() -> Choice:
    """Give what is asked here and now."""
    return _ASKED.get()


def algorithms() -> list[str]:
    """List every algorithm by name, best guess first; the reference and PyTorch's own come last.

    Example:
        >>> algorithms()[-2:]
        ['reference', 'torch']
    """
    return [*core().algorithms(), TORCH]


@contextmanager
def use(algorithm: str) -> Generator[None]:
    """Run exactly this algorithm, within; a problem that it cannot compute is an error, which says why.

    Raises:
        OptionError: No algorithm has that name.

    Example:
        >>> with use("winograd-4x4"):
        ...     chosen().forced
        'winograd-4x4'
    """
    if algorithm not in algorithms():
        raise OptionError(
            f"engine: no algorithm is called {algorithm!r}.", f"Choose one of: {', '.join(algorithms())}."
        )
    with _asked(forced=algorithm):
        yield


@contextmanager
def accuracy(level: Accuracy) -> Generator[None]:
    """Say how far from the exact sums results may be, within.

    Raises:
        OptionError: There is no such class.
    """
    if level not in get_args(Accuracy):
        raise OptionError(
            "engine: there is no such class of accuracy.",
            f"Choose one of: {', '.join(get_args(Accuracy))}.",
            accuracy=repr(level),
        )
    with _asked(accuracy=level):
        yield


@contextmanager
def reproducible() -> Generator[None]:
    """Leave PyTorch's own convolution out, within: its results depend on the batch and on the threads, ours do not."""
    with _asked(torch=False):
        yield


@contextmanager
def _asked(**changes: object) -> Generator[None]:
    token = _ASKED.set(replace(_ASKED.get(), **changes))  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        _ASKED.reset(token)
