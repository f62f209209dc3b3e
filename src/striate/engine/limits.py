"""How much memory the engine may take beside the tensors it is given."""

from typing import Final, NamedTuple

from striate.errors import OptionError

__all__ = ["Limits", "limit", "limits"]


class Limits(NamedTuple):
    """Bytes, of this process.

    Args:
        packed_bytes: Of all packed weights that are kept together; those used longest ago make room.
        workspace_bytes: Of what an algorithm keeps while it runs, in each thread that calls.
    """

    packed_bytes: int = 1 << 30
    workspace_bytes: int = 1 << 29


_NOW: Final[list[Limits]] = [Limits()]


def limits() -> Limits:
    """Give the limits that hold.

    Example:
        >>> limits().workspace_bytes == 512 * 1024 * 1024
        True
    """
    return _NOW[0]


def limit(*, packed_bytes: int | None = None, workspace_bytes: int | None = None) -> Limits:
    """Set limits, from now on and for all threads. An algorithm that would go beyond one declines.

    Args:
        packed_bytes: Of packed weights, as in `Limits`; None leaves it.
        workspace_bytes: Of workspace; None leaves it.

    Returns:
        The limits that held before.

    Raises:
        OptionError: A limit is negative.

    Example:
        >>> before = limit(workspace_bytes=1_000_000)
        >>> limit(workspace_bytes=before.workspace_bytes).workspace_bytes
        1000000
    """
    given = {"packed_bytes": packed_bytes, "workspace_bytes": workspace_bytes}
    changes = {name: value for name, value in given.items() if value is not None}
    if any(value < 0 for value in changes.values()):
        raise OptionError("engine: a limit of memory is negative.", "Give 0 or more bytes.", **changes)
    before = limits()
    _NOW[0] = before._replace(**changes)
    return before
