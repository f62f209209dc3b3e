"""engine.spectra: products of matrices of complex numbers, frequency by frequency."""

import pytest
import torch

from striate.engine.spectra import Sums, multiply, pack, right_floats, scratch, scratch_bytes

# Groups, rows, columns, depth, frequencies: whole vectors and tiles, and what is left over of each.
SIZES = [(1, 1, 1, 1, 1), (1, 4, 3, 8, 16), (2, 5, 4, 3, 33), (3, 9, 7, 2, 17), (128, 2, 1, 1, 40), (1, 70, 2, 300, 20)]


def drawn(dtype, *shape):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def sums(groups, rows, columns, depth, f):
    steps = [(high * wide * f, wide * f, f) for high, wide in ((rows, depth), (columns, depth), (rows, columns))]
    return Sums(groups, rows, columns, depth, f, *steps)


def product(of, left, right, dtype, *, add=False, threads=1):
    packed = torch.full((right_floats(of, dtype),), torch.nan, dtype=dtype)
    pack(right, of, packed, threads)
    start = 1.0 if add else torch.nan
    out = torch.full((of.groups, of.rows, of.columns, of.frequencies), start, dtype=left.dtype)
    (memory,) = scratch(dtype, scratch_bytes(of, dtype, threads))
    multiply(left, packed, out, of, memory, add=add, threads=threads)
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sizes", SIZES)
def test_it_is_the_definition_with_the_right_side_conjugate(sizes, dtype):
    """Against PyTorch in double precision; what is there is added to, or overwritten."""
    of = sums(*sizes)
    groups, rows, columns, depth, f = sizes
    complexes = torch.complex64 if dtype is torch.float32 else torch.complex128
    left, right = drawn(complexes, groups, rows, depth, f), drawn(complexes, groups, columns, depth, f)
    want = torch.einsum("gidf,gjdf->gijf", left.to(torch.complex128), right.to(torch.complex128).conj())
    part = {torch.float32: 1e-5, torch.float64: 1e-13}[dtype]
    for add in (False, True):
        got = product(of, left, right, dtype, add=add)
        assert (got - (want + add)).abs().max() <= part * max(1.0, want.abs().max())


@pytest.mark.parametrize("sizes", SIZES)
def test_bits_depend_neither_on_threads_nor_on_the_other_rows(sizes):
    """A row alone, and all of them on two threads."""
    of = sums(*sizes)
    groups, rows, columns, depth, f = sizes
    left, right = drawn(torch.complex64, groups, rows, depth, f), drawn(torch.complex64, groups, columns, depth, f)
    whole = product(of, left, right, torch.float32)
    assert torch.equal(product(of, left, right, torch.float32, threads=2), whole)
    last = left[:, -1:].contiguous()
    assert torch.equal(product(sums(groups, 1, columns, depth, f), last, right, torch.float32), whole[:, -1:])


def test_scratch_is_aligned_and_apart():
    """Each part begins with a cache line, and none reaches into another."""
    parts = scratch(torch.float32, 3, 0, 17)
    assert [len(part) for part in parts] == [3, 0, 17]
    assert all(part.data_ptr() % 64 == 0 for part in parts)
    assert parts[0].data_ptr() + 3 * 8 <= parts[2].data_ptr()


def test_a_greater_depth_never_needs_less_memory():
    """Blocks of tiles of several sizes share what the largest asks for."""
    for rows, columns, f in ((4, 4, 77), (1, 9, 500), (64, 64, 33)):
        needed = [scratch_bytes(sums(1, rows, columns, depth, f), torch.float32, 2) for depth in range(1, 1200, 13)]
        assert needed == sorted(needed)
