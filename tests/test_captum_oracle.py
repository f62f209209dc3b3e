"""tests.captum_oracle: the peer that explanations are compared with is there."""

import subprocess
import sys

import torch
from captum_oracle import attr
from torch import nn


def test_it_explains():
    """Without what it would draw with."""
    linear = nn.Linear(4, 2)
    found = attr.Saliency(nn.Sequential(nn.Flatten(), linear)).attribute(
        torch.ones(1, 1, 2, 2, requires_grad=True), target=1, abs=False
    )
    torch.testing.assert_close(found.flatten(), linear.weight[1].detach())


def test_it_is_in_nobody_s_way():
    """What it does without is not left behind."""
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('captum') is not None)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "matplotlib" not in sys.modules
