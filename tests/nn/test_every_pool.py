"""nn: what every layer of pooling, unpooling and normalisation is held to, whatever it computes."""

import re

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import gradcheck, gradgradcheck

from striate import nn, ops

# By name, without the number of axes: settings, by position and by name.
SETTINGS = {
    "MaxPool": [((3, 2, 1), {}), ((3, 2, "same"), {"ceil_mode": True}), ((2, 1, "full", 2), {})],
    "AvgPool": [((3, 2, 1), {}), ((3, 2, "same"), {"count_include_pad": False}), ((2, 1, "full"), {})],
    "LPPool": [((2, 3, 2), {}), ((1.5, 2, 1, True), {"padding": "same"})],
    "AdaptiveAvgPool": [((2,), {})],
    "AdaptiveMaxPool": [((2,), {})],
    "GlobalAvgPool": [((), {})],
    "GlobalMaxPool": [((), {})],
    "TileMaxPool": [((2,), {})],
    "Maxout": [((2,), {})],
    "MaxUnpool": [((2, 1), {"overlap": "sum"}), ((2, 1), {"overlap": "max"}), ((2, 1), {"overlap": "last"})],
    "LocalResponseNorm": [((3, 0.5), {}), ((2, 0.5), {"scale": "sum"})],
    "LocalContrastNorm": [((3,), {}), ((3,), {"across": False, "threshold": 0.5})],
}
ROWS = [(name, rank, *row) for name, rows in SETTINGS.items() for rank in (1, 2, 3) for row in rows]
IDS = [f"{name} {rank} {args} {kwargs}" for name, rank, args, kwargs in ROWS]
layers = pytest.mark.parametrize(("name", "rank", "args", "kwargs"), ROWS, ids=IDS)


def kind(name, rank):
    """The class; some have no number of axes in their name."""
    return getattr(nn, f"{name}{rank}d", None) or getattr(nn, name)


def made(name, rank, args, kwargs):
    """The layer."""
    return kind(name, rank)(*args, **kwargs)


def given(name, rank, dtype=torch.float64):
    """An input without ties, two examples of four maps; unpooling takes switches, some of which meet."""
    size = (4, *[{1: 6, 2: 4, 3: 3}[rank]] * rank)
    x = torch.stack([torch.randperm(torch.Size(size).numel()) for _ in "12"]).view(2, *size).to(dtype) / 8 - 1.03
    if "Unpool" not in name:
        return (x,)
    pooled, switches = getattr(ops, f"max_pool{rank}d")(x, 2, 1, return_indices=True)
    return pooled + torch.linspace(0, 1, pooled.numel(), dtype=dtype).view_as(pooled), switches


def test_every_layer_is_here_and_has_its_function():
    """Whoever adds a pooling, an unpooling or a normalisation adds it here; its function has the layer's name."""
    pooling = re.compile("pool|maxout|norm", re.IGNORECASE)
    expected = {kind(name, rank) for name in SETTINGS for rank in (1, 2, 3)}
    assert {getattr(nn, name) for name in nn.__all__ if pooling.search(name)} == expected
    functions = {name.replace("_", "") for name in ops.__all__ if pooling.search(name)}
    assert {layer.__name__.lower() for layer in expected} == functions


@layers
def test_gradients_of_both_orders(name, rank, args, kwargs):
    """Numerical ones agree, for one example of two maps."""
    layer, (x, *others) = made(name, rank, args, kwargs), (t[:1, :2] for t in given(name, rank))
    x = x.clone().requires_grad_()
    assert gradcheck(lambda x: layer(x, *others), x)
    assert gradgradcheck(lambda x: layer(x, *others), x)


@layers
def test_meta_and_fake_tensors(name, rank, args, kwargs):
    """Without numbers: the same shape and dtype."""
    layer, tensors = made(name, rank, args, kwargs), given(name, rank, torch.float32)
    want = layer(*tensors)
    found = [layer(*(t.to("meta") for t in tensors))]
    with FakeTensorMode() as mode:
        found.append(layer(*map(mode.from_tensor, tensors)))
    for out in found:
        assert (out.shape, out.dtype) == (want.shape, want.dtype)


@layers
def test_no_examples(name, rank, args, kwargs):
    """None in, none out, and a gradient of as many."""
    layer, (x, *others) = made(name, rank, args, kwargs), given(name, rank)
    none = x[:0].clone().requires_grad_()
    out = layer(none, *(t[:0] for t in others))
    assert out.shape == (0, *layer(x, *others).shape[1:])
    out.sum().backward()
    assert none.grad.shape == none.shape


@layers
def test_layout_does_not_matter(name, rank, args, kwargs):
    """Every second sample of something larger, turned axes, channels last: the same numbers and gradient."""
    layer, (x, *others) = made(name, rank, args, kwargs), given(name, rank)
    x = x.requires_grad_()
    want = layer(x, *others)
    (slope,) = torch.autograd.grad(want.square().sum(), x)
    layouts = [lambda t: t.repeat_interleave(2, -1)[..., ::2], lambda t: t.mT.contiguous().mT]
    layouts += [lambda t: t.movedim(1, -1).contiguous().movedim(-1, 1)]  # channels last
    for layout in layouts:
        y = layout(x.detach()).requires_grad_()
        assert not y.is_contiguous()
        got = layer(y, *map(layout, others))
        torch.testing.assert_close(got, want)
        torch.testing.assert_close(torch.autograd.grad(got.square().sum(), y)[0], slope)


@layers
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_short_numbers(name, rank, args, kwargs, dtype):
    """What float64 makes of the same numbers, rounded; the dtype stays."""
    layer, (x, *others) = made(name, rank, args, kwargs), given(name, rank)
    short = x.to(dtype)
    got = layer(short, *others)
    assert got.dtype == dtype
    torch.testing.assert_close(got.double(), layer(short.double(), *others), rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


@layers
@pytest.mark.traced
def test_is_open_to_compile_and_export(name, rank, args, kwargs):
    """One graph without breaks, and a program for any number of examples, give the layer's numbers and gradient."""
    torch.compiler.reset()  # one `forward` serves all layers, and a process may compile it only so often
    layer, (x, *others) = made(name, rank, args, kwargs), given(name, rank)
    x = x.requires_grad_()
    want = layer(x, *others)
    got = torch.compile(layer, fullgraph=True, backend="aot_eager")(x, *others)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(*(torch.autograd.grad(y.square().sum(), x) for y in (got, want)))
    many = tuple({0: torch.export.Dim("n")} for _ in (x, *others))
    tensors = (x.detach(), *others)
    program = torch.export.export(layer, tensors, dynamic_shapes=many).module()
    torch.testing.assert_close(program(*(torch.cat([t, t]) for t in tensors)), torch.cat([want, want]))
