"""engine.products: the sums of a plain product, however the columns lie, on any instruction set and thread."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.engine import isas
from striate.engine.products import products, refuses

USABLE = [name for name, reason in isas().items() if not reason]


def problem(matrices, rows, depth, columns):
    """Draw matrices, and columns that overlap: all of them windows of one signal."""
    generator = torch.Generator().manual_seed(matrices + 10 * rows + 100 * depth + 1000 * columns)
    left = torch.randn(matrices, rows, depth, generator=generator)
    signal = torch.randn(2 * matrices + depth + 3 * columns, generator=generator)
    return left, signal.as_strided((matrices, depth, columns), (2, 1, 3))


@given(st.integers(1, 5), st.integers(1, 13), st.integers(1, 70), st.integers(1, 19))
@settings(max_examples=100)
def test_products_are_those_of_bmm(matrices, rows, depth, columns):
    """In double precision, to float32's accuracy, whatever is left over of a tile."""
    left, right = problem(matrices, rows, depth, columns)
    want = torch.bmm(left.double(), right.double())
    torch.testing.assert_close(products(left, right, (1, 1)).double(), want, rtol=1e-5, atol=1e-5)


def test_long_sums_are_exact_where_they_can_be():
    """Sums of ones, longer than what is gathered at once, count them."""
    ones = torch.ones(2, 3, 5000)
    assert torch.equal(products(ones, torch.ones(2, 5000, 4), (1, 1)), torch.full((2, 3, 4), 5000.0))


def test_a_sum_does_not_depend_on_threads_or_other_columns():
    """Bit for bit: with one thread and two, and the first columns alone."""
    left, right = problem(64, 32, 300, 8)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = products(left, right, (1, 1))
        torch.set_num_threads(2)
        two = products(left, right, (1, 1))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one, two)
    assert torch.equal(products(left, right[:, :, :6], (1, 1)), one[:, :, :6])


def test_axes_are_numbered_from_the_left():
    """Two axes of matrices and two of depth are one of each, the last the fastest."""
    left, right = torch.randn(6, 4, 15), torch.randn(2, 3, 5, 3, 7)
    want = torch.bmm(left, right.reshape(6, 15, 7))
    torch.testing.assert_close(products(left, right, (2, 2)), want)


def test_views_count_for_what_they_show():
    """A negated view, and matrices that do not lie one after the other."""
    left, right = torch.randn(3, 80, 4).transpose(1, 2), torch.randn(3, 80, 2, dtype=torch.complex64).conj().imag
    assert right.is_neg()
    torch.testing.assert_close(products(left, right, (1, 1)), torch.bmm(left, right))


@pytest.mark.parametrize("name", USABLE)
def test_every_instruction_set_multiplies(name):
    """STRIATE_ISA=X gives the same sums, to rounding."""
    code = (
        "import torch\nfrom striate.engine.products import products\ntorch.manual_seed(0)\n"
        "a, b = torch.randn(5, 9, 77), torch.randn(5, 77, 7)\n"
        "torch.testing.assert_close(products(a, b, (1, 1)), torch.bmm(a, b), rtol=1e-5, atol=1e-5)"
    )
    environment = os.environ | {"STRIATE_ISA": name}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


REFUSALS = [
    ("not of float32", (1, 1, 64), {"dtype": torch.float64}, 1),
    ("not in the processor's memory", (1, 1, 64), {"device": "meta"}, 1),
    ("no columns", (1, 1, 64), {}, 0),
    ("over 8 columns", (1, 1, 64), {}, 9),
    ("sums of less than 64", (1, 1, 63), {}, 1),
    ("", (1, 1, 64), {}, 8),
]


@pytest.mark.parametrize(("reason", "size", "made", "columns"), REFUSALS, ids=[r[0] or "none" for r in REFUSALS])
def test_what_declines_says_why(reason, size, made, columns):
    """One reason at a time."""
    assert refuses(torch.empty(size, **made), columns) == reason
