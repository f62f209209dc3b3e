"""The errors this package raises, and the one form they are written in.

To add one: a cause that a caller may want to catch by itself gets a class of its own here.
"""

__all__ = [
    "CaptureError",
    "CheckpointError",
    "DataError",
    "DtypeError",
    "Interrupted",
    "NonFiniteError",
    "OptionError",
    "ProgramError",
    "RunError",
    "ShapeError",
    "StriateError",
    "WeightsError",
]


class StriateError(Exception):
    """Something the caller can mend, said in three parts.

    Args:
        rule: The rule that is broken.
        remedy: What the caller can do.
        received: Every value that takes part in it, by name.

    Example:
        >>> print(StriateError("pad: padding is negative.", "Pass 0 or more.", padding=-1, size=(8, 8)))
        pad: padding is negative.
          padding  -1
          size     (8, 8)
        Pass 0 or more.
    """

    def __init__(self, rule: str, remedy: str, **received: object) -> None:
        # Both in `args`, `received` in `__dict__`: so the error survives pickling, on its way out of a worker process.
        super().__init__(rule, remedy)
        self.rule, self.remedy, self.received = rule, remedy, received

    def __str__(self) -> str:
        width = max(map(len, self.received), default=0)
        values = [f"  {name:<{width}}  {value}" for name, value in self.received.items()]
        return "\n".join([self.rule, *values, self.remedy])


class ShapeError(StriateError, ValueError):
    """Sizes that do not fit together."""


class DataError(StriateError, ValueError):
    """Files or labels that cannot be learnt from or judged with."""


class DtypeError(StriateError, TypeError):
    """Tensors whose kinds of numbers do not go together."""


class OptionError(StriateError, ValueError):
    """A name or a setting that does not exist, or settings that contradict each other."""


class CaptureError(StriateError, ValueError):
    """A model whose code cannot be followed operation by operation."""


class ProgramError(StriateError):
    """A compiled network's file that is damaged, too new or too large, or that cannot be written."""


class RunError(StriateError):
    """A run's folder that cannot be read or written."""


class CheckpointError(RunError):
    """A checkpoint that is damaged, missing or not what it claims to be."""


class WeightsError(StriateError):
    """Weights that are damaged, not what they claim to be, or of another network."""


class NonFiniteError(StriateError, ArithmeticError):
    """Numbers that are infinite or NaN: the loss or gradients of training that stay so, or a kernel to be separated."""


class Interrupted(StriateError):  # noqa: N818 - like KeyboardInterrupt, it is a request and not a fault
    """Training that was asked to stop, and stopped with everything saved.

    Args:
        signal_number: The signal that asked; a command exits with 128 plus it.
    """

    def __init__(self, rule: str, remedy: str, *, signal_number: int = 2, **received: object) -> None:
        super().__init__(rule, remedy, **received)
        self.signal_number = signal_number
