"""What the caller asks of the choice among algorithms: one by name, how exact, and the same everywhere."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, get_args

from striate.engine.by_fourier import FFT
from striate.engine.by_onednn import ONEDNN
from striate.engine.core import core
from striate.errors import OptionError

__all__ = [
    "NOT_OURS",
    "TORCH",
    "Accuracy",
    "Choice",
    "Memory",
    "accuracy",
    "algorithms",
    "asked",
    "chosen",
    "locked",
    "reproducible",
    "use",
]

Accuracy = Literal["exact", "default", "fast"]
"""How far from the definition's sums a result may be: as far as another order of adding takes it, twice, ten times."""

Memory = Literal["fast", "small"]
"""How a program uses memory: as is fastest, or as little as it can."""

TORCH: Final = "torch"
"""PyTorch's own convolution, the last candidate: it computes what it is expected to compute faster."""

NOT_OURS: Final = (ONEDNN, TORCH)
"""Those whose results depend on the batch and on the threads."""

# The class that algorithms need whose names begin so, first match; all others add up products as the definition does.
_NEEDS: Final[dict[str, Accuracy]] = {"winograd-6x6": "fast", "winograd": "default", FFT: "default"}


class Choice(NamedTuple):
    """What is asked.

    Args:
        forced: The one algorithm that may run; "" for any.
        accuracy: How far from the exact sums a result may be.
        torch: Whether PyTorch's own convolution is a candidate.
        locked: Whether measured times alone decide: None if not, else the file that they are in, "" for the usual ones.
        memory: Of programs: whether they may keep forms of weights that are larger than the weights, and what they work
            in.
    """

    forced: str = ""
    accuracy: Accuracy = "default"
    torch: bool = True
    locked: str | None = None
    memory: Memory = "fast"

    def allows(self, algorithm: str) -> bool:
        """Tell whether an algorithm is as exact as was asked.

        Example:
            >>> [Choice(accuracy="default").allows(name) for name in ("direct", "winograd-4x4", "winograd-6x6")]
            [True, True, False]
        """
        needs = next((needs for name, needs in _NEEDS.items() if algorithm.startswith(name)), "exact")
        classes = get_args(Accuracy)
        return classes.index(needs) <= classes.index(self.accuracy)


_ASKED: Final[ContextVar[Choice]] = ContextVar("choice", default=Choice())  # noqa: B039 - a tuple never changes

chosen = _ASKED.get
"""Give what is asked here and now, in this thread."""


def algorithms() -> list[str]:
    """List every algorithm by name: the core's, first of the forward pass; Fourier transforms; those of PyTorch last.

    Example:
        >>> algorithms()[-1]
        'torch'
    """
    return list(dict.fromkeys([*core().algorithms(), *core().weight_gradients(), FFT, ONEDNN, TORCH]))


@contextmanager
def use(algorithm: str) -> Generator[None]:
    """Run exactly this algorithm, within; a problem that it cannot compute is an error, which says why.

    A direction whose table does not have the algorithm at all is planned as ever: there is no Winograd of depthwise
    weight gradients, and a network can be trained nonetheless. The gradients of what was computed within are computed
    so as well, wherever `backward` is called.

    Raises:
        OptionError: No algorithm has that name.

    Example:
        >>> with use("direct"):
        ...     chosen().forced
        'direct'
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

    Args:
        level: "exact" adds up products as the definition does; "default" loses at most twice what that loses; "fast"
            about ten times.

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
    """Leave PyTorch's own out, and oneDNN: their results depend on the batch and on the threads, ours do not."""
    with _asked(torch=False):
        yield


@contextmanager
def locked(file: str | PathLike[str] | None = None) -> Generator[None]:
    """Plan by measured times alone, within: the same algorithms every time. Nothing is estimated.

    A problem that several algorithms could compute, and of which nothing was measured with these kernels on this
    machine, is an error when it is met. What `use` forces needs no measurement.

    Args:
        file: The one file of wisdom that counts; None for the user's and the package's.

    Example:
        >>> with locked("plans.jsonl"):
        ...     str(chosen().locked).endswith("plans.jsonl")
        True
    """
    with _asked(locked="" if file is None else str(Path(file).absolute())):
        yield


@contextmanager
def asked(choice: Choice) -> Generator[None]:
    """Ask for what was asked for once before, within: of whoever plans later."""
    with _asked(**choice._asdict()):
        yield


@contextmanager
def _asked(**changes: Any) -> Generator[None]:
    token = _ASKED.set(_ASKED.get()._replace(**changes))
    try:
        yield
    finally:
        _ASKED.reset(token)
