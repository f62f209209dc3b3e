"""Instruction sets: those that there are kernels for, and the one that runs."""

from striate.engine.core import core
from striate.errors import OptionError

__all__ = ["isa", "isas"]


def isas() -> dict[str, str]:
    """List every instruction set that there are kernels for, best first, and why it cannot run here.

    Returns:
        The reason by name; an empty one where the set can run. The last set, "baseline", runs everywhere.

    Example:
        >>> isas()["baseline"]
        ''
    """
    return dict(core().isas())


def isa() -> str:
    """Name the instruction set whose kernels run: the best this machine has, or what STRIATE_ISA asks for.

    The environment variable is read once, when the core is loaded.

    Raises:
        OptionError: STRIATE_ISA names a set that is unknown, or that this machine does not have.
    """
    chosen = core().chosen_isa()
    if chosen is None:
        reasons = isas()
        usable = ", ".join(name for name, reason in reasons.items() if not reason)
        raise OptionError(
            "engine: STRIATE_ISA names an instruction set that cannot be used here.",
            f"Set it to one of: {usable}; or unset it, and the first of them is used.",
            STRIATE_ISA=core().forced_isa(),
            **{name: reason or "can be used" for name, reason in reasons.items()},
        )
    return chosen
