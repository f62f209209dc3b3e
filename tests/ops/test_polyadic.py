"""ops.polyadic: sums of few products are found again, and nothing is worse than what is known to be possible."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops.polyadic import most_terms, polyadic


def composed(a, b, c):
    return torch.einsum("bim,bjm,blm->bijl", a, b, c)


def relative(tensors, found):
    return (composed(*found) - tensors).flatten(1).norm(dim=1) / tensors.flatten(1).norm(dim=1)


@given(st.tuples(st.integers(1, 7), st.integers(1, 5), st.integers(1, 7)), st.data())
@settings(max_examples=25)
def test_finds_a_sum_of_few_products_again(shape, data):
    """As many terms as the second longest axis has samples, at most: exact, whichever axis is the short one."""
    terms = data.draw(st.integers(1, sorted(shape)[1]))
    vectors = [torch.randn(3, n, terms, dtype=torch.float64) for n in shape]
    tensors = composed(*vectors)
    assert relative(tensors, polyadic(tensors, terms)).max() < 1e-9


@pytest.mark.parametrize(("shape", "terms"), [((4, 3, 5), 5), ((9, 3, 6), 7), ((18, 3, 6), 8), ((6, 14, 4), 12)])
def test_finds_more_terms_than_two_axes_have_samples(shape, terms):
    """As many as the longest has, if its slices are mixed from few enough products: exact."""
    tensors = composed(*(torch.randn(4, n, terms, dtype=torch.float64) for n in shape))
    assert relative(tensors, polyadic(tensors, terms)).max() < 1e-9


def test_finds_more_terms_than_any_axis_has_samples():
    """Where nothing is solved at once, Newton's steps arrive most of the time, and come near the rest of it."""
    tensors = composed(*(torch.randn(4, 3, 4, dtype=torch.float64) for _ in range(3)))
    errors = relative(tensors, polyadic(tensors, 4))
    assert (errors < 1e-6).double().mean() >= 0.5
    assert errors.max() < 0.05


@pytest.mark.parametrize("shape", [(1, 6, 3, 7), (1, 40, 3, 48), (300, 3, 3, 3)])
def test_growing_is_no_worse_than_fewer_terms(shape):
    """What is known already is kept, small tensors or large; and the search ends below the limit."""
    tensors = torch.randn(shape, dtype=torch.float64)
    few = polyadic(tensors, 2)
    more = polyadic(tensors, 4, near=few)
    assert (relative(tensors, more) <= relative(tensors, few) + 1e-12).all()
    limit = 1.01 * (tensors - composed(*more)).norm().item()
    assert (tensors - composed(*polyadic(tensors, 4, limit, few))).norm() <= limit


@given(st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
@settings(max_examples=20)
def test_is_exact_with_most_terms(shape):
    """With the product of the two shortest axes as many terms as any tensor can need."""
    tensors = torch.randn(2, *shape, dtype=torch.float64)
    assert relative(tensors, polyadic(tensors, most_terms(shape))).max() < 1e-9


@pytest.mark.parametrize("terms", [1, 2, 4, 6])
def test_is_no_worse_than_the_best_slices(terms):
    """Each slice along the shortest axis cut off at its strongest singular values is a bound."""
    tensors = torch.randn(4, 8, 3, 6, dtype=torch.float64)
    values = torch.linalg.svdvals(tensors.transpose(1, 2)).flatten(1).square()
    lost = (values.sum(1) - values.topk(terms).values.sum(1)).sqrt() / tensors.flatten(1).norm(dim=1)
    assert (relative(tensors, polyadic(tensors, terms)) <= lost + 1e-12).all()


def test_one_term_of_one_slice_is_the_strongest_singular_vector():
    """A matrix in disguise: Eckart and Young's bound is met."""
    tensors = torch.randn(3, 5, 1, 7, dtype=torch.float64)
    values = torch.linalg.svdvals(tensors[:, :, 0])
    want = values[:, 2:].norm(dim=1) / values.norm(dim=1)
    torch.testing.assert_close(relative(tensors, polyadic(tensors, 2)), want)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e30])
def test_scale_does_not_matter(scale):
    """Tensors of zeros, tiny or huge: finite, and as near as any."""
    tensors = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    tensors[1] *= scale
    found = polyadic(tensors, 2)
    assert all(vectors.isfinite().all() for vectors in found)
    if scale == 0:
        assert composed(*found)[1].abs().max() < 1e-12
    else:
        alone = relative(tensors[1:] / scale, polyadic(tensors[1:] / scale, 2))
        torch.testing.assert_close(relative(tensors, found)[1:], alone, rtol=1e-2, atol=0)


def test_is_the_same_every_time():
    """Whatever has been drawn before; and it draws nothing itself."""
    tensors = torch.randn(2, 6, 3, 5, dtype=torch.float64)
    first, state = polyadic(tensors, 7), torch.get_rng_state()
    second = polyadic(tensors, 7)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(x, y) for x, y in zip(first, second, strict=True))


def test_the_three_vectors_of_a_term_are_equally_long():
    """So that rounding them to few bits does no more harm to one than to another."""
    a, b, c = polyadic(torch.randn(2, 6, 3, 5, dtype=torch.float64), 4)
    torch.testing.assert_close(a.norm(dim=1), b.norm(dim=1))
    torch.testing.assert_close(a.norm(dim=1), c.norm(dim=1))


def test_large_tensors_go_on_with_one_start():
    """The result is still better than the slices alone, and as good as that for a small part of the work."""
    tensors = torch.randn(1, 96, 3, 96, dtype=torch.float64)
    values = torch.linalg.svdvals(tensors.transpose(1, 2)).flatten().square()
    lost = (values.sum() - values.topk(40).values.sum()).sqrt() / tensors.norm()
    assert relative(tensors, polyadic(tensors, 40)).item() < lost - 0.02
