"""engine.by_onednn: PyTorch's library of kernels, with weights packed once."""

import pytest
import torch
from convolutions import CASES, problem
from torch.nn import functional as F

from striate.engine import Problem, conv2d, explain, plan, reproducible, use
from striate.engine.by_onednn import ONEDNN, convolve, packed_bytes, prepared, refuses
from striate.engine.estimate import seconds, torch_seconds
from striate.engine.packed import kept_bytes
from striate.engine.table import table

DEEP = Problem.of((1, 512, 7, 7), (512, 512, 3, 3), padding=(1, 1))


@pytest.mark.parametrize("case", [case for case in CASES if not refuses(problem(case))])
def test_packed_weights_give_pytorchs_own_numbers(case):
    """Another form of the same numbers, in the same library."""
    given, generator = problem(case), torch.Generator().manual_seed(0)
    x, weight = (torch.randn(shape, generator=generator) for shape in (given.input, given.weight))
    bias = torch.randn(2 * given.kernels[0], generator=generator)[::2]
    found = convolve(x.contiguous(memory_format=torch.channels_last), prepared(weight, given), bias, given)
    top, _, left, _ = given.padding
    want = F.conv2d(x, weight, bias, given.stride, (top, left), given.dilation, given.groups)
    torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_it_is_expected_to_gain_where_packing_is_most_of_the_work():
    """Deep layers of few positions; not where the weights change at every call."""
    onednn = table("forward").names().index(ONEDNN)
    assert seconds(onednn, DEEP, 1) < torch_seconds(DEEP, 1)
    anew = Problem.of(DEEP.input, DEEP.weight, padding=(1, 1), packed_anew=True)
    assert plan(anew, threads=1).algorithm != ONEDNN


def test_what_it_does_not_take_is_said():
    """Padding that differs or cuts; and what depends on the batch, where that must not be."""
    apart = Problem.of((1, 8, 9, 9), (8, 8, 3, 3), padding=(0, 1, 1, 1))
    cut = Problem.of((1, 8, 9, 9), (8, 8, 3, 3), padding=(-1, -1, -1, -1))
    assert "onednn            declines: its padding is not the same on both sides" in explain(apart)
    assert "onednn            declines: its padding cuts" in explain(cut)
    beyond = Problem.of((1, 512, 1, 1), (512, 512, 2, 3), stride=(3, 2), padding=(2, 5), dilation=(2, 2), bias=True)
    assert "onednn            declines: its padding reaches beyond the kernel" in explain(beyond)
    assert "torch             declines: padding that reaches beyond the kernel may crash it" in explain(beyond)
    assert "onednn" not in explain(DEEP.turned("input gradient"))
    with reproducible():
        assert "onednn            declines: only reproducible algorithms are asked for" in explain(DEEP)


def test_padding_beyond_the_kernel_does_not_crash():
    """As it does in oneDNN, where there is a bias: what no tap reaches is the bias."""
    generator = torch.Generator().manual_seed(0)
    x, weight, bias = (torch.randn(n, generator=generator) for n in ((1, 512, 1, 1), (512, 512, 2, 3), (512,)))
    found = conv2d(x.to(memory_format=torch.channels_last), weight, bias, (3, 2), (2, 5), (2, 2))
    want = F.conv2d(x.double(), weight.double(), bias.double(), (3, 2), (2, 5), (2, 2))
    torch.testing.assert_close(found.double(), want, rtol=1e-4, atol=1e-4)


def test_a_pytorch_without_it_is_refused(monkeypatch):
    """Its names are not public, and may go."""
    monkeypatch.setattr("striate.engine.by_onednn._available", lambda: False)
    assert refuses(DEEP) == "this PyTorch has no oneDNN, or hides it"


def test_weights_are_packed_again_when_they_change():
    """And are counted among what is kept."""
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 16, 9, 9, generator=generator), torch.randn(32, 16, 3, 3, generator=generator)
    before = kept_bytes()
    with use("onednn"):
        once = conv2d(x, weight)
        assert kept_bytes() - before == packed_bytes(Problem.of(x.shape, weight.shape))
        weight.mul_(2)
        torch.testing.assert_close(conv2d(x, weight), 2 * once)
