"""ops.separate: the truncated singular values of NumPy, kernels known to be separable, and the report."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import DtypeError, NonFiniteError, OptionError, ShapeError
from striate.ops.conv import conv2d, conv3d
from striate.ops.separable import separable_conv2d, separable_conv3d
from striate.ops.separate import Separated, separate

SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])


def relative(separated, kernel):
    return ((separated.kernel().double() - kernel.double()).norm() / kernel.double().norm()).item()


def made_of(terms, kernels, channels, *size, groups=1):
    """A kernel that is a sum of so many products in each group, in float64."""
    first = torch.randn(groups, terms, channels, size[0], dtype=torch.float64)
    between = [torch.randn(groups, terms, n, dtype=torch.float64) for n in size[1:-1]]
    last = torch.randn(groups, kernels // groups, terms, size[-1], dtype=torch.float64)
    rule = {2: "gmcr,gkms->gkcrs", 3: "gmcz,gmr,gkms->gkczrs"}[len(size)]
    return torch.einsum(rule, first, *between, last).flatten(0, 1)


@given(st.tuples(*[st.integers(1, 4)] * 4), st.integers(1, 2), st.data())
@settings(max_examples=40)
def test_cuts_off_the_singular_values_that_numpy_finds(shape, groups, data):
    """The error is what the left-out singular values of the matrix (C·R, K·S) of every group amount to."""
    k, c, r, s = shape
    kernel = torch.randn(groups * k, c, r, s, dtype=torch.float64)
    rank = data.draw(st.integers(1, min(c * r, k * s)))
    values = [
        np.linalg.svd(group.permute(1, 2, 0, 3).reshape(c * r, k * s).numpy(), compute_uv=False)
        for group in kernel.unflatten(0, (groups, k))
    ]
    want = np.sqrt(sum((v[rank:] ** 2).sum() for v in values) / sum((v**2).sum() for v in values))
    separated = separate(kernel, rank, groups=groups)
    assert separated.error == pytest.approx(want, abs=1e-12)
    assert relative(separated, kernel) == pytest.approx(want, abs=1e-12)


@given(st.integers(0, 999), st.floats(0, 1), st.sampled_from([(6, 4, 3, 3), (5, 3), (4, 2, 3, 2, 3), (3, 4, 3)]))
@settings(max_examples=15)
def test_tolerance_is_met(seed, tolerance, shape):
    """Never exceeded; and in two dimensions one term less would exceed it."""
    kernel = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    separated = separate(kernel, tolerance=tolerance)
    assert relative(separated, kernel) <= max(tolerance, 1e-13)
    if len(shape) in (2, 4) and separated.rank > 1:
        assert separate(kernel, separated.rank - 1).error > tolerance


@pytest.mark.parametrize(
    ("shape", "groups", "tolerance"),
    [((32, 32, 3, 3, 3), 1, 0.5), ((32, 32, 3, 3, 3), 1, 0.05), ((512, 1, 3, 3, 3), 512, 0.3)],
)
def test_tolerance_is_met_by_large_kernels(shape, groups, tolerance):
    """Where the search has to hurry: with no more terms than the best slices need, and no fewer than any axis does."""
    kernel = torch.randn(shape)
    separated = separate(kernel, tolerance=tolerance, groups=groups)
    assert relative(separated, kernel) <= tolerance
    assert separated.error == pytest.approx(relative(separated, kernel))
    tensors = kernel.double().unflatten(0, (groups, -1)).permute(0, 2, 3, 4, 1, 5).flatten(4).flatten(1, 2)
    limit = (tolerance * tensors.norm()) ** 2

    def needed(values):
        return sum(values.sort(1).values.square().sum(0).cumsum(0) > limit).item()

    slices = needed(torch.linalg.svdvals(tensors.transpose(1, 2)).flatten(1))
    axes = [needed(torch.linalg.svdvals(tensors.movedim(axis, 1).flatten(2))) for axis in (1, 2, 3)]
    assert max(axes) <= separated.rank <= slices
    assert separated.rank < slices or tolerance < 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_separable_filters_are_found_out(dtype):
    """Sobel's and Gauss's filters are one outer product, of bars in all six directions, two."""
    gauss = torch.exp(-torch.linspace(-2, 2, 5).square())
    cross = torch.zeros(5, 5)
    cross[2], cross[:, 2] = 1, 1
    for kernel, rank in [(SOBEL, 1), (torch.outer(gauss, gauss), 1), (cross, 2), (torch.eye(3), 3)]:
        separated = separate(kernel.to(dtype), tolerance=0.01)
        assert separated.rank == rank
        assert separated.factors[0].dtype == dtype
        assert relative(separated, kernel) < 0.01
    if dtype.itemsize > 2:
        assert separate(SOBEL.to(dtype), tolerance=0.0).rank == 1
        assert separate(SOBEL.to(dtype), 1).error < 1e-6


@pytest.mark.parametrize("terms", [1, 2, 3, 4])
@pytest.mark.parametrize("groups", [1, 2])
def test_volumes_made_of_few_terms_are_found_out(terms, groups):
    """In three dimensions, too, a kernel's own rank is found, and nothing is lost."""
    kernel = made_of(terms, 6, 2, 3, 3, 3, groups=groups)
    separated = separate(kernel, tolerance=1e-6, groups=groups)
    assert separated.rank == terms
    assert relative(separated, kernel) < 1e-6


def test_bare_volumes():
    """A three-dimensional Gaussian is one product; what is made of three is found again."""
    gauss = torch.exp(-torch.linspace(-2, 2, 5).square())
    separated = separate(torch.einsum("z,r,s->zrs", gauss, gauss, gauss), tolerance=1e-6)
    assert (separated.rank, separated.shape, separated.parameters) == (1, (5, 5, 5), 15)
    kernel = made_of(3, 1, 1, 3, 4, 5)[0, 0]
    assert separate(kernel, tolerance=1e-6).rank == 3


def test_stated_error_is_that_of_the_factors_as_returned():
    """Rounded to few bits they are farther off, and the report says so."""
    kernel = made_of(2, 6, 4, 3, 3).bfloat16()
    separated = separate(kernel, 2)
    exact = torch.einsum(
        "mcr,kms->kcrs", *(f.double().squeeze(a) for f, a in zip(separated.factors, (3, 2), strict=True))
    )
    assert separated.error == pytest.approx(((exact - kernel.double()).norm() / kernel.double().norm()).item())
    assert separated.error > 1e-4


@pytest.mark.parametrize("size", [(3, 5), (2, 3, 4)])
def test_each_slice_by_itself(size):
    """With a group for every slice, each is an outer product of vectors of its own: the notes' definition."""
    kernel = torch.randn(4, 3, *size, dtype=torch.float64)
    separated = separate(kernel.reshape(12, 1, *size), 1, groups=12)
    for got, own in zip(separated.kernel(), kernel.flatten(0, 1), strict=True):
        torch.testing.assert_close(got[0], separate(own, 1).kernel(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(6, 2, 3, 4), (6, 2, 2, 3, 3)])
def test_the_factors_convolve(shape):
    """With them, the separable convolution equals the dense one with what is left of the kernel."""
    kernel, rank = torch.randn(shape, dtype=torch.float64), len(shape) - 2
    separated = separate(kernel, 2, groups=2)
    x = torch.randn(1, 4, *[6] * rank, dtype=torch.float64)
    ours, dense = {2: (separable_conv2d, conv2d), 3: (separable_conv3d, conv3d)}[rank]
    options = {"stride": 2, "padding": "same", "groups": 2}
    torch.testing.assert_close(ours(x, separated.factors, **options), dense(x, separated.kernel(), **options))


def test_more_terms_are_never_worse():
    """The error falls with the rank, to nothing at the highest."""
    for shape, most in [((4, 3, 3, 3), 9), ((2, 2, 3, 2, 2), 8)]:
        kernel = torch.randn(shape, dtype=torch.float64)
        errors = [separate(kernel, rank).error for rank in range(1, most + 1)]
        assert all(more < less + 1e-12 for less, more in pairwise(errors))
        assert errors[-1] < 1e-9


def test_kernels_of_zeros():
    """Nothing is lost of nothing."""
    for shape in [(3, 3), (4, 2, 3, 3), (3, 3, 3), (4, 2, 3, 3, 3)]:
        separated = separate(torch.zeros(shape), tolerance=0.1)
        assert (separated.rank, separated.error) == (1, 0.0)
        assert not separated.kernel().any()


def test_parameters_in_training_are_left_alone():
    """A parameter can be passed as it is: no gradient is kept, nothing is changed, nothing is drawn."""
    kernel = torch.nn.Parameter(torch.randn(4, 2, 3, 3, 3))
    before, state = kernel.detach().clone(), torch.get_rng_state()
    separated = separate(kernel, 2)
    assert not any(factor.requires_grad for factor in separated.factors)
    assert torch.equal(kernel, before)
    assert torch.equal(state, torch.get_rng_state())


def test_the_report_counts():
    """Numbers of the factors and of the kernel, which are multiply-adds per position as well."""
    separated = Separated((torch.zeros(4, 3, 5, 1), torch.zeros(8, 2, 1, 5)), 2, 0.12345, (8, 3, 5, 5), groups=2)
    assert (separated.parameters, separated.dense_parameters) == (140, 600)
    assert (separated.multiply_adds, separated.dense_multiply_adds) == (140, 600)
    assert str(separated) == (
        "kernel (8, 3, 5, 5) as a sum of 2 outer products for each group, with a relative error of 0.123\n"
        "  factors        (4, 3, 5, 1), (8, 2, 1, 5)\n"
        "  parameters     140 instead of 600 (4.3 times fewer)\n"
        "  multiply-adds  140 instead of 600 per position"
    )
    assert "12 instead of 9 (1.3 times more: not worth while)" in str(separate(torch.eye(3), 2))


REFUSALS = [
    (
        "neither rank nor tolerance",
        lambda: separate(SOBEL),
        "separate: exactly one of rank and tolerance is needed.\n  rank       None\n  tolerance  None\n"
        "Say how many terms, or how large the relative error may be.",
    ),
    (
        "both",
        lambda: separate(SOBEL, 1, 0.1),
        "separate: exactly one of rank and tolerance is needed.\n  rank       1\n  tolerance  0.1\n"
        "Say how many terms, or how large the relative error may be.",
    ),
    ("no terms", lambda: separate(SOBEL, 0), "separate: rank is less than 1.\n  rank  0\nGive 1 or more."),
    (
        "too many terms",
        lambda: separate(torch.ones(4, 1, 2, 3, 2), 7),
        "separate: rank is more than this kernel can need.\n  rank    7\n  kernel  (4, 1, 2, 3, 2)\n"
        "Give 6 or less; with 6 there is no error.",
    ),
    (
        "less than nothing",
        lambda: separate(SOBEL, tolerance=-0.1),
        "separate: tolerance is negative.\n  tolerance  -0.1\nGive 0 or more.",
    ),
    (
        "a vector",
        lambda: separate(SOBEL[0], 1),
        "separate: a kernel has 2 to 5 axes, none of them empty.\n  kernel  (3,)\n"
        "Pass (R, S), (Z, R, S), (K, C/groups, R, S) or (K, C/groups, Z, R, S).",
    ),
    (
        "no taps",
        lambda: separate(SOBEL[:0], 1),
        "separate: a kernel has 2 to 5 axes, none of them empty.\n  kernel  (0, 3)\n"
        "Pass (R, S), (Z, R, S), (K, C/groups, R, S) or (K, C/groups, Z, R, S).",
    ),
    (
        "groups that do not divide",
        lambda: separate(torch.ones(4, 1, 3, 3), 1, groups=3),
        "separate: groups do not divide kernels.\n  kernels  4\n  groups   3\n"
        "Give groups that divide kernels, or kernels that are a multiple of 3.",
    ),
    (
        "a kernel that training has ruined",
        lambda: separate(torch.tensor([[1.0, torch.nan], [torch.inf, 0.0]]), 1),
        "separate: the kernel has infinite values or NaN.\n  kernel      (2, 2)\n  not_finite  2\n"
        "Look for what went wrong in its training.",
    ),
    (
        "whole numbers",
        lambda: separate(SOBEL.int(), 1),
        "separate: the kernel is not made of floating-point numbers.\n  kernel  torch.int32\n"
        "Convert it, for example with kernel.float().",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_what_makes_no_sense_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError, NonFiniteError)) as error:
        call()
    assert str(error.value) == message
