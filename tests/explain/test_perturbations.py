"""explain.perturbations: small, random, repeatable, and differentiable."""

import pytest
import torch

from striate.explain.perturbations import jitter, rotate, scale, usual

KINDS = {"jitter": jitter(2), "scale": scale(0.8, 1.2), "rotate": rotate(15)}


@pytest.mark.parametrize("name", KINDS)
def test_repeatable_and_random(name):
    """The same seed moves alike; the size stays; draws differ; the gradient arrives."""
    images = torch.rand(2, 1, 9, 8, requires_grad=True)
    runs = []
    for _ in range(2):
        draw = torch.Generator().manual_seed(1)
        runs.append([KINDS[name](images, draw) for _ in range(4)])
    assert all(a.equal(b) and a.shape == images.shape for a, b in zip(*runs, strict=True))
    assert any(not runs[0][0].equal(other) for other in runs[0][1:])
    (slope,) = torch.autograd.grad(runs[0][0].sum(), images)
    assert slope.sum() > 0


def test_jitter_loses_nothing():
    """What leaves at one side comes in at the other, no further than asked."""
    images = torch.arange(64.0).view(1, 1, 8, 8)
    draw, places = torch.Generator().manual_seed(0), set()
    for _ in range(60):
        found = jitter(1)(images, draw)
        assert found.unique().equal(images.unique())
        row, column = divmod(int((found[0, 0] == 27).flatten().nonzero()), 8)
        places.add((row - 3, column - 3))
    assert places == {(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)}


def test_the_usual_ones_go_with_the_size():
    """A small image is shaken less, and one of each kind is there."""
    assert len(usual(32)) == len(usual(224)) == 4
