"""A first run in a process of its own, of what may end the process in which it runs."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from striate.rivals.files import FILES, environment

__all__ = ["main", "tried"]

_PATIENCE_SECONDS: Final = 300


def tried(name: str, folder: Path, images: np.ndarray, threads: int) -> str:
    """Run a network once by one of `FILES`, in another process.

    Args:
        name: Of the runtime.
        folder: Where its file is.
        images: `N C H W`.
        threads: That it is told to use.

    Returns:
        What is wrong, in words; "" if it ran.
    """
    with tempfile.TemporaryDirectory() as other:
        np.save(Path(other) / "images.npy", images)
        command = [sys.executable, "-m", "striate.rivals.apart", name, str(folder), other, str(threads)]
        try:
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, errors="replace", env=environment(), timeout=_PATIENCE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"it runs for more than {_PATIENCE_SECONDS} seconds"
    if done.returncode < 0:
        return f"it crashes at this network ({signal.Signals(-done.returncode).name})"
    last = (done.stderr.strip() or "without a word").splitlines()[-1]
    return f"it fails: {last}" if done.returncode else ""


def main(name: str, folder: str, other: str, threads: str) -> None:
    """Open and run it: what `tried` starts."""
    FILES[name].open(Path(folder), np.load(Path(other) / "images.npy"), int(threads))()


if __name__ == "__main__":
    main(*sys.argv[1:])
