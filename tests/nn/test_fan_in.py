"""nn.fan_in: the inputs of a unit, counted by what its gradient reaches."""

from math import prod

import pytest
import torch
from family import problems
from hypothesis import given, settings

from striate import ops
from striate.nn.fan_in import fan_in_, samples_seen, share_fan_in_, spread_fan_in
from striate.ops.geometry import Window


@given(problems())
@settings(max_examples=30)
def test_samples_seen_are_those_that_reach_a_position(problem):
    """Convolving ones with ones counts them."""
    p = problem
    window = Window.of("test", p.rank, kernel_size=p.kernel, stride=p.stride, padding=p.sides, dilation=p.dilation)
    ones, kernel = torch.ones(1, 1, *p.size), torch.ones(1, 1, *p.kernel)
    counted = getattr(ops, f"conv{p.rank}d")(ones, kernel, stride=p.stride, padding=p.sides, dilation=p.dilation)
    assert samples_seen(window, p.size).equal(counted[0, 0].long())


def test_taps_that_reach_an_output_of_the_way_back():
    """On average over outputs away from the border: the kernel's taps shared among the stride's phases."""
    window = Window.of("test", 2, kernel_size=(6, 4), stride=(3, 2))
    counted = ops.conv_transpose2d(torch.ones(1, 1, 9, 9), torch.ones(1, 1, 6, 4), stride=(3, 2))[0, 0, 6:-6, 4:-4]
    assert spread_fan_in(window) == counted.mean() == 4


def test_numbers_fill_the_range_and_no_more():
    """Uniform in ±1/√n, for each position its own n; a unit without inputs counts as one with one."""
    torch.manual_seed(0)
    weight = torch.empty(3, 10000)
    fan_in_(weight, torch.tensor([4, 100, 0]))
    torch.testing.assert_close(weight.abs().amax(1), torch.tensor([0.5, 0.1, 1.0]), rtol=1e-3, atol=0)
    torch.testing.assert_close(weight.std(1), torch.tensor([0.5, 0.1, 1.0]) / 3**0.5, rtol=0.02, atol=0)


@pytest.mark.parametrize("fan_ins", [(4, 9), (1, 3), (1, 2, 3)])
def test_passes_share_the_variance_of_a_dense_layer(fan_ins):
    """The product of numbers from all passes varies as 1/(3 · inputs of a unit), even where a pass has one input."""
    torch.manual_seed(0)
    factors = [torch.empty(100_000) for _ in fan_ins]
    share_fan_in_(factors, fan_ins)
    product = torch.stack(factors).prod(0)
    torch.testing.assert_close(product.var().item(), 1 / (3 * prod(fan_ins)), rtol=0.03, atol=0)
