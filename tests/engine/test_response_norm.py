"""engine.response_norm: PyTorch's norm and its gradients to a few units of the last place, however the maps lie."""

import pytest
import torch
from torch.nn import functional as F

from striate.engine.response_norm import response_norm

# Vectors of positions and of channels, whole and cut; one to three spatial axes.
SHAPES = [(2, 7, 5, 6), (1, 96, 13, 13), (2, 40, 37), (1, 3, 4, 5, 6), (1, 20, 700)]
layouts = pytest.mark.parametrize("last", [False, True])
CONSTANTS = [(1.0, 0.75, 1.0), (0.1, 0.75, 2.0), (1.0, 0.5, 1.0), (2.0, 1.0, 0.5), (0.3, 2.3, 1.0), (1.0, -0.5, 1.0)]


def maps(shape, last, seed=0):
    x = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if last else x


def normed(x, size, constants):
    """By ours."""
    alpha, beta, k = constants
    numbers = alpha / size, beta, k
    return response_norm(x, (size // 2, (size - 1) // 2), numbers, lambda x: wanted(x, size, constants))


def wanted(x, size, constants):
    """By PyTorch's."""
    return F.local_response_norm(x, size, *constants)


@layouts
@pytest.mark.parametrize("constants", CONSTANTS)
@pytest.mark.parametrize("size", [1, 2, 5, 30])
def test_norm_and_gradient_are_those_of_double_precision(size, constants, last):
    """To a few units of the last place, in the layout of the input; whatever the exponent."""
    for shape in SHAPES:
        x = maps(shape, last).requires_grad_()
        double = x.detach().double().requires_grad_()
        found, want = normed(x, size, constants), wanted(double, size, constants)
        assert found.stride() == x.stride()
        torch.testing.assert_close(found.double(), want, rtol=1e-6, atol=0)
        arriving = maps(shape, last, 1)
        (slope,) = torch.autograd.grad(found, x, arriving)
        (right,) = torch.autograd.grad(want, double, arriving.double())
        torch.testing.assert_close(slope.double(), right, rtol=1e-5, atol=float(2e-6 * right.abs().max()))


@layouts
def test_what_has_no_usual_power_is_pytorchs(last):
    """Zeros with k = 0, huge and tiny samples, infinity, NaN."""
    x = maps((1, 9, 4, 5), last)
    for at, value in enumerate([0.0, 1e19, 1e-16, torch.inf, torch.nan, -1e-16]):
        x[0, :, at % 4, at % 5] = value
    for constants in [(1.0, 0.75, 0.0), (1.0, 0.3, 0.0), (1e-4, 0.75, 1.0)]:
        torch.testing.assert_close(normed(x, 5, constants), wanted(x, 5, constants), equal_nan=True)


def test_second_gradients_are_pytorchs():
    """The gradient of a gradient, with respect to the input."""
    x = maps((1, 7, 3, 4), last=False).requires_grad_()

    def second(norm):
        (first,) = torch.autograd.grad(norm(x, 3, CONSTANTS[0]).square().sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), x)

    torch.testing.assert_close(second(normed), second(wanted))


@layouts
def test_the_same_bits_on_any_threads_and_for_an_image_alone(last):
    """Forward and backward; enough positions that a team begins."""
    x = maps((3, 40, 40, 31), last).requires_grad_()
    before = torch.get_num_threads()

    def both(x):
        output = normed(x, 5, CONSTANTS[0])
        return output, torch.autograd.grad(output.square().sum(), x)[0]

    try:
        torch.set_num_threads(1)
        one = both(x)
        torch.set_num_threads(2)
        two = both(x)
        alone = both(x[1:2])
    finally:
        torch.set_num_threads(before)
    for a, b, c in zip(one, two, alone, strict=True):
        assert a.equal(b)
        assert a[1:2].equal(c)


@layouts
@pytest.mark.parametrize("beta", [20.0, -20.0, 40.0])
def test_powers_beyond_the_floats_are_zero_or_infinite(beta, last):
    """As in double precision, rounded."""
    x = 1e8 * maps((1, 9, 4, 5), last).sign()
    constants = (9.0, beta, 1.0)
    want = wanted(x.double(), 9, constants).float()
    torch.testing.assert_close(normed(x, 9, constants), want, rtol=1e-5, atol=0)
