"""torchvision's definitions, to hold ours against: `from torchvision_oracle import torchvision`.

Its wheel is compiled against one build of torch; beside another build the operators are missing that its detectors
need, and it does not import. Nothing that is compared here uses them: where they are missing, their names are enough.
"""

import sys

import torch

__all__ = ["torchvision"]

try:
    import torchvision
except RuntimeError:  # operator torchvision::nms does not exist
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    for operator in ("nms", "qnms"):
        torch.library.define(f"torchvision::{operator}", "(Tensor dets, Tensor scores, float threshold) -> Tensor")
    import torchvision
