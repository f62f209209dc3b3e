"""engine.operation: what the core computes is differentiated as often as PyTorch's would be, and by whatever asks."""

import weakref
from functools import partial

import pytest
import torch

from striate.engine.operation import Operation, applied
from striate.ops import avg_pool2d, max_pool2d, max_unpool2d

CUBE = Operation(lambda x: (x**3, x > 0), lambda gradient, x, _: 3 * x**2 * gradient, lambda x: x**3)


def test_the_first_gradient_is_the_given_one():
    """It is called once with what arrives, the input, and what else was returned, which has no gradient."""
    seen = []
    operation = Operation(CUBE.forward, lambda *given: seen.append(given) or CUBE.gradient(*given), CUBE.by_torch)
    x = torch.tensor([2.0, -1.0], requires_grad=True)
    output, other = applied(operation, x)
    assert not other.requires_grad
    torch.testing.assert_close(torch.autograd.grad(output.sum(), x)[0], torch.tensor([12.0, 3.0]))
    assert len(seen) == 1
    assert seen[0][1].equal(x)
    assert seen[0][2].tolist() == [True, False]


def test_second_gradients_are_pytorchs():
    """The gradient of a gradient, with respect to the input and to what arrived."""
    x = torch.tensor([2.0, -1.0], requires_grad=True)
    arriving = torch.ones(2, requires_grad=True)
    (first,) = torch.autograd.grad(applied(CUBE, x)[0], x, arriving, create_graph=True)
    found = torch.autograd.grad(first.sum(), (x, arriving))
    torch.testing.assert_close(found, (6 * x.detach(), 3 * x.detach() ** 2))


def test_a_batch_of_gradients_is_that_of_each():
    """As Jacobians are taken, several at once."""
    x = torch.tensor([2.0, -1.0], requires_grad=True)
    (found,) = torch.autograd.grad(applied(CUBE, x)[0], x, torch.eye(2), is_grads_batched=True)
    torch.testing.assert_close(found, torch.diag(torch.tensor([12.0, 3.0])))


def test_without_gradients_nothing_is_recorded():
    """Neither where they are switched off, nor where nobody asks."""
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not applied(CUBE, x)[0].requires_grad
    assert not applied(CUBE, x.detach())[0].requires_grad


def test_what_was_given_beside_is_saved():
    """A change of it is noticed."""
    x = torch.randn(1, 8, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    indices = torch.arange(1024).view(32, 32).expand(1, 8, 32, 32).contiguous()
    loss = max_unpool2d(x, indices, 1).sum()
    indices.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("pool", [partial(max_pool2d, kernel_size=2), partial(avg_pool2d, kernel_size=2)])
def test_after_the_way_back_nothing_keeps_the_input(pool):
    """Though the loss is kept."""
    leaf = torch.randn(1, 8, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    between = leaf * 2
    gone = weakref.ref(between)
    loss = pool(between).sum()
    del between
    loss.backward()
    assert gone() is None


def test_an_output_that_nothing_depends_on_brings_no_gradient():
    """Of two outputs, the one that has none."""
    x = torch.randn(1, 8, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pooled, _ = max_pool2d(x, 2, return_indices=True)
    (slope,) = torch.autograd.grad((pooled * 0).sum() + x.sum(), x)
    assert (slope == 1).all()
