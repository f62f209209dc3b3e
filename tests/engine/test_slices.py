"""Volumes and sequences, slice by slice, are convolved as they are defined."""

import pytest
import torch
from torch.nn import functional as F

from striate.engine import reproducible, use
from striate.engine.convnd import conv

CONVOLVE = {1: F.conv1d, 3: F.conv3d}
CASES = {
    "sequence": ((2, 3, 40), (5, 3, 7), (2,), [(3, 1)], (1,), 1),
    "sequence 3 taps": ((1, 16, 33), (16, 16, 3), (1,), [(1, 1)], (1,), 1),
    "grouped sequence": ((2, 8, 21), (8, 2, 3), (1,), [(2, 2)], (2,), 4),
    "3x3x3": ((2, 6, 5, 9, 8), (7, 6, 3, 3, 3), (1, 1, 1), [(1, 1)] * 3, (1, 1, 1), 1),
    "stride": ((1, 4, 7, 9, 10), (6, 4, 3, 3, 3), (2, 2, 2), [(1, 1)] * 3, (1, 1, 1), 1),
    "depthwise": ((1, 10, 6, 7, 7), (10, 1, 3, 3, 3), (1, 1, 1), [(1, 1)] * 3, (1, 1, 1), 10),
    "dilated, uneven": ((2, 3, 9, 8, 7), (4, 3, 2, 3, 2), (1, 2, 1), [(3, 0), (1, 2), (0, 1)], (2, 1, 2), 1),
    "pointwise": ((2, 5, 4, 3, 3), (6, 5, 1, 1, 1), (1, 1, 1), [(0, 0)] * 3, (1, 1, 1), 1),
    "more zeros than taps": ((1, 2, 2, 4, 4), (3, 2, 1, 3, 3), (1, 1, 1), [(2, 1), (1, 1), (1, 1)], (1, 1, 1), 1),
    "slices that no tap meets": ((1, 2, 5, 4, 4), (3, 2, 1, 1, 1), (2, 1, 1), [(0, 0)] * 3, (1, 1, 1), 1),
}


def drawn(case, dtype=torch.float32, last=False):
    shape, kernels = CASES[case][:2]
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(s, generator=generator, dtype=dtype) for s in (shape, kernels, kernels[:1]))
    if last:
        x = x.contiguous(memory_format=torch.channels_last_3d)
    return [t.requires_grad_() for t in (x, weight, bias)]


def defined(x, weight, bias, stride, sides, dilation, groups):
    padded = F.pad(x, [n for side in reversed(sides) for n in side])
    return CONVOLVE[len(stride)](padded, weight, bias, stride, 0, dilation, groups)


def near(got, want):
    return (got - want).abs().max() <= 2e-5 * want.abs().max()


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("algorithm", ["", "direct"])
def test_values_and_gradients_are_those_of_the_definition(case, algorithm):
    """Of the input, the weight and the bias, against doubles."""
    settings = CASES[case][2:]
    with use(algorithm) if algorithm else reproducible():
        y = conv(*drawn(case), *settings)
        assert type(y.grad_fn).__name__ == "_ConvolutionBackward"
        given, exact = drawn(case), drawn(case)
        exact = [t.detach().double().requires_grad_() for t in exact]
        y, want = conv(*given, *settings), defined(*exact, *settings)
        assert y.is_contiguous()
        assert near(y, want)
        arriving = torch.randn(want.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        found = torch.autograd.grad(y, given, arriving.float())
    for got, true in zip(found, torch.autograd.grad(want, exact, arriving), strict=True):
        assert near(got, true)


@pytest.mark.parametrize("case", ["3x3x3", "stride"])
def test_channels_may_lie_last(case):
    """What comes out lies as PyTorch has it; the numbers are the same."""
    settings = CASES[case][2:]
    with reproducible():
        y, same = conv(*drawn(case, last=True), *settings), conv(*drawn(case), *settings)
    assert y.is_contiguous(memory_format=torch.channels_last_3d)
    assert torch.equal(y, same)


def test_gradients_of_gradients_are_those_of_the_definition():
    """To the second order, of a volume."""
    settings = CASES["3x3x3"][2:]

    def second(x, weight, bias, function):
        first = torch.autograd.grad(function(x, weight, bias, *settings).square().sum(), (x, weight), create_graph=True)
        return torch.autograd.grad(first[0].square().sum() + first[1].square().sum(), (x, weight))

    exact = [t.detach().double().requires_grad_() for t in drawn("3x3x3")]
    with reproducible():
        found = second(*drawn("3x3x3"), conv)
    for got, true in zip(found, second(*exact, defined), strict=True):
        assert near(got, true)


@pytest.mark.parametrize("case", ["sequence", "3x3x3", "stride"])
def test_an_example_has_the_same_bits_alone_and_on_any_threads(case):
    """With one algorithm, as in two dimensions."""
    settings = CASES[case][2:]
    x, weight, bias = (t.detach() for t in drawn(case))
    x = torch.cat([x, x.flip(0)])
    with use("direct"):
        together = conv(x, weight, bias, *settings)
        assert torch.equal(conv(x[1:2], weight, bias, *settings), together[1:2])
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            assert torch.equal(conv(x, weight, bias, *settings), together)
        finally:
            torch.set_num_threads(threads)


def test_a_changed_weight_is_packed_anew():
    """Planes of a weight are kept by the weight that they are of."""
    x, weight, bias = (t.detach() for t in drawn("3x3x3"))
    with reproducible():
        before = conv(x, weight, bias, *CASES["3x3x3"][2:])
        weight.mul_(2)
        assert near(conv(x, weight, None, *CASES["3x3x3"][2:]), 2 * (before - bias[:, None, None, None]))
