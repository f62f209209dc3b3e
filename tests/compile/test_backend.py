"""compile.backend: PyTorch's own compiler hands over what it has captured."""

import pytest
import torch
from graphs import trained
from torch import nn

from striate.compile import compiled
from striate.compile.backend import backend

pytestmark = pytest.mark.traced


@pytest.fixture(autouse=True)
def _anew():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def model():
    return trained(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.LazyLinear(4)))


@pytest.fixture
def calls(monkeypatch):
    """How often a program is made."""
    made, real = [], compiled.compile
    monkeypatch.setattr(compiled, "compile", lambda *args: made.append(args) or real(*args))
    return made


def test_its_name_is_known_to_pytorch():
    """Without anything imported."""
    assert "striate" in torch._dynamo.list_backends()


def test_a_compiled_model_answers_as_the_model(model, calls):
    """For one number of examples and for another; a program is made, once for each."""
    fast = torch.compile(model, backend="striate")
    with torch.no_grad():
        model(torch.zeros(1, 3, 8, 8))
        for count in (2, 2, 5):
            images = torch.randn(count, 3, 8, 8)
            torch.testing.assert_close(fast(images), model(images), rtol=1e-4, atol=1e-5)
    assert len(calls) == 2


def test_sizes_that_are_free_share_a_program(calls):
    """PyTorch follows the code once more for unknown sizes; what is made then serves all that follow."""
    model = trained(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    )
    fast = torch.compile(model, backend="striate")
    with torch.no_grad():
        for count in (2, 5, 4, 7, 5):
            images = torch.randn(count, 3, 8, 8)
            torch.testing.assert_close(fast(images), model(images), rtol=1e-4, atol=1e-5)
    assert len(calls) == 2


def test_changed_weights_are_heeded(model, calls):
    """A program is made anew."""
    fast, images = torch.compile(model, backend="striate"), torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        fast(images)
        model[0].weight.mul_(-1.0)
        torch.testing.assert_close(fast(images), model(images), rtol=1e-4, atol=1e-5)
    assert len(calls) == 2


def test_gradients_are_pytorchs(model, calls):
    """Where they are wanted nothing is compiled."""
    fast, images = torch.compile(model, backend="striate"), torch.randn(2, 3, 8, 8)
    model(images)
    fast(images).sum().backward()
    assert model[0].weight.grad.abs().sum() > 0
    assert not calls


def test_what_cannot_be_compiled_is_pytorchs():
    """As numbers of other kinds, or drawn ones."""
    for function, given in (
        (lambda x: x * 2, torch.arange(6)),
        (lambda x: x + torch.rand_like(x) * 0, torch.ones(3, 2)),
    ):
        fast = torch.compile(function, backend=backend)
        assert fast(given).equal(function(given))
