"""explain.rules: ways back that are no gradient, forward the same numbers."""

import pytest
import torch
from torch.nn import functional as F

from striate.explain import rules

aten = torch.ops.aten
NORMS = {
    "layer": (aten.layer_norm.default, lambda x, w, b: ([8, 5, 5], w.expand(5, 5, 8).permute(2, 0, 1), None)),
    "group": (aten.group_norm.default, lambda x, w, b: (2, w, b)),
    "instance": (
        aten.instance_norm.default, lambda x, w, b: (w, b, None, None, True, 0.1, 1e-5, False),
    ),
    "instance, trained": (
        aten.instance_norm.default, lambda x, w, b: (w, b, 0.1 * w, w * w, False, 0.1, 1e-5, False),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operation", "arguments"), NORMS.values(), ids=NORMS)
def test_a_held_spread_scales_as_the_forward_pass_did(operation, arguments):
    """The signal times the slope of a line through the numbers: as if mean and spread were given."""
    torch.manual_seed(0)
    x, weight, bias = (
        torch.randn(2, 8, 5, 5, dtype=torch.float64),
        torch.rand(8).double() + 0.5,
        torch.randn(8).double(),
    )
    given = arguments(x, weight, bias)
    x.requires_grad_()
    out = rules.held_spread(operation, x, *given)
    torch.testing.assert_close(out, operation(x, *given))
    (back,) = torch.autograd.grad(out, x, torch.ones_like(out))
    # In any group of numbers that are normalised together by the same scale, output differences are scaled differences.
    for channel in range(8):
        left, right = (0, channel, 0, 0), (0, channel, 3, 4)
        want = (out[left] - out[right]) / (x[left] - x[right])
        if operation is not aten.layer_norm.default or channel:
            torch.testing.assert_close(back[left], want.detach())


@pytest.mark.parametrize("overlap", ["sum", "max", "last"])
def test_unpooling_puts_signals_where_the_maxima_were(overlap):
    """In plain loops: windows row by row, each brings its signal to the sample that it found."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 8, 9, requires_grad=True)
    out = rules.unpooled(overlap)(aten.max_pool2d.default, x, [3, 3], [2, 2], [1, 1], [1, 1], True)
    torch.testing.assert_close(out, F.max_pool2d(x, 3, 2, 1, ceil_mode=True))
    signal = torch.randn_like(out)
    (back,) = torch.autograd.grad(out, x, signal)
    want, samples = torch.zeros_like(x), x.detach()
    found = {}
    for n, c, p, q in torch.cartesian_prod(*map(torch.arange, out.shape)).tolist():
        rows, columns = range(max(0, 2 * p - 1), min(8, 2 * p + 2)), range(max(0, 2 * q - 1), min(9, 2 * q + 2))
        _, *best = max((float(samples[n, c, h, w]), h, w) for h in rows for w in columns)
        found.setdefault((n, c, *best), []).append(float(signal[n, c, p, q]))
    for at, brought in found.items():
        want[at] = {"sum": sum, "max": max, "last": lambda values: values[-1]}[overlap](brought)
    torch.testing.assert_close(back, want)
    assert any(len(brought) > 1 for brought in found.values())


def test_unpooling_gives_the_places_too_where_they_are_asked_for():
    """An operation of two results keeps both."""
    x = torch.randn(1, 1, 4, 4)
    for got, want in zip(
        rules.unpooled("max")(aten.max_pool2d_with_indices.default, x, [2, 2]),
        F.max_pool2d(x, 2, return_indices=True),
        strict=True,
    ):
        torch.testing.assert_close(got, want)


def test_what_is_held_gets_no_signal():
    """A divisor and a gate are constants on the way back."""
    x = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    divided = rules.held_divisor(aten.div.Tensor, x, 1 + x)
    torch.testing.assert_close(torch.autograd.grad(divided.sum(), x)[0], 1 / (1 + x.detach()))
    gated = x * rules.held_gate(aten.sigmoid.default, x)
    torch.testing.assert_close(torch.autograd.grad(gated.sum(), x)[0], x.detach().sigmoid())
