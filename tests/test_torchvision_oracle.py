"""tests.torchvision_oracle: the peer that networks are compared with is there, whatever build of torch is installed."""

import torch
from torchvision_oracle import torchvision


def test_its_networks_can_be_built():
    """Definitions alone: no weights, no download."""
    with torch.device("meta"):
        network = torchvision.models.alexnet(num_classes=7)
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 7)
