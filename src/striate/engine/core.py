"""The way to the compiled core, `striate._engine`."""

import importlib
import sys

from striate.errors import StriateError

__all__ = ["core"]


# No return annotation: the checker finds the module by itself, and knows every function in it.
def core():
    """Import the compiled core, after torch.

    Raises:
        StriateError: The core is not built, or was built for another Python.
    """
    # torch first: the core runs on the OpenMP runtime that torch brings, and a process must not have two.
    # Both in here: `import striate` does without the core, so a tree that is not built can still say so.
    if "torch" not in sys.modules:
        importlib.import_module("torch")

    try:
        from striate import _engine  # pyright: ignore[reportMissingModuleSource] - its source is C++
    except ImportError as error:
        raise StriateError(
            "engine: the compiled core, striate._engine, cannot be imported.",
            "Build it: run `make test` in the source tree, or `pip install --no-build-isolation -e .` after "
            "`pip install -r constraints.txt`.",
            reason=error,
        ) from error
    return _engine
