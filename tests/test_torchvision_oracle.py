"""tests.torchvision_oracle: the peer that networks are compared with is there, whatever build of torch is installed."""

import subprocess
import sys

import torch
from torchvision_oracle import torchvision


def test_its_networks_can_be_built():
    """Definitions alone: no weights, no download."""
    with torch.device("meta"):
        network = torchvision.models.alexnet(num_classes=7)
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 7)


def test_it_is_in_nobody_s_way():
    """Metrics are computed as they are for users, who may have no torchvision, or one that does not import."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torchvision') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
