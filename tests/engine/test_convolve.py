"""engine.convolve: every algorithm against the definition in double precision, output and gradients."""

from dataclasses import replace

import pytest
import torch
from convolutions import accepted, call, problem, tensors

from striate.engine import by_torch, limits
from striate.engine.choice import Choice
from striate.engine.convolve import Call

EACH = pytest.mark.parametrize(("case", "name"), accepted())
OURS = pytest.mark.parametrize(("case", "name"), [pair for pair in accepted() if pair[1] != "torch"])
LAYOUTS = pytest.mark.parametrize("channels_last", [True, False], ids=["channels_last", "contiguous"])


@EACH
@LAYOUTS
def test_values_are_those_of_the_definition(case, channels_last, name):
    """To float32's accuracy: ten times that of direct sums, for the largest of Winograd's tiles."""
    x, weight, bias, settings = tensors(case, channels_last=channels_last, grad=False)
    made = call(case, name, channels_last=channels_last)
    exact = [t.double().requires_grad_() for t in (x, weight, bias)]
    want = by_torch.convolve(*exact, *settings)
    found = made.forward(x, weight, bias)
    torch.testing.assert_close(found.double(), want, rtol=2e-4, atol=2e-4)
    gradient = torch.randn(want.shape)
    wants = torch.autograd.grad(want, exact[:2], gradient.double())
    founds = made.gradients(gradient, x, weight, (True, True))
    for got, wanted in zip(founds, wants, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=2e-4, atol=5e-4)
    if name != "torch":
        layout = torch.channels_last if channels_last else torch.contiguous_format
        assert found.is_contiguous(memory_format=layout)
        assert founds[0].is_contiguous(memory_format=layout)


@pytest.mark.parametrize(("case", "name"), [pair for pair in accepted(torch.float64) if pair[1] != "torch"])
@LAYOUTS
def test_doubles_are_as_exact_as_pytorchs(case, channels_last, name):
    """Of numbers in double precision, output and gradients: what is lost are the last of sixteen digits."""
    x, weight, bias, settings = tensors(case, channels_last=channels_last, dtype=torch.float64)
    made = call(case, name, channels_last=channels_last, dtype=torch.float64)
    want = by_torch.convolve(x, weight, bias, *settings)
    gradient = torch.randn_like(want)
    wants = want, *torch.autograd.grad(want, (x, weight), gradient)
    given = x.detach(), weight.detach(), bias.detach()
    founds = made.forward(*given), *made.gradients(gradient, *given[:2], (True, True))
    for got, wanted in zip(founds, wants, strict=True):
        assert got is not None
        assert got.dtype == torch.float64
        assert (got - wanted).norm() <= 1e-13 * wanted.norm()


@OURS
def test_bits_depend_neither_on_the_batch_nor_on_threads(case, name):
    """The same image alone or among others, at one thread or two; our algorithms all. A weight's gradient: threads."""
    x, weight, bias, _ = tensors(case, channels_last=True, grad=False)
    one, two = call(case, name), call(case, name, threads=2)
    output = one.forward(x, weight, bias)
    gradient = torch.randn(output.shape).contiguous(memory_format=torch.channels_last)
    gradients = one.gradients(gradient, x, weight, (True, True))
    assert torch.equal(two.forward(x, weight, bias), output)
    for first, second in zip(gradients, two.gradients(gradient, x, weight, (True, True)), strict=True):
        assert torch.equal(first, second)
    several = replace(problem(case, bias=True), input=(5, *x.shape[1:]))
    among = Call(several, 1, Choice(name, "fast", torch=False), limits())
    others = torch.cat([torch.randn(4, *x.shape[1:]), x[:1]]).contiguous(memory_format=torch.channels_last)
    assert torch.equal(among.forward(others, weight, bias)[4], output[0])
    around = torch.cat([torch.randn(4, *output.shape[1:]), gradient[:1]])
    assert torch.equal(among.gradients(around, others, weight, (True, False))[0][4], gradients[0][0])


@pytest.mark.parametrize("name", [name for case, name in accepted() if case == "1x1"])
@pytest.mark.parametrize("wanted", [(True, False), (False, True)])
def test_only_what_is_wanted_is_computed(name, wanted):
    """Of what is not needed, only the sizes are read: NaN in it changes nothing."""
    x, weight, _, _ = tensors("1x1", grad=False)
    made = call("1x1", name)
    gradient = torch.randn(made.problem.output)
    want = made.gradients(gradient, x, weight, (True, True))
    unread = [torch.full_like(x, torch.nan), weight] if wanted[0] else [x, torch.full_like(weight, torch.nan)]
    found = made.gradients(gradient, *unread, wanted)
    assert [f is not None for f in found] == list(wanted)
    assert all(f is None or torch.equal(f, w) for f, w in zip(found, want, strict=True))


@pytest.mark.parametrize("name", [name for case, name in accepted() if case == "3x3"])
def test_tensors_may_lie_anywhere(name):
    """Views with steps, a gradient that is one number everywhere, a weight with channels last: the same numbers."""
    x, weight, bias, _ = tensors("3x3", grad=False)
    made = call("3x3", name)
    gradient = torch.ones(made.problem.output)
    want = made.forward(x, weight, bias), *made.gradients(gradient, x, weight, (True, True))
    apart = [torch.stack([t, t], -1)[..., 0] for t in (x, weight, bias)]
    apart[1] = apart[1].contiguous(memory_format=torch.channels_last)
    everywhere = torch.ones(()).expand(gradient.shape)
    found = made.forward(*apart), *made.gradients(everywhere, apart[0], apart[1], (True, True))
    torch.testing.assert_close(found, want)


@pytest.mark.parametrize("name", ["direct", "torch"])
@pytest.mark.parametrize("threads", [1, 2])
def test_denormals_are_zeros_and_no_more(name, threads):
    """Numbers below 1e-38 count for nothing in outputs and gradients, and PyTorch's setting is what it was."""
    x, weight, bias, _ = tensors("3x3", grad=False)
    made = call("3x3", name, threads=threads)
    gradient = torch.randn(made.problem.output)
    small, nothing = (
        [made.forward(x, weight * n, bias), *made.gradients(gradient, x * n, weight * n, (True, True))]
        for n in (1e-39, 0)
    )
    assert all(torch.equal(one, other) for one, other in zip(small, nothing, strict=True))
    assert (torch.full((1 << 18,), 1e-39) * 1.0).min() > 0
