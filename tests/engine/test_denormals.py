"""engine.denormals: numbers too small to be normal are zero within, on every thread, and are themselves again after."""

import pytest
import torch

from striate.engine.denormals import Flushed

TINY = torch.full((1 << 18,), 1e-39)  # enough for PyTorch to share them out


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    """PyTorch on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def flushed():
    """Tell of each thread's share whether it came to nothing, all of it."""
    return [bool((part == 0).all()) for part in (TINY * 1.0).chunk(6)]


def test_within_they_are_zero_and_after_they_are_not(threads):
    """On every thread."""
    with Flushed(threads):
        assert all(flushed())
    assert not any(flushed())


def test_pairs_may_be_nested(threads):
    """The outer one holds until it ends; one of fewer threads leaves the others alone."""
    with Flushed(threads):
        with Flushed(threads):
            assert all(flushed())
        with Flushed(1):
            assert all(flushed())
        assert all(flushed())
    assert not any(flushed())


def test_an_error_ends_it(threads):
    """What is raised within goes on, and nothing stays behind."""
    with pytest.raises(ZeroDivisionError), Flushed(threads):
        _ = 1 / 0
    assert not any(flushed())


def test_threads_that_begin_within_stay_as_they_were(threads):
    """PyTorch's threads may be fewer within, and more again."""
    with Flushed(threads):
        torch.set_num_threads(1)
        torch.set_num_threads(3)
        flushed()
    torch.set_num_threads(threads)
    assert not any(flushed())


def test_whoever_had_them_flushed_has_them_flushed_still():
    """PyTorch's own setting is of the calling thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with Flushed(1):
            pass
        assert all(flushed())
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(before)
