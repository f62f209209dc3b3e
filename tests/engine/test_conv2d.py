"""engine.conv2d: PyTorch's function in everything but speed, and its gradients."""

import threading
from dataclasses import replace

import pytest
import torch
from convolutions import CASES, accepted, by, problem, tensors
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from striate.engine import (
    Problem,
    accuracy,
    by_torch,
    conv2d,
    conv2d_input_gradient,
    conv2d_weight_gradient,
    estimate,
    plan,
    reproducible,
    takes,
    use,
)
from striate.engine.plan import forget
from striate.errors import OptionError, ShapeError

LAYOUTS = pytest.mark.parametrize("channels_last", [True, False], ids=["channels_last", "contiguous"])


def small():
    """A convolution that every algorithm for 3x3 takes."""
    return torch.randn(2, 4, 9, 9), torch.randn(6, 4, 3, 3), torch.randn(6)


@LAYOUTS
@pytest.mark.parametrize("case", CASES)
def test_output_and_gradients_are_those_of_the_definition(case, channels_last):
    """Through autograd, by our algorithms alone, in double precision's eyes."""
    x, weight, bias, settings = tensors(case, channels_last=channels_last)
    exact = tensors(case, dtype=torch.float64)[:3]
    want = by_torch.convolve(*exact, *settings)
    with reproducible():
        found = conv2d(x, weight, bias, *settings)
    gradient = torch.randn(want.shape)
    found.backward(gradient)
    want.backward(gradient.double())
    torch.testing.assert_close(found.double(), want, rtol=1e-4, atol=1e-4)
    for got, wanted in zip((x, weight, bias), exact, strict=True):
        torch.testing.assert_close(got.grad.double(), wanted.grad, rtol=1e-4, atol=3e-4)


def finished(x, weight, bias, settings, residual, relu):
    """What conv2d is to compute, by PyTorch's functions."""
    output = by_torch.convolve(x, weight, bias, *settings)
    output = output if residual is None else output + residual
    return F.relu(output) if relu else output


@LAYOUTS
@pytest.mark.parametrize("added", [True, False], ids=["residual", "no residual"])
@pytest.mark.parametrize("algorithm", ["", "reference", "torch"])
@pytest.mark.parametrize("case", ["3x3", "1x1 strided", "depthwise", "cut and strided"])
def test_an_image_is_added_and_sums_are_rectified(case, algorithm, added, channels_last):
    """Output and all gradients, with a residual or not; and the second derivatives of what is rectified."""
    x, weight, bias, settings = tensors(case, channels_last=channels_last)
    exact = tensors(case, dtype=torch.float64)[:3]
    residual = torch.randn(problem(case).output).requires_grad_() if added else None
    twin = residual.detach().double().requires_grad_() if added else None
    want = finished(*exact, settings, twin, relu=True)
    with by(algorithm):
        found = conv2d(x, weight, bias, *settings, residual=residual, relu=True)
    torch.testing.assert_close(found.double(), want, rtol=1e-4, atol=1e-4)
    assert not found.isnan().any()
    assert (found == 0).any()
    given, others = [[*three, more][: 3 + added] for three, more in (((x, weight, bias), residual), (exact, twin))]
    gradient = torch.randn(want.shape)
    first = torch.autograd.grad(found, given, gradient, create_graph=True)
    wants = torch.autograd.grad(want, others, gradient.double(), create_graph=True)
    torch.testing.assert_close([f.double() for f in first], list(wants), rtol=1e-4, atol=3e-4)
    second, seconds = (
        torch.autograd.grad(sum(g.square().sum() for g in of[:2]), to[:2])
        for of, to in ((first, given), (wants, others))
    )
    for got, wanted in zip(second, seconds, strict=True):
        torch.testing.assert_close(got.double() / wanted.abs().max(), wanted / wanted.abs().max(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("algorithm", ["", "torch"])
def test_an_image_is_added_without_rectifying(algorithm):
    """Its gradient is the one that arrives; nothing is changed in place."""
    x, weight, bias, settings = tensors("3x3")
    residual = torch.randn(problem("3x3").output).requires_grad_()
    before = residual.detach().clone()
    with by(algorithm):
        found = conv2d(x, weight, bias, *settings, residual=residual)
    torch.testing.assert_close(found, finished(x, weight, bias, settings, residual, relu=False), rtol=1e-4, atol=1e-4)
    gradient = torch.randn(found.shape)
    assert torch.equal(torch.autograd.grad(found, residual, gradient)[0], gradient)
    assert torch.equal(residual, before)


@pytest.mark.parametrize("algorithm", ["", "torch"])
def test_a_rectified_convolution_takes_whatever_a_plain_one_takes(algorithm):
    """One image alone, doubles, a batch of gradients, vmap."""
    x, weight, bias, settings = tensors("3x3")
    residual = torch.randn(problem("3x3").output)

    def both(*given):
        more = {"residual": given[3], "relu": True}
        return conv2d(*given[:3], *settings, **more), finished(*given[:3], settings, *more.values())

    with by(algorithm):
        torch.testing.assert_close(*both(x[0], weight, bias, residual[0]), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(*both(*(t.double() for t in (x, weight, bias, residual))))
        found, want = both(x, weight, bias, residual)
        several = torch.randn(3, *found.shape)
        grads = [torch.autograd.grad(y, (x, weight), several, is_grads_batched=True) for y in (found, want)]
        torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-3)
        founds = torch.vmap(lambda one, more: both(one, weight, bias, more)[0])(x[:, None], residual[:, None])
        torch.testing.assert_close(founds[:, 0], want, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("case", "name"), [pair for pair in accepted() if pair[0] in ("3x3", "1x1", "depthwise")])
def test_what_is_undefined_stays_so_when_it_is_rectified(case, name):
    """As PyTorch has it: NaN is not 0."""
    x, weight, bias, settings = tensors(case, grad=False)
    residual = torch.zeros(problem(case).output)
    residual[0, 1, 2, 3] = torch.nan
    with use(name), accuracy("fast"):
        found = conv2d(x, weight, bias, *settings, residual=residual, relu=True)
    assert found.isnan().nonzero().tolist() == [[0, 1, 2, 3]]


@pytest.mark.refusal
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_of_another_size_is_refused(dtype):
    """It would be added to all images by PyTorch; whoever computes, it says the same."""
    x, weight, bias, settings = tensors("1x1", dtype=dtype)
    with pytest.raises(ShapeError) as error:
        conv2d(x, weight, bias, *settings, residual=torch.zeros(1, 24, 8, 8, dtype=dtype))
    assert str(error.value) == (
        "conv2d: residual does not have the output's size.\n  residual  (1, 24, 8, 8)\nPass one of (2, 24, 8, 8)."
    )


@pytest.fixture
def heavy_packing(monkeypatch):
    """Packing a weight is expected to take a second a byte."""
    forget()
    monkeypatch.setattr(estimate, "_PACK", 1.0)
    yield
    forget()


def test_training_and_evaluation_have_the_same_bits_where_that_is_asked_for(heavy_packing):
    """Packing counts when gradients are recorded, and may decide otherwise; within `reproducible` it does not."""
    x, weight = torch.randn(1, 64, 16, 16), torch.randn(64, 64, 3, 3)
    around = Problem.of(x.shape, weight.shape, padding=(1, 1), channels_last=False)
    assert len({plan(p, threads=1).algorithm for p in (around, replace(around, packed_anew=True))}) == 2
    with reproducible():
        learning = conv2d(x, weight.clone().requires_grad_(), padding=1)
        assert torch.equal(learning, conv2d(x, weight, padding=1))


@pytest.mark.parametrize("wanted", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (0, 0, 0)])
def test_whoever_needs_no_gradient_gets_none(wanted):
    """And the others get what they would get anyway."""
    given = [t.requires_grad_(bool(w)) for t, w in zip(small(), wanted, strict=True)]
    with use("direct"):
        output = conv2d(*given, padding=1)
    assert output.requires_grad == any(wanted)
    if any(wanted):
        output.sum().backward()
        others = [t.detach().clone().requires_grad_(bool(w)) for t, w in zip(given, wanted, strict=True)]
        F.conv2d(*others, padding=1).sum().backward()
        torch.testing.assert_close([t.grad for t in given], [t.grad for t in others])


def test_a_gradient_has_a_gradient():
    """Second derivatives, of all three, are PyTorch's."""
    given = [t.requires_grad_() for t in small()]
    with use("winograd-4x4"):
        output = conv2d(*given, padding=1)
    found = _second(output, given)
    torch.testing.assert_close(found, _second(F.conv2d(*given, padding=1), given), rtol=1e-2, atol=1.0)


def _second(output, given):
    first = torch.autograd.grad((output**2).sum(), given, create_graph=True)
    return torch.autograd.grad(sum((g**2).sum() for g in first), given)


def test_doubles_are_the_cores_and_gradients_are_checked_numerically():
    """To the second order, with padding that differs by side."""
    given = [t.double().requires_grad_() for t in small()]
    few = [torch.randn(s, dtype=torch.float64, requires_grad=True) for s in ((1, 2, 4, 4), (2, 2, 2, 2), (2,))]
    with reproducible():
        found = conv2d(*given, padding=1)
        assert type(found.grad_fn).__name__ == "_ConvolutionBackward"
        torch.testing.assert_close(found, F.conv2d(*given, padding=1), rtol=1e-13, atol=1e-13)
        assert gradcheck(lambda *t: conv2d(*t, padding=(1, 0, -1, 2)), few)
        assert gradgradcheck(lambda *t: conv2d(*t, padding=(1, 0, -1, 2)), few)


def test_numbers_of_two_kinds_are_pytorchs_to_refuse():
    """The core takes one kind at a time."""
    x, weight, _ = small()
    assert not takes(x, weight.double())
    with pytest.raises(RuntimeError, match=r"scalar type|should be the same"):
        conv2d(x.double(), weight)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # PyTorch's own, in forward mode
def test_transforms_of_functions_are_pytorchs():
    """vmap, jvp, grad of one example, autocast: each result is that of PyTorch's function."""
    x, weight, bias = small()
    with use("direct"):
        assert torch.equal(torch.vmap(conv2d, (0, None, None))(x, weight, bias), F.conv2d(x, weight, bias))
        found = torch.func.jvp(lambda x: conv2d(x, weight), (x,), (x,))
        torch.testing.assert_close(found[1], F.conv2d(x, weight))
        each = torch.vmap(torch.func.grad(lambda w, x: conv2d(x[None], w).square().sum()), (None, 0))(weight, x)
        assert each.shape == (2, *weight.shape)
        with torch.autocast("cpu"):
            assert conv2d(x, weight, bias).dtype == torch.bfloat16


@pytest.mark.traced
def test_a_traced_module_computes():
    """The core's results would be constants to `torch.jit.trace`: it sees PyTorch's function."""
    _, weight, _ = small()
    with pytest.warns(DeprecationWarning, match="torch.jit.trace"), use("direct"):
        traced = torch.jit.trace(lambda x: conv2d(x, weight), torch.randn(1, 4, 5, 5), check_trace=False)
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(traced(x), F.conv2d(x, weight))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_without_gradients_it_is_the_same(mode):
    """And nothing is recorded."""
    given = [t.requires_grad_() for t in small()]
    with use("direct"):
        want = conv2d(*given, padding=1)
        with mode():
            found = conv2d(*given, padding=1)
    assert torch.equal(found, want)
    assert found.requires_grad == (mode is torch.enable_grad)


def test_settings_of_threads_and_defaults_do_not_matter():
    """Within other default devices and dtypes the result is of the input's."""
    x, weight, bias = small()
    want = conv2d(x, weight, bias)
    torch.set_default_dtype(torch.float64)
    try:
        with use("direct"):
            found = conv2d(x, weight, bias)
        with torch.device("meta"):
            on = conv2d(x, weight, bias)
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(on, want)


def test_an_example_alone_needs_no_batch():
    """Three axes in, three out, with gradients."""
    x, weight, bias = small()
    one = x[0].clone().requires_grad_()
    with use("direct"):
        output = conv2d(one, weight, bias, padding="same")
    output.sum().backward()
    torch.testing.assert_close(output, F.conv2d(one, weight, bias, padding="same"))
    assert one.grad.shape == one.shape


def test_a_batch_of_none_has_gradients():
    """Of zeros, as PyTorch's has."""
    weight = small()[1].requires_grad_()
    output = conv2d(torch.zeros(0, 4, 9, 9), weight)
    output.sum().backward()
    assert output.shape == (0, 6, 7, 7)
    assert not weight.grad.any()


def test_a_weight_changed_before_backward_is_noticed():
    """As PyTorch notices it: the gradient would be of another weight."""
    x, weight, _ = small()
    x.requires_grad_()
    with use("direct"):
        output = conv2d(x, weight)
    weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


def test_gradients_are_planned_as_the_output_was():
    """What is asked holds for the backward pass, wherever that is called."""
    x, weight, _ = small()
    with use("direct"):
        output = conv2d(x.requires_grad_(), weight)
    call = output.grad_fn.call
    assert {call.plan(d).algorithm for d in ("forward", "input gradient")} == {"direct"}


def test_training_follows_the_weight():
    """Ten steps of descent, each with the weight as it is then: the losses are PyTorch's."""

    def losses(convolve):
        torch.manual_seed(0)
        x, weight, bias = (t.requires_grad_() for t in small())
        optimizer = torch.optim.SGD([weight, bias], lr=1e-3, momentum=0.9)
        found = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = convolve(convolve(x, weight, bias, padding=1)[:, :4], weight, bias).square().mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    with use("winograd-4x4"):
        found = losses(conv2d)
    torch.testing.assert_close(found, losses(F.conv2d), rtol=1e-3, atol=1e-3)
    assert found[-1] < found[0]


def test_threads_do_not_disturb_each_other():
    """Two threads, each with tensors of its own and one shared weight."""
    shared, wrong = small()[1], []

    def work(seed):
        generator = torch.Generator().manual_seed(seed)
        with use("winograd-4x4"):
            for _ in range(50):
                x = torch.randn(1, 4, 8, 8, generator=generator)
                if not torch.allclose(conv2d(x, shared), F.conv2d(x, shared), atol=1e-4):
                    wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.refusal
def test_bad_input_is_explained():
    """The whole text, of what is found here; the rest is in `test_problem` and `test_calls`."""
    x, weight, _ = small()
    with pytest.raises(ShapeError) as error:
        conv2d(x[:, :3], weight)
    assert str(error.value) == (
        "conv2d: input has 3 channels, but weight takes 4.\n"
        "  input   (2, 3, 9, 9)\n"
        "  weight  (6, 4, 3, 3)\n"
        "  groups  1\n"
        "Pass input with 4 channels, or a weight made for 3."
    )
    with use("winograd-2x2-5x5"), pytest.raises(OptionError, match="conv2d: algorithm 'winograd-2x2-5x5' cannot"):
        conv2d(x, weight)


def test_by_is_what_the_other_tests_use():
    """A name forces; none leaves PyTorch's own out."""
    x, weight, _ = small()
    with by("direct"):
        first = conv2d(x, weight)
    with by(""):
        torch.testing.assert_close(conv2d(x, weight), first)


@pytest.mark.parametrize("case", CASES)
def test_gradients_alone_are_those_of_autograd(case):
    """Each as a function of its own, and its gradients."""
    x, weight, _, (stride, _, dilation, groups) = tensors(case)
    settings = (stride, problem(case).padding, dilation, groups)
    exact = [t.detach().double().requires_grad_() for t in (x, weight)]
    want = by_torch.convolve(*exact, None, *settings)
    gradient = torch.randn(want.shape)
    wants = torch.autograd.grad(want, exact, gradient.double())
    with reproducible():
        found = (
            conv2d_input_gradient(gradient, weight, x.shape, *settings),
            conv2d_weight_gradient(gradient, x, weight.shape, *settings),
        )
    for got, wanted in zip(found, wants, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=1e-4, atol=3e-4)
    # Linear in each: `⟨f(w), f⟩` is `⟨w, its gradient⟩`.
    for f, t in zip(found, (weight, x), strict=True):
        (back,) = torch.autograd.grad((f * f.detach()).sum(), t)
        torch.testing.assert_close((back * t).sum(), f.square().sum(), rtol=1e-4, atol=0)


@pytest.mark.refusal
def test_gradients_of_another_convolution_are_explained():
    """The whole text: the core would read beyond the end."""
    weight = torch.ones(1, 1, 2, 2)
    with reproducible(), pytest.raises(ShapeError) as error:
        conv2d_input_gradient(torch.ones(1, 1, 2, 2), weight, (1, 1, 4, 4), (1, 1), (0, 0, 0, 0), (1, 1), 1)
    assert str(error.value) == (
        "conv2d: the gradient, the input and the weight are not those of one convolution.\n"
        "  gradient  (1, 1, 2, 2)\n"
        "  input     (1, 1, 4, 4)\n"
        "  weight    (1, 1, 2, 2)\n"
        "Pass a gradient of (1, 1, 3, 3), or another input, weight or settings."
    )


def test_the_core_takes_what_is_plain():
    """And nothing while somebody watches, or under autocast."""
    x = torch.ones(2)
    assert takes(x, None)
    assert not takes(x, x.double())
    with torch.autocast("cpu"):
        assert not takes(x)
    with torch.device("meta"):
        assert not takes(x)
