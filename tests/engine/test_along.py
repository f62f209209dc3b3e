"""engine.along: transforms along one axis or three, as `differentiate` calls them."""

import torch

from striate.engine.along import Along
from striate.engine.differentiate import convolved
from striate.engine.fourier import Fourier
from striate.engine.packed import kept_bytes

OF = Along(Fourier((2, 3, 40), (4, 3, 9), ((4, 2),), (2,), 1), 1)


def drawn(*, gradients=False):
    generator = torch.Generator().manual_seed(0)
    shapes = (OF.problem.input, OF.problem.weight, (4,))
    return [torch.randn(shape, generator=generator, requires_grad=gradients) for shape in shapes]


def near(got, want):
    return (got - want).abs().max() <= 2e-6 * want.abs().max()


def test_its_settings_are_pytorchs():
    """The same convolution by PyTorch."""
    x, weight, bias = drawn()
    assert near(OF.forward(x, weight, bias), OF.by_torch(x.double(), weight.double(), bias.double()))
    assert OF.bare is OF


def test_gradients_to_the_second_order_are_those_of_the_definition():
    """Of the input, the weight and the bias; and of a function of the first two."""
    given = drawn(gradients=True)
    found = convolved(OF, *given)
    doubles = [one.detach().double().requires_grad_() for one in given]
    want = OF.by_torch(*doubles)
    ours = torch.autograd.grad(found.square().sum(), given, create_graph=True)
    theirs = torch.autograd.grad(want.square().sum(), doubles, create_graph=True)
    assert all(map(near, ours, theirs))
    ours = torch.autograd.grad(sum(one.square().sum() for one in ours[:2]), given[:2])
    theirs = torch.autograd.grad(sum(one.square().sum() for one in theirs[:2]), doubles[:2])
    assert all(map(near, ours, theirs))


def test_only_what_is_wanted_is_computed():
    """The rest is None."""
    x, weight, _ = drawn()
    gradient = torch.ones(OF.problem.output)
    assert [found is None for found in OF.gradients(gradient, x, weight, (True, False))] == [False, True]
    assert [found is None for found in OF.gradients(gradient, x, weight, (False, True))] == [True, False]


def test_spectra_are_kept_while_the_weight_lives():
    """Made once."""
    x, weight, _ = drawn()
    OF.forward(x, weight, None)
    kept = kept_bytes()
    OF.forward(x, weight, None)
    assert kept_bytes() == kept > 0
    del weight
    assert kept_bytes() < kept
