"""bench.accuracy: the sums are the layer's own, and are added one product at a time."""

import pytest
import torch
from bench.accuracy import BACK, FEW_TAPS, MOST_PIXELS, class_of, named, ratios, sequential, sums, terms
from bench.layers import NAMED, Layer
from torch.nn import functional as F

from striate.engine import algorithms

SMALL = Layer(6, 4, (9, 8), (3, 3))


@pytest.mark.parametrize("direction", ["forward", "input gradient", "weight gradient"])
@pytest.mark.parametrize("relu", [False, True])
def test_the_sums_are_what_the_engine_is_asked_for(direction, relu):
    """All of them, added in double precision: a convolution, and its gradients written as other convolutions."""
    of = sums(SMALL, direction, relu=relu)
    answer = of.answer()
    exact = sequential(*terms(of, torch.arange(answer.numel())), torch.float64)
    torch.testing.assert_close(answer.double().flatten(), exact, rtol=1e-4, atol=1e-4)
    assert (of.images.min() >= 0) == relu


@pytest.mark.parametrize(
    "layer",
    [
        Layer(6, 9, (9, 8), (3, 3), groups=3),
        Layer(4, 4, (9, 8), (3, 3), groups=4),
        Layer(3, 5, (11, 9), (5, 5), 2, padding=(0, 0)),
    ],
    ids=["grouped", "depthwise", "strided"],
)
def test_any_layer_can_go_forward(layer):
    """By PyTorch's convolution in double precision."""
    of = sums(layer, "forward", relu=False)
    want = F.conv2d(of.images.double(), of.kernels.double(), **layer.options)
    exact = sequential(*terms(of, torch.arange(want.numel())), torch.float64)
    torch.testing.assert_close(exact, want.flatten(), rtol=1e-12, atol=1e-12)


def test_channels_are_added_first():
    """Then the taps across, then those down: factors are gathered in that order."""
    of = sums(SMALL, "forward", relu=False)
    inside = torch.tensor([9])  # the second row's second position, of eight: its first tap is the first pixel
    seen, kernel = terms(of, inside)
    assert torch.equal(seen[:6, 0], of.images[0, :, 0, 0])
    assert torch.equal(seen[6:12, 0], of.images[0, :, 0, 1])
    assert torch.equal(seen[18:24, 0], of.images[0, :, 1, 0])
    assert torch.equal(kernel[6:12, 0], of.kernels[0, :, 0, 1])


def test_every_product_and_every_sum_is_rounded():
    """Half a unit in the last place is lost each time, however often it is added; not so in double precision."""
    tiny = torch.cat([torch.ones(1, 1), torch.full((1000, 1), 2.0**-25)])
    ones = torch.ones_like(tiny)
    assert sequential(tiny, ones).item() == 1
    assert sequential(tiny, ones, torch.float64).item() == 1 + 1000 * 2.0**-25
    assert sequential(torch.tensor([[1 + 2.0**-12], [-1.0]]), torch.tensor([[1 + 2.0**-12], [1.0]])).item() == 2.0**-11


def test_errors_are_multiples_of_sequential_summations():
    """Double precision rounds once, direct sums do as well as sequential ones, the largest tiles do worse."""
    found = ratios(Layer(32, 32, (14, 14), (3, 3)), "forward", relu=False)
    assert list(found) == [
        *("winograd-4x4", "winograd-2x2", "winograd-6x6"),
        *("direct", "reference", "fft", "onednn", "torch"),
    ]
    assert found["reference"] < 0.3
    assert 0.5 < found["direct"] < 1.5
    assert found["winograd-6x6"] > 3
    assert found["fft"] < 2


def test_layers_are_cut_down_and_judged_once():
    """Every kind is still there, and of those that have gradients judged, stride and groups are one."""
    layers = named()
    assert len(set(layers)) == len(layers) < len(NAMED) + len(FEW_TAPS)
    assert {layer.kind for layer in layers} == {layer.kind for layer in (*NAMED, *FEW_TAPS)}
    assert max(max(layer.size) for layer in layers) == MOST_PIXELS
    assert all(layer.stride == layer.groups == layer.dilation == 1 for layer in layers if layer.kind in BACK)


def test_every_algorithm_has_a_class():
    """Winograd's are `default`, but for the largest tile, and so are transforms; all else is `exact`."""
    classes = {name: class_of(name) for name in algorithms()}
    assert {name for name, level in classes.items() if level == "fast"} == {"winograd-6x6"}
    assert all((level == "exact") != name.startswith(("winograd", "fft")) for name, level in classes.items())
