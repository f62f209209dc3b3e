"""torchvision's definitions, to hold ours against: `from torchvision_oracle import torchvision`.

`make` installs it apart, in .venv/oracles (oracles.txt says why). Its wheel is compiled against one build of torch;
beside another build the operators are missing that its detectors need, and it does not import. Nothing that is compared
here uses them: where they are missing, their names are enough.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import torch

__all__ = ["torchvision"]


def _import() -> Any:
    sys.path.insert(0, str(Path(sys.prefix) / "oracles"))
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:  # operator torchvision::nms does not exist
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for operator in ("nms", "qnms"):
            torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
        return importlib.import_module("torchvision")
    finally:
        del sys.path[0]


torchvision = _import()
