"""engine.ways: each direction goes the way that is planned for it, and all of them compute the same."""

import pytest
import torch

from striate.engine import Limits, VolumeProblem, limits
from striate.engine.along import Along
from striate.engine.choice import Choice
from striate.engine.plan import Candidate
from striate.engine.slices import Slices
from striate.engine.ways import Ways

PROBLEM = VolumeProblem.of((2, 3, 6, 7, 8), (4, 3, 3, 2, 3), padding=(1, 0, 1))
CLASSES = {"slices": Slices, "fft": Along, "torch": type(None)}


def drawn(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator) for shape in shapes]


@pytest.mark.parametrize("forward", CLASSES)
@pytest.mark.parametrize("back", [("slices", "fft"), ("fft", "torch"), ("torch", "slices"), ("torch", "torch")])
def test_ways_may_differ_by_direction(forward, back, monkeypatch):
    """Any way forward, any two back: the numbers are the definition's, of what is wanted alone."""
    plans = dict(zip(("forward", "input gradient", "weight gradient"), (forward, *back), strict=True))
    monkeypatch.setattr(
        "striate.engine.ways.planned_volume",
        lambda problem, *_: (plans[problem.direction], "estimated", (Candidate("torch", 1.0),)),
    )
    ways = Ways(PROBLEM, 1, Choice(), limits())
    assert all(type(ways.way(direction)) is CLASSES[name] for direction, name in plans.items())
    assert ways.torch_records() == (set(plans.values()) == {"torch"})
    assert ways.torch_records(of_input=False, of_weight=False) == (forward == "torch")
    x, weight, arriving = drawn(PROBLEM.input, PROBLEM.weight, PROBLEM.output)
    exact = [t.double().requires_grad_() for t in (x, weight)]
    want = torch.conv3d(*exact, padding=(1, 0, 1))
    torch.testing.assert_close(ways.forward(x, weight, None).double(), want, rtol=1e-4, atol=1e-4)
    wants = torch.autograd.grad(want, exact, arriving.double())
    for wanted in ((True, True), (True, False), (False, True)):
        found = ways.gradients(arriving, x, weight, wanted)
        assert [f is not None for f in found] == list(wanted)
        for got, right in zip(found, wants, strict=True):
            if got is not None:
                torch.testing.assert_close(got.double(), right, rtol=1e-4, atol=1e-3)


def test_what_is_asked_holds_in_every_direction():
    """Ours alone; PyTorch's alone."""
    ours, torchs = (Ways(PROBLEM, 1, choice, Limits()) for choice in (Choice(torch=False), Choice(forced="torch")))
    assert not ours.torch_records(of_input=False, of_weight=False)
    assert torchs.torch_records()
    assert ours.bare is ours
    assert ours.settings == ((1, 1, 1), [1, 1, 0, 0, 1, 1], (1, 1, 1), 1)
