"""models.lenet5_1998: the paper's layers, connections, squashing and distances."""

import math

import pytest
import torch
from torch.nn import functional as F

from striate.errors import ShapeError
from striate.models import LeNet5Original, create
from striate.models.characters import codes
from striate.models.lenet5_1998 import TABLE_I, Squash, Subsampling, TableConv2d

# The table of the file's docstring: layer, output for 1 x 32 x 32, parameters.
TABLE = [
    ("C1", (6, 28, 28), 156),
    ("S2", (6, 14, 14), 12),
    ("C3", (16, 10, 10), 1_516),
    ("S4", (16, 5, 5), 32),
    ("C5", (120, 1, 1), 48_120),
    ("F6", (84,), 10_164),
    ("output", (10,), 0),
]
# Section II.B in words: three contiguous maps, four contiguous, four that are not, and all.
SEEN = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]),
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LeNet5Original()


@pytest.mark.parametrize(("layer", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_layers_are_the_paper_s(layer, shape, parameters, network):
    """Each layer has the output and the trainable parameters of section II.B."""
    assert network.features(torch.zeros(2, 1, 32, 32), until=layer).shape[1:] == shape
    assert sum(p.numel() for p in network.get_submodule(layer).parameters()) == parameters


def test_table_one_is_the_paper_s():
    """The rows of the table, read as columns, are what the text says; sixty connections in all."""
    found = [[i for i, row in enumerate(TABLE_I) if row[k] == "X"] for k in range(16)]
    assert found == SEEN
    assert sum(map(len, found)) == 60


def test_a_map_of_c3_changes_with_the_maps_that_it_sees_and_no_others(network):
    """By nudging each map of S2."""
    x = torch.randn(1, 6, 14, 14)
    with torch.no_grad():
        before = network.C3(x)
        for i in range(6):
            nudged = x.clone()
            nudged[:, i] += 1
            changed = (network.C3(nudged) != before).any(3).any(2)[0]
            assert [k for k in range(16) if changed[k]] == [k for k in range(16) if i in SEEN[k]]


def test_c3_is_a_convolution_with_fewer_kernels():
    """With everything connected, it is the convolution that everybody knows."""
    layer, x = TableConv2d(["XXX"] * 2, 5), torch.randn(3, 2, 9, 8)
    want = F.conv2d(x, layer.weight.reshape(3, 2, 5, 5), layer.bias)
    torch.testing.assert_close(layer(x), want)


def test_every_kernel_of_c3_starts_and_learns_by_its_own_connections(network):
    """First weights within ±2.4 / inputs, which are 75, 100 or 150; the gradient is that of a full convolution."""
    counts = torch.tensor([len(seen) for seen in SEEN])
    bounds = (2.4 / (25 * counts)).repeat_interleave(counts)
    largest = network.C3.weight.abs().amax((1, 2))
    assert (largest <= bounds).all()
    assert (largest > bounds / 2).all()
    full = torch.zeros(16, 6, 5, 5)
    mask = torch.tensor([[i in seen for i in range(6)] for seen in SEEN])
    full[mask] = network.C3.weight.detach()
    full.requires_grad_()
    x, grad = torch.randn(2, 6, 14, 14), torch.randn(2, 16, 10, 10)
    F.conv2d(x, full, network.C3.bias).backward(grad)
    want = full.grad[mask]
    network.C3(x).backward(grad)
    torch.testing.assert_close(network.C3.weight.grad, want)


@pytest.mark.parametrize(("layer", "inputs"), [("C1", 25), ("S2", 4), ("S4", 4), ("C5", 400), ("F6", 120)])
def test_first_weights_are_within_the_paper_s_bounds(layer, inputs, network):
    """Uniform in ±2.4 / inputs of a unit (appendix A)."""
    for name, parameter in network.get_submodule(layer).named_parameters():
        assert parameter.abs().max() <= 2.4 / inputs, name
        if parameter.numel() > 50:
            torch.testing.assert_close(parameter.std(), torch.tensor(2.4 / inputs / 3**0.5), rtol=0.1, atol=0)


def test_subsampling_adds_four_neighbours():
    """Times a gain, plus an offset; each a map's own."""
    layer, x = Subsampling(2), torch.randn(1, 2, 4, 6)
    sums = x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]
    torch.testing.assert_close(layer(x), layer.gain * sums + layer.bias)
    assert len({*layer.gain.flatten().tolist(), *layer.bias.flatten().tolist()}) == 4


def test_squashing_is_one_at_one():
    """1.7159 tanh(2x/3): odd, 1 at 1, and bent the most there."""
    x = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
    y = Squash()(x)
    assert y[400].item() == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(y, -y.flip(0))
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert abs(x[bend.abs().argmax()].item()) == pytest.approx(1, abs=0.02)
    assert y[-1].item() == pytest.approx(1.7159 * math.tanh(2))


@pytest.mark.parametrize("layer", ["C1", "S2", "C3", "S4", "C5", "F6"])
def test_every_layer_below_the_output_is_squashed(layer, network):
    """No unit exceeds 1.7159, whatever the weights."""
    for parameter in network.get_submodule(layer).parameters():
        parameter.data *= 1e6
    units = network.features(torch.randn(2, 1, 32, 32), until=layer)
    torch.testing.assert_close(units.abs().max(), torch.tensor(1.7159))


def test_scores_are_distances_to_the_drawn_digits(network):
    """A digit drawn in the units of F6 is itself, at no distance; a flipped point costs 4."""
    drawn = torch.tensor(codes(10)).float()
    scores = network.output(drawn)
    assert torch.equal(scores.diagonal(), torch.zeros(10))
    assert torch.equal(scores.argmax(1), torch.arange(10))
    want = torch.cdist(drawn.double(), drawn.double()).square()
    torch.testing.assert_close(-scores.double(), want)
    assert scores[3, 8] == -4 * 8
    torch.testing.assert_close(network.probabilities(torch.randn(2, 1, 32, 32)).sum(1), torch.ones(2))


def test_the_codes_are_not_trained_but_saved(network):
    """They are no parameters, and move with the network."""
    assert "output.codes" in network.state_dict()
    assert not {"output.codes", "C3.planes"} & dict(network.named_parameters()).keys()
    assert network.double().output.codes.dtype == torch.float64


def test_it_learns():
    """Four images by heart, with cross-entropy of the negative distances."""
    torch.manual_seed(0)
    network, x, labels = LeNet5Original(4), torch.randn(4, 1, 32, 32), torch.arange(4)
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(network(x), labels).backward()
        optimizer.step()
    assert F.cross_entropy(network(x), labels) < 0.1


@pytest.mark.parametrize("image_size", [(32, 32), (16, 16), (17, 40), (64, 33)])
def test_c5_is_as_large_as_its_input(image_size):
    """Whatever the size, C5 leaves one unit a kernel, as in the paper."""
    network = create("lenet5-1998", classes=3, in_channels=2, image_size=image_size)
    assert network.features(torch.zeros(2, 2, *image_size)).shape == (2, 120, 1, 1)


@pytest.mark.refusal
def test_images_that_are_too_small_are_explained():
    """Nothing would be left of them before C5."""
    with pytest.raises(ShapeError) as error:
        LeNet5Original(image_size=(15, 32))
    assert str(error.value) == (
        "LeNet5Original: images are too small for two 5x5 convolutions, each followed by halving.\n"
        "  images  (C=1, H=15, W=32)\n"
        "Enlarge the images to 16x16 or more; the paper's are 32x32."
    )
