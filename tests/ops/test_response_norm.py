"""ops.response_norm: the paper's sum, PyTorch's numbers, and AlexNet's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from striate.errors import OptionError, ShapeError
from striate.ops.response_norm import local_response_norm

SHAPES = st.tuples(st.integers(0, 2), st.integers(1, 7)).flatmap(
    lambda head: st.lists(st.integers(1, 4), min_size=1, max_size=3).map(lambda size: (*head, *size))
)


def by_definition(x, size, alpha, beta, k):
    """The sum over maps, one map at a time; alpha is not divided."""
    out = torch.empty_like(x)
    for c in range(x.shape[1]):
        window = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        out[:, c] = x[:, c] / (k + alpha * window.square().sum(1)) ** beta
    return out


@given(SHAPES, st.integers(1, 9), st.floats(1e-3, 2), st.floats(0.1, 1), st.floats(0.5, 2), st.booleans())
@settings(max_examples=60)
def test_equals_its_definition(shape, size, alpha, beta, k, mean):
    """Any number of axes, windows even, odd and wider than the maps: the plain loop's numbers."""
    x = torch.randn(shape, dtype=torch.float64)
    got = local_response_norm(x, size, alpha, beta, k, scale="mean" if mean else "sum")
    torch.testing.assert_close(got, by_definition(x, size, alpha / size if mean else alpha, beta, k))


@given(SHAPES, st.integers(1, 9))
@settings(max_examples=30)
def test_equals_that_of_torch(shape, size):
    """PyTorch's arguments mean what they mean there."""
    x = torch.randn(shape)
    torch.testing.assert_close(
        local_response_norm(x, size, 0.5, 0.6, 1.5), F.local_response_norm(x, size, 0.5, 0.6, 1.5)
    )


def test_whole_numbers_are_averaged_as_in_torch():
    """There the mean of squares is rounded down before it is used."""
    x = torch.randint(-9, 10, (2, 5, 3, 3))
    torch.testing.assert_close(local_response_norm(x, 3, 1.0), F.local_response_norm(x, 3, 1.0))


def test_alexnet_is_five_times_what_torch_makes_of_its_alpha():
    """The paper's alpha is a weight of the sum: with PyTorch it has to be given n times as large."""
    x = 50 * torch.randn(1, 96, 5, 5)
    paper = local_response_norm(x, 5, 1e-4, 0.75, 2.0, scale="sum")
    torch.testing.assert_close(paper, F.local_response_norm(x, 5, 5e-4, 0.75, 2.0))
    torch.testing.assert_close(paper, by_definition(x, 5, 1e-4, 0.75, 2.0))


@pytest.mark.parametrize("shape", [(2, 5, 3), (1, 4, 2, 3), (1, 3, 2, 1, 2)])
@pytest.mark.parametrize("size", [2, 5])
def test_gradients_of_both_orders(shape, size):
    """Autograd agrees with finite differences, once and twice."""
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    for scale in ("mean", "sum"):
        assert gradcheck(lambda x, scale=scale: local_response_norm(x, size, 0.7, scale=scale), x)
        assert gradgradcheck(lambda x, scale=scale: local_response_norm(x, size, 0.7, scale=scale), x)


def test_gradient_is_that_of_torch():
    """The same numbers come back, too."""
    x = torch.randn(2, 9, 4, 4, requires_grad=True)
    seed = torch.randn(2, 9, 4, 4)
    ours = torch.autograd.grad(local_response_norm(x, 5, 0.1), x, seed)
    torch.testing.assert_close(ours, torch.autograd.grad(F.local_response_norm(x, 5, 0.1), x, seed))


def test_half_precision_is_summed_in_float32():
    """The result is the float32 one, rounded once: 2000 and 60000 are added up without loss."""
    x = 100 * torch.randn(1, 16, 4, 4).bfloat16()
    got = local_response_norm(x, 9, 1.0)
    assert got.dtype == torch.bfloat16
    assert torch.equal(got, local_response_norm(x.float(), 9, 1.0).bfloat16())


def test_strides_and_devices_do_not_matter():
    """Permuted, channels_last, meta and fake tensors, and no examples at all."""
    x = torch.randn(2, 4, 5, 6)
    want = local_response_norm(x, 3)
    torch.testing.assert_close(local_response_norm(x.to(memory_format=torch.channels_last), 3), want)
    torch.testing.assert_close(local_response_norm(x.permute(3, 1, 0, 2), 3), want.permute(3, 1, 0, 2))
    assert local_response_norm(x.to("meta"), 3).shape == x.shape
    with FakeTensorMode() as mode:
        assert local_response_norm(mode.from_tensor(x), 3).shape == x.shape
    assert local_response_norm(x[:0], 3).shape == (0, 4, 5, 6)


REFUSALS = [
    (
        "no spatial axis",
        lambda: local_response_norm(torch.zeros(2, 3), 3),
        "local_response_norm: input has 2 axes, and 3 or more are needed.\n  input  (2, 3)\n"
        "Pass input as (N, C, T), (N, C, H, W) or (N, C, D, H, W).",
    ),
    (
        "no maps in the window",
        lambda: local_response_norm(torch.zeros(1, 3, 4), 0),
        "local_response_norm: size is less than 1.\n  size  0\nGive 1 or more.",
    ),
    (
        "a scale without a meaning",
        lambda: local_response_norm(torch.zeros(1, 3, 4), 3, scale="max"),
        "local_response_norm: no scale is called 'max'.\nChoose one of 'mean', 'sum'.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_makes_no_sense_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError)) as error:
        call()
    assert str(error.value) == message
