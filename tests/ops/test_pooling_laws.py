"""ops: what all poolings have in common, whatever they make of a window; and what each adds to it."""

from math import inf

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import pools

from striate import ops

# Name, and settings besides the window's.
SLIDING = [("max_pool", ()), ("avg_pool", ()), ("lp_pool", (1,)), ("lp_pool", (2.5,)), ("lp_pool", (inf,))]
sliding = pytest.mark.parametrize(("name", "settings"), SLIDING, ids=[f"{name} {more}" for name, more in SLIDING])
MAPS = [
    lambda x, rank: getattr(ops, f"adaptive_avg_pool{rank}d")(x, 2),
    lambda x, rank: getattr(ops, f"adaptive_max_pool{rank}d")(x, 3),
    lambda x, rank: getattr(ops, f"global_avg_pool{rank}d")(x),
    lambda x, rank: getattr(ops, f"global_max_pool{rank}d")(x),
    lambda x, rank: getattr(ops, f"tile_max_pool{rank}d")(x, 2),
]


def run(name, settings, pool, x):
    return getattr(ops, f"{name}{pool.rank}d")(x, *settings, **pool.steps, ceil_mode=pool.ceil_mode)


@sliding
@given(pools(dilated=False), st.floats(0.1, 9))
@settings(max_examples=30)
def test_is_monotone_and_homogeneous_and_takes_maps_one_by_one(name, settings, pool, factor):
    """Of what is not negative: more gives no less, n times as much gives n times as much, no map looks at another."""
    x = pool.input().abs()
    y = run(name, settings, pool, x)
    more = x + (torch.arange(x.numel()).view_as(x) % 3 - 1).clamp(min=0)
    assert (run(name, settings, pool, more) >= y - 1e-12).all()
    torch.testing.assert_close(run(name, settings, pool, factor * x), factor * y)
    torch.testing.assert_close(run(name, settings, pool, x.flip(1)), y.flip(1))


@sliding
@given(pools(dilated=False))
@settings(max_examples=30)
def test_is_equivariant_to_shifts_by_a_stride(name, settings, pool):
    """Without padding: what is cut off in front by a stride takes the first position with it."""
    x, steps = pool.input().repeat(1, 1, *[8] * pool.rank), {**pool.steps, "padding": "valid"}
    whole = getattr(ops, f"{name}{pool.rank}d")
    later = whole(x[:, :, pool.stride[0] :], *settings, **steps)
    torch.testing.assert_close(later, whole(x, *settings, **steps)[:, :, 1:])


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("index", range(len(MAPS)))
@given(st.integers(3, 6), st.integers(0, 99))
@settings(max_examples=10)
def test_pooling_to_a_size_is_monotone_and_homogeneous_too(index, rank, size, seed):
    """More gives no less, n times as much gives n times as much, a constant stays, no map looks at another."""
    x = torch.randn(2, 2, *[size] * rank, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    y = MAPS[index](x, rank)
    assert (MAPS[index](x + x.square(), rank) >= y).all()
    torch.testing.assert_close(MAPS[index](3 * x, rank), 3 * y)
    torch.testing.assert_close(MAPS[index](torch.ones_like(x), rank), torch.ones_like(y))
    torch.testing.assert_close(MAPS[index](x.flip(1), rank), y.flip(1))


@given(pools())
@settings(max_examples=40)
def test_the_maximum_goes_along_with_whatever_grows(pool):
    """Max f(x) = f(max x) where f grows, in numbers and switches."""
    x = pool.input()
    step = {**pool.steps, "dilation": pool.dilation, "ceil_mode": pool.ceil_mode, "return_indices": True}
    out, switches = getattr(ops, f"max_pool{pool.rank}d")(x, **step)
    grown, same = getattr(ops, f"max_pool{pool.rank}d")(x.pow(3) + x, **step)
    assert grown.equal(out.pow(3) + out)
    assert same.equal(switches)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=30)
def test_the_maximum_of_maxima_is_that_of_the_larger_window(rank, first, second, seed):
    """Windows of a and b, one after the other, are a window of a + b - 1, however they are padded."""
    x = torch.randn(2, 2, *[6] * rank, generator=torch.Generator().manual_seed(seed))
    pool = getattr(ops, f"max_pool{rank}d")
    for padding in ("valid", "full"):
        assert pool(pool(x, first, 1, padding), second, 1, padding).equal(pool(x, first + second - 1, 1, padding))


@given(pools(dilated=False), st.floats(-3, 3))
@settings(max_examples=40)
def test_the_mean_is_linear_and_a_convolution_with_equal_weights(pool, factor):
    """mean(a x + y) = a mean(x) + mean(y); with padding counted it is what convolution by 1 / taps gives."""
    x, mean = pool.input(), getattr(ops, f"avg_pool{pool.rank}d")
    y = x.flip(-1).square()
    for counted in (True, False):
        step = {**pool.steps, "ceil_mode": pool.ceil_mode, "count_include_pad": counted}
        torch.testing.assert_close(mean(factor * x + y, **step), factor * mean(x, **step) + mean(y, **step))
    weight = torch.ones(2, 1, *pool.kernel_size, dtype=x.dtype)
    weight /= weight[0].numel()
    want = getattr(ops, f"conv{pool.rank}d")(x, weight, stride=pool.stride, padding=pool.padding, groups=2)
    torch.testing.assert_close(mean(x, **pool.steps), want)


@given(pools(dilated=False))
@settings(max_examples=40)
def test_a_constant_stays_where_padding_is_not_counted(pool):
    """The mean and the maximum of equal numbers are that number, at the border too."""
    x = torch.full_like(pool.input(), -2.5)
    mean = getattr(ops, f"avg_pool{pool.rank}d")(x, **pool.steps, ceil_mode=pool.ceil_mode, count_include_pad=False)
    torch.testing.assert_close(mean, torch.full_like(mean, -2.5))
    assert run("max_pool", (), pool, x).eq(-2.5).all()


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=30)
def test_windows_to_a_size_that_divides_are_ordinary_ones(rank, count, share):
    """N * k samples to n positions are windows of k, side by side; their mean is the global mean."""
    x = torch.randn(2, 2, *[count * share] * rank, dtype=torch.float64)
    mean, greatest = (getattr(ops, f"adaptive_{kind}_pool{rank}d")(x, count) for kind in ("avg", "max"))
    torch.testing.assert_close(mean, getattr(ops, f"avg_pool{rank}d")(x, share))
    assert greatest.equal(getattr(ops, f"max_pool{rank}d")(x, share))
    everywhere = getattr(ops, f"global_avg_pool{rank}d")
    torch.testing.assert_close(everywhere(mean), everywhere(x))


@given(pools(dilated=False))
@settings(max_examples=40)
def test_unpooling_is_the_adjoint_of_pooling_with_its_switches(pool):
    """<gather(y), x> = <y, unpool(x)>: where windows overlap what meets is added."""
    y = pool.input()
    x, switches = getattr(ops, f"max_pool{pool.rank}d")(y, **pool.steps, return_indices=True)
    back = getattr(ops, f"max_unpool{pool.rank}d")(x, switches, **pool.steps, output_size=pool.size)
    taken = y.flatten(2).gather(-1, switches.flatten(2)).view_as(x)
    torch.testing.assert_close((taken * x).sum(), (y * back).sum())


NUMBERS = st.floats(0.05, 9)


@given(pools(), st.integers(1, 5), NUMBERS, st.booleans())
@settings(max_examples=30)
def test_response_norm_is_odd_and_its_alpha_a_scale(pool, size, factor, mean):
    """norm(-x) = -norm(x); a times the input with alpha / a² is a times the output; places do not look at others."""
    x = pool.input()

    def norm(x, alpha=0.5):
        return ops.local_response_norm(x, size, alpha, scale="mean" if mean else "sum")

    torch.testing.assert_close(norm(-x), -norm(x))
    torch.testing.assert_close(norm(factor * x, 0.5 / factor**2), factor * norm(x))
    torch.testing.assert_close(norm(x.flip(-1)), norm(x).flip(-1))


@given(pools(), st.sampled_from([3, 5]), NUMBERS, st.floats(-9, 9), st.booleans())
@settings(max_examples=30)
def test_contrast_norm_does_not_see_brightness_or_contrast(pool, size, factor, offset, across):
    """norm(a x + b) = norm(x) for a > 0, and norm(-x) = -norm(x); turned round it is the turned one."""
    x = pool.input()

    def norm(x):
        return ops.local_contrast_norm(x, size, across=across)

    if not across and any(n == 1 for n in pool.size):
        return  # a map of one sample has no contrast
    torch.testing.assert_close(norm(factor * x + offset), norm(x), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(norm(-x), -norm(x))
    torch.testing.assert_close(norm(x.flip(-1)), norm(x).flip(-1))
