"""What is told of a model by its calls: the same for two sizes, or not, and never wrongly the same."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate import models
from striate.compile import capture as capturing
from striate.compile.alike import alike
from striate.compile.tracing import hookless

SMALL, LARGE = [(2, 3, 32, 32)], [(3, 3, 37, 41)]


def told(model, larger=LARGE):
    """Of a model that is followed for the smaller size."""
    model = hookless(model)
    return alike(model, capturing._graph(model, SMALL), SMALL, larger)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_residual_networks_are_alike(name):
    """With their normalisation and shortcuts, and a mean over the positions."""
    assert told(models.create(name))


class Branch(nn.Module):
    """Does something else from 35 pixels on."""

    def forward(self, x):
        """Add the input, or its rectification: the same calls on other tensors."""
        bent = x.relu()
        return bent + (bent if x.shape[2] > 35 else x)


class Counts(nn.Module):
    """Multiplies by a number that is a size."""

    def forward(self, x):
        """By the height."""
        return x * x.shape[2]


class Looks(nn.Module):
    """Asks for a number."""

    def forward(self, x):
        """Its sum."""
        return x.relu() if x.sum().item() > 0 else x


class Enlarges(nn.Module):
    """Gives a size that PyTorch computes from the input's."""

    def forward(self, x):
        """Twice as large."""
        return F.interpolate(x, scale_factor=2.0)


class Halves(nn.Module):
    """Pools to a size of which one part is the input's own."""

    def forward(self, x):
        """Down to one row."""
        return F.adaptive_avg_pool2d(x, (1, None))


@pytest.mark.parametrize("model", [Branch(), Looks(), Enlarges(), Halves(), Counts()], ids=lambda m: type(m).__name__)
def test_what_differs_or_cannot_be_told_is_not_alike(model):
    """Then it is followed twice."""
    if isinstance(model, Looks):
        graph = capturing._graph(hookless(nn.ReLU()), SMALL)
        assert not alike(hookless(model), graph, SMALL, LARGE)
    else:
        assert not told(model)


def test_the_model_stays_as_it_is():
    """Also where it keeps what it sees."""

    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.seen = None

        def forward(self, x):
            self.seen = self.conv(x)
            return self.seen.relu()

    model = hookless(Keeps())
    graph = capturing._graph(hookless(model), SMALL)
    assert alike(model, graph, SMALL, LARGE)
    assert model.seen is None
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}


def test_it_is_followed_once_where_it_is_alike(monkeypatch):
    """And the axes are free all the same."""
    followed = []
    whole = capturing._graph
    monkeypatch.setattr(capturing, "_graph", lambda model, sizes: followed.append(sizes) or whole(model, sizes))
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    graph = capturing.capture(model, torch.zeros(1, 3, 32, 32))
    assert len(followed) == 1
    assert next(iter(graph.inputs.values())) == ((1, 3, 32, 32), (0, 2, 3), 1, "")
