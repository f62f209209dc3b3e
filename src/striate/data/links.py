"""Where symbolic links may lead: to files and folders of the data itself, once, and nowhere else."""

import os

from striate.data.problems import Unreadable

__all__ = ["inside", "require_inside"]


def inside(path: str, root: str) -> bool:
    """Tell whether a path, free of links, is the root or lies in it."""
    return path == root or path.startswith(root.rstrip(os.sep) + os.sep)


def require_inside(root: str, name: str) -> str:
    """Follow every link on the way to a file.

    Args:
        root: The data's folder, free of links itself.
        name: Path relative to it.

    Returns:
        The path that is really meant.

    Raises:
        Unreadable: A link leads out of the root, in a circle or nowhere.
    """
    path = os.path.join(root, name)
    try:
        target = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        if not os.path.islink(path):
            raise Unreadable("missing", "there is no such file") from None
        raise Unreadable("link", f"leads nowhere: to {os.readlink(path)!r}") from None
    except OSError as error:
        raise Unreadable("link", error.strerror or str(error)) from None
    if not inside(target, root):
        raise Unreadable("link", f"leads out of the data, to {target!r}")
    return target
