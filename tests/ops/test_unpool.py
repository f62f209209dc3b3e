"""ops.unpool: maxima go back to where they were; where windows overlap, as asked, always alike, with its gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pools import pools
from torch.autograd import gradcheck, gradgradcheck
from torch.fx.experimental.proxy_tensor import make_fx

from striate.errors import DtypeError, OptionError, ShapeError
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
from striate.ops.unpool import max_unpool1d, max_unpool2d, max_unpool3d

POOL = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
UNPOOL = {1: max_unpool1d, 2: max_unpool2d, 3: max_unpool3d}
ranks = pytest.mark.parametrize("rank", [1, 2, 3])
overlaps = pytest.mark.parametrize("overlap", ["sum", "max", "last"])


def overlapping(rank, batch=2):
    """Maxima of overlapping windows, and their switches, several of which name the same sample."""
    x = torch.randn(batch, 2, *[5] * rank, dtype=torch.float64)
    out, switches = POOL[rank](x, 3, 1, return_indices=True)
    assert switches[0, 0].unique().numel() < switches[0, 0].numel()
    # No longer equal where they meet: each window brings a number of its own.
    return torch.randn_like(out), switches


@given(pools(dilated=False), st.sampled_from(["sum", "max", "last"]))
@settings(max_examples=60)
def test_is_what_a_loop_over_the_positions_makes(pool, overlap):
    """Row by row each position adds its number, or keeps the greater, or overwrites."""
    x = pool.input()
    out, switches = POOL[pool.rank](x, **pool.steps, ceil_mode=pool.ceil_mode, return_indices=True)
    out = torch.randn_like(out)
    usual = pool.window.origins(out.shape[2:])
    if any(abs(n - u) >= s for n, u, s in zip(pool.size, usual, pool.stride, strict=True)):
        return
    got = (
        UNPOOL[pool.rank](out, switches, **pool.steps, output_size=pool.size, overlap=overlap).flatten(0, 1).flatten(1)
    )
    rows = zip(out.flatten(0, 1).flatten(1).tolist(), switches.flatten(0, 1).flatten(1).tolist(), strict=True)
    for plane, (numbers, places) in zip(got, rows, strict=True):
        want = {}
        for number, place in zip(numbers, places, strict=True):
            step = {"sum": want.get(place, 0) + number, "max": max(want.get(place, number), number), "last": number}
            want[place] = step[overlap]
        torch.testing.assert_close(plane, torch.tensor([want.get(i, 0) for i in range(plane.numel())]).double())


@ranks
def test_sum_is_the_adjoint_of_taking_the_switches(rank):
    """<gather(y), x> = <y, unpool(x)>: the gradient of the pooling, as a function."""
    x, switches = overlapping(rank)
    y = torch.randn(2, 2, *[5] * rank, dtype=torch.float64)
    taken = y.flatten(2).gather(-1, switches.flatten(2)).view_as(x)
    torch.testing.assert_close((taken * x).sum(), (y * UNPOOL[rank](x, switches, 3, 1)).sum())


@ranks
@overlaps
def test_gradients_of_first_and_second_order(rank, overlap):
    """Numerical ones agree where several positions name one sample."""
    x, switches = overlapping(rank, 1)
    x = x[:, :1].clone().requires_grad_()
    assert gradcheck(lambda x: UNPOOL[rank](x, switches[:, :1], 3, 1, overlap=overlap), x)
    assert gradgradcheck(lambda x: UNPOOL[rank](x, switches[:, :1], 3, 1, overlap=overlap), x)


@ranks
@pytest.mark.parametrize("padding", [0, 1, "same", "full"])
def test_undoes_pooling_at_the_switches(rank, padding):
    """Pooling the unpooled gives the maxima again, at the size that pooling came from, named in either form."""
    x = torch.rand(2, 2, *[6] * rank) + 1
    out, switches = POOL[rank](x, 2, padding=padding, return_indices=True)
    back = UNPOOL[rank](out, switches, 2, padding=padding, output_size=x.shape, overlap="max")
    assert POOL[rank](back, 2, padding=padding).equal(out)
    assert UNPOOL[rank](out, switches, 2, padding=padding, output_size=x.shape[2:], overlap="max").equal(back)
    assert UNPOOL[rank](out[0], switches[0], 2, None, padding, x.shape[1:], overlap="max").equal(back[0])


@given(pools(dilated=False))
@settings(max_examples=60)
def test_it_takes_every_size_that_pools_to_so_many_positions(pool):
    """Rounded down or up; with 'same' no other, else none a stride or more from the usual one."""
    count, stride = pool.window.positions(pool.size), pool.stride[0]
    usual, *others = pool.window.origins(count)
    if min([usual, *others]) < 1:
        return
    x, at = torch.zeros(1, 1, *count), torch.zeros(1, 1, *count, dtype=torch.int64)
    for n in range(1, usual + 2 * stride):
        size = (n, *others)
        if any(pool.window.positions(size, ceil_mode=up)[0] == count[0] for up in (False, True)):
            assert UNPOOL[pool.rank](x, at, **pool.steps, output_size=size).shape[2:] == size
        elif pool.padding == "same" or abs(n - usual) >= stride:
            with pytest.raises(ShapeError, match="no input of this size"):
                UNPOOL[pool.rank](x, at, **pool.steps, output_size=size)


@ranks
@overlaps
def test_examples_may_be_mapped_over(rank, overlap):
    """Vmap and a trace have no numbers to look at; they give what the batch gives."""
    x, switches = overlapping(rank)
    want = UNPOOL[rank](x, switches, 3, 1, overlap=overlap)

    def unpool(x, switches):
        return UNPOOL[rank](x, switches, 3, 1, overlap=overlap)

    assert torch.vmap(unpool)(x, switches).equal(want)
    assert make_fx(unpool)(x, switches)(x, switches).equal(want)


def test_nan_is_the_greatest_and_minus_infinity_is_a_number():
    """`max` keeps NaN; a place that -inf alone names is -inf, not 0."""
    x, at = torch.tensor([[1.0, torch.nan, 2.0, -torch.inf]]), torch.tensor([[0, 0, 0, 3]])
    out = max_unpool1d(x, at, 1, overlap="max")
    assert out[0, 0].isnan()
    assert out[0, 1:].tolist() == [0, 0, -torch.inf]


@pytest.mark.traced
@ranks
@overlaps
def test_compiles_exports_and_has_meta(rank, overlap):
    """In one graph, with any number of examples, without data; the same numbers."""

    class Layer(torch.nn.Module):
        def forward(self, x, indices):
            return UNPOOL[rank](x, indices, 3, 1, overlap=overlap)

    x, switches = overlapping(rank)
    want = Layer()(x, switches)
    torch.compiler.reset()
    torch.testing.assert_close(torch.compile(Layer(), backend="aot_eager", fullgraph=True)(x, switches), want)
    many = {0: torch.export.Dim("n")}
    program = torch.export.export(Layer(), (x, switches), dynamic_shapes=(many, many))
    torch.testing.assert_close(program.module()(x.repeat(2, *[1] * (rank + 1)), torch.cat([switches] * 2))[:2], want)
    assert Layer()(x.to("meta"), switches.to("meta")).shape == want.shape
    assert Layer()(x[:0], switches[:0]).shape == (0, *want.shape[1:])
    short = Layer()(x.bfloat16(), switches)
    assert short.dtype == torch.bfloat16
    torch.testing.assert_close(short.double(), want, rtol=0.05, atol=0.1)


@overlaps
def test_layout_does_not_matter(overlap):
    """channels_last gives the same."""
    x, switches = overlapping(2)
    want = max_unpool2d(x, switches, 3, 1, overlap=overlap)
    last = {"memory_format": torch.channels_last}
    assert max_unpool2d(x.contiguous(**last), switches.contiguous(**last), 3, 1, overlap=overlap).equal(want)


ONE, AT = torch.ones(1, 2), torch.tensor([[0, 2]])
REFUSALS = {
    "overlap": (
        lambda: max_unpool1d(ONE, AT, 2, overlap="mean"),
        "max_unpool1d: no way to treat overlaps is called 'mean'.\nChoose one of 'sum', 'max', 'last'.",
    ),
    "size": (
        lambda: max_unpool1d(ONE, AT, 2, output_size=(6,)),
        "max_unpool1d: no input of this size pools to these positions.\n"
        "  output_size  (T=6)\n"
        "  input        (Q=2)\n"
        "  kernel_size  (2,)\n"
        "  stride       (2,)\n"
        "  padding      ((0, 0),)\n"
        "Give output_size from (3,) to (5,).",
    ),
    "size of 'same'": (
        lambda: max_unpool1d(ONE, AT, 3, 2, "same", (5,)),
        "max_unpool1d: no input of this size pools to these positions.\n"
        "  output_size  (T=5)\n"
        "  input        (Q=2)\n"
        "  kernel_size  (3,)\n"
        "  stride       (2,)\n"
        "  padding      same\n"
        "Give output_size from (3,) to (4,).",
    ),
    "shapes": (
        lambda: max_unpool1d(ONE, AT[:, :1], 2),
        "max_unpool1d: input and indices are of different shapes.\n"
        "  input    (1, 2)\n"
        "  indices  (1, 1)\n"
        "Pass the indices that the pooling of this input returned.",
    ),
    "dtype": (
        lambda: max_unpool1d(ONE, AT.int(), 2),
        "max_unpool1d: indices are not int64.\n"
        "  indices  torch.int32\n"
        "Pass the indices that the pooling returned, or convert them with indices.long().",
    ),
    "range": (
        lambda: max_unpool1d(ONE, AT + 2, 2),
        "max_unpool1d: an index lies outside the plane.\n"
        "  smallest  2\n"
        "  greatest  4\n"
        "  plane     (T=4), indices 0 to 3\n"
        "Pass the indices that the pooling of this input returned, and the size of its input as output_size.",
    ),
}


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), REFUSALS.values(), ids=REFUSALS)
def test_what_does_not_fit_is_refused(call, message):
    """The message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError, DtypeError)) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("overlap", ["sum", "last"])
def test_large_images_are_the_cores_and_the_same(overlap, layout):
    """In float32 as in double precision, forward and backward, where windows overlap; also of sequences."""
    x = torch.randn(2, 9, 31, 33, generator=torch.Generator().manual_seed(0))
    x, indices = max_pool2d(x.contiguous(memory_format=layout), 3, 2, return_indices=True)
    x = x.repeat(2, 1, 1, 1).contiguous(memory_format=layout).requires_grad_()
    indices, double = indices.repeat(2, 1, 1, 1), x.detach().double().requires_grad_()
    found, want = (max_unpool2d(each, indices, 3, 2, overlap=overlap) for each in (x, double))
    torch.testing.assert_close(found.double(), want)
    slope, right = (torch.autograd.grad(y.square().sum(), z)[0] for y, z in ((found, x), (want, double)))
    torch.testing.assert_close(slope.double(), right)
    row, places = x.detach().flatten(1)[:, None], torch.randint(8000, (4, 1, x[0].numel()))
    settings = {"kernel_size": 6, "stride": 4, "output_size": [4 * x[0].numel() + 2], "overlap": overlap}
    one, many = (max_unpool1d(each, places, **settings) for each in (row, row.double()))
    torch.testing.assert_close(one.double(), many)
