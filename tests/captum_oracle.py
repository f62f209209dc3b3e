"""Captum's methods, to hold ours against: `from captum_oracle import attr`.

`make` installs it apart, in .venv/oracles, and without what it draws with and counts progress by: nothing that is
compared here does either, so their names are enough.
"""

import importlib
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

__all__ = ["attr"]

_ABSENT = (
    *("matplotlib", "matplotlib.axes", "matplotlib.cm", "matplotlib.collections", "matplotlib.colors"),
    *("matplotlib.figure", "matplotlib.image", "matplotlib.pyplot", "mpl_toolkits", "mpl_toolkits.axes_grid1"),
    *("tqdm", "tqdm.auto"),
)


def _import() -> Any:
    missing = [name for name in _ABSENT if name not in sys.modules]
    sys.path.insert(0, str(Path(sys.prefix) / "oracles"))
    sys.modules.update({name: MagicMock() for name in missing})
    try:
        return importlib.import_module("captum.attr")
    finally:
        del sys.path[0]
        for name in missing:
            del sys.modules[name]


attr = _import()
