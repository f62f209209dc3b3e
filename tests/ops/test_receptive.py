"""ops.receptive: receptive fields as gradients measure them."""

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from striate.ops.receptive import Reach, gather, grow, resample, spread, union

# Chains of windows along one axis: (kind, kernel, stride, padding, dilation).
CHAINS = [
    ("one window", [("conv", 5, 1, 2, 1)]),
    ("a stride, then a window", [("conv", 3, 2, 1, 1), ("conv", 3, 1, 1, 1)]),
    ("dilated", [("conv", 3, 1, 0, 4), ("conv", 2, 3, 0, 2)]),
    ("even kernels", [("conv", 2, 2, 0, 1), ("conv", 4, 2, 1, 1), ("conv", 2, 1, 0, 1)]),
    ("up again", [("conv", 3, 2, 1, 1), ("deconv", 2, 2, 0, 1)]),
    ("up, then a window", [("conv", 3, 2, 1, 1), ("deconv", 4, 2, 1, 1), ("conv", 3, 1, 1, 1)]),
    ("up twice, down once", [("deconv", 3, 2, 1, 1), ("deconv", 3, 3, 0, 1), ("conv", 4, 2, 1, 1)]),
    ("up by a kernel with gaps", [("conv", 3, 1, 1, 1), ("deconv", 2, 3, 0, 2), ("conv", 3, 1, 1, 1)]),
]
chains = pytest.mark.parametrize("chain", [c[1] for c in CHAINS], ids=[c[0] for c in CHAINS])


@chains
def test_reach_is_where_the_gradient_arrives(chain):
    """Every position away from the border sees exactly the samples that its gradient reaches, and moves as told."""
    reach, layers = Reach(), []
    for kind, kernel, stride, padding, dilation in chain:
        step = grow if kind == "conv" else spread
        reach = step(reach, kernel, stride=stride, padding=padding, dilation=dilation)
        layers.append((kind, kernel, stride, padding, dilation))
    x = torch.ones(1, 1, 120, requires_grad=True, dtype=torch.float64)
    y = x
    for kind, kernel, stride, padding, dilation in layers:
        weight = torch.ones(1, 1, kernel, dtype=torch.float64)
        if kind == "conv":
            y = F.conv1d(y, weight, None, stride, padding, dilation)
        else:
            y = F.conv_transpose1d(y, weight, None, stride, padding, 0, 1, dilation)
    middle = y.shape[-1] // 2
    for position in range(middle - 6, middle + 7):
        (gradient,) = torch.autograd.grad(y[0, 0, position], x, retain_graph=True)
        seen = gradient[0, 0].nonzero().flatten().tolist()
        first, last = reach.at(position)
        assert (seen[0], seen[-1]) == (first, last) if seen else first > last


def test_size_is_that_of_the_largest_phase():
    """After an enlargement neighbours see different amounts: the largest counts, and nothing counts as nothing."""
    assert Reach((0, 0), (0, 1), 1).size == 2
    assert spread(Reach(), 1, stride=2).size == 1
    assert resample(Reach(), lambda _: [], period=1, advance=1).size == 0


def test_rate_follows_stride_and_enlargement():
    """A stride of 2 moves twice as fast, an enlargement by 3 a third as fast."""
    assert grow(Reach(), 3, stride=2).rate == 2
    assert spread(grow(Reach(), 3, stride=2), 3, stride=3).rate == Fraction(2, 3)


def test_union_sees_what_either_branch_sees():
    """A branch that looks to the left and one that looks to the right together see both."""
    left, right = grow(Reach(), 3, padding=2), grow(Reach(), 2)
    assert union(left, right) == Reach((-2,), (1,), 1)
    twice = spread(grow(Reach(), 2, stride=2), 2, stride=2)
    assert union(twice, Reach()).first == (0, 0)
    assert union(twice, Reach()).last == (1, 1)


def test_gather_ends_at_the_border_and_stands_still():
    """What has mixed all positions sees the input and nothing beyond; later windows do not widen it."""
    fixed = gather(grow(Reach(), 7, padding=3), 28, 28)
    assert (fixed, fixed.size, fixed.covers(28)) == (Reach((0,), (27,), 0), 28, True)
    assert grow(fixed, 3, stride=2) == fixed
    assert not gather(grow(Reach(), 3, stride=2), 13, 28).covers(28)
    assert not Reach((0,), (27,), 1).covers(28)
