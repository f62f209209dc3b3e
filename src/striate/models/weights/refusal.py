"""How a file is refused that is not the published one, or could be but does harm."""

from pathlib import Path

from striate.errors import WeightsError

__all__ = ["reason", "refused"]


def refused(path: Path, why: str, **received: object) -> WeightsError:
    """Make the error that says why.

    Example:
        >>> print(refused(Path("/x/net.pth"), "it is empty", size="0 bytes"))
        weights: net.pth is refused: it is empty.
          path  /x/net.pth
          size  0 bytes
        It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights.
    """
    return WeightsError(
        f"weights: {path.name} is refused: {why}.",
        "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights.",
        path=path,
        **received,
    )


def reason(error: BaseException) -> str:
    """Say in one line what a library said in many.

    Example:
        >>> reason(ValueError("no tensor. Do this, do that."))
        'ValueError: no tensor'
    """
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}".partition(". ")[0][:160]
