"""pools: the windows that the tests compare with are themselves right."""

from pools import Pool


def test_windows_of_a_row_written_out():
    """Three samples, windows of two with one zero after: the last holds one sample, and counts two taps."""
    pool = Pool(1, 1, (3,), (2,), (1,), ((0, 1),), (1,), False, 0)
    assert list(pool.windows()) == [((0,), [(0,), (1,)], 2), ((1,), [(1,), (2,)], 2), ((2,), [(2,)], 2)]
