"""engine.depthwise_separable: both passes at once."""

import importlib

import pytest
import torch
from torch.nn import functional as F

from striate.engine import conv2d, depthwise_separable, limit, reproducible, use
from striate.ops import depthwise_separable_conv2d

# The name in striate.engine is the function, not the module.
MODULE = importlib.import_module("striate.engine.depthwise_separable")

# Input, taps, kernels, stride, padding on each side, dilation.
CASES = {
    "3x3": ((2, 16, 19, 23), (3, 3), 24, (1, 1), (1, 1, 1, 1), (1, 1)),
    "channels that fill no vector": ((3, 9, 11, 8), (3, 3), 7, (1, 1), (1, 1, 1, 1), (1, 1)),
    "strided": ((1, 32, 30, 31), (5, 3), 16, (2, 3), (2, 2, 1, 1), (1, 1)),
    "dilated, sides that differ": ((2, 8, 24, 20), (3, 3), 8, (1, 2), (0, 3, 4, 1), (3, 2)),
    "cut": ((1, 8, 24, 20), (3, 3), 8, (1, 1), (-2, -1, -3, 0), (1, 1)),
    "padding beyond the kernel": ((1, 8, 4, 5), (3, 3), 8, (1, 1), (7, 6, 5, 9), (1, 1)),
    "many rows": ((1, 128, 70, 64), (3, 3), 8, (1, 1), (1, 1, 1, 1), (1, 1)),
}


@pytest.fixture
def at_once(monkeypatch):
    """Whatever it is expected to take."""
    monkeypatch.setattr(MODULE, "_AWAY", 1.0)
    monkeypatch.setattr(MODULE, "_NEAR", 0)
    MODULE._fused.cache_clear()
    yield
    MODULE._fused.cache_clear()


def drawn(case, *, last=False):
    """Input, both kernels, bias, and the settings."""
    shape, taps, kernels, *settings = CASES[case]
    generator = torch.Generator().manual_seed(len(case))
    x = torch.randn(shape, generator=generator)
    depthwise = torch.randn(shape[1], 1, *taps, generator=generator)
    pointwise = torch.randn(kernels, shape[1], 1, 1, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    return x, depthwise, pointwise, torch.randn(kernels, generator=generator), settings


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_the_bits_are_those_of_one_pass_after_the_other(case, last, threads, at_once):
    """At any number of threads; an image has the same in any batch."""
    x, depthwise, pointwise, bias, (stride, padding, dilation) = drawn(case, last=last)
    with use("depthwise"):
        between = conv2d(x, depthwise, None, stride, padding, dilation, x.shape[1])
    with use("pointwise"):
        want = conv2d(between, pointwise, bias)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = depthwise_separable(x, depthwise, pointwise, bias, stride, padding, dilation)
        alone = [depthwise_separable(x[i : i + 1], depthwise, pointwise, bias, stride, padding, dilation) for i in (0,)]
    finally:
        torch.set_num_threads(before)
    assert found is not None
    assert torch.equal(found, want)
    assert torch.equal(alone[0], want[:1])
    assert found.stride() == want.stride()


def test_it_is_what_pytorch_computes(at_once):
    """Through `ops`, with a bias or without."""
    x, depthwise, pointwise, bias, _ = drawn("3x3")
    for offsets in (bias, None):
        found = depthwise_separable_conv2d(x, depthwise, pointwise, offsets, padding=1)
        want = F.conv2d(F.conv2d(x.double(), depthwise.double(), padding=1, groups=16), pointwise.double())
        want = want if offsets is None else want + offsets.double()[:, None, None]
        assert (found - want).abs().max() <= 1e-5 * want.abs().max()


def test_one_pass_after_the_other_where_it_must_be(at_once):
    """Gradients need what is between; names are obeyed; limits are kept; a channel has one kernel."""
    x, depthwise, pointwise, bias, settings = drawn("3x3")
    given = (x, depthwise, pointwise, bias, *settings)
    assert depthwise_separable(*given) is not None
    assert depthwise_separable(x.double(), *(t.double() for t in given[1:4]), *settings) is None
    assert depthwise_separable(x, torch.cat([depthwise] * 2), torch.cat([pointwise] * 2, 1), bias, *settings) is None
    assert depthwise_separable(*given[:3], bias[:-1], *settings) is None
    with use("direct"):
        assert depthwise_separable(*given) is None
    before = limit(workspace_bytes=16)
    try:
        assert depthwise_separable(*given) is None
    finally:
        limit(**before._asdict())
    learnt = pointwise.clone().requires_grad_()
    assert depthwise_separable(x, depthwise, learnt, bias, *settings) is None
    with torch.no_grad():
        assert depthwise_separable(x, depthwise, learnt, bias, *settings) is not None


def test_reproducible_bits_do_not_depend_on_whether_it_is_done():
    """Then it is done only with the algorithms that are chosen anyway."""
    x, depthwise, pointwise, bias, settings = drawn("many rows")
    with reproducible():
        found = depthwise_separable_conv2d(x, depthwise, pointwise, bias, padding=1)
        between = conv2d(x, depthwise, None, *settings, 128)
        assert torch.equal(found, conv2d(between, pointwise, bias))
