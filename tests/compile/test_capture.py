"""compile.capture: any model becomes a graph that computes the same, for as many sizes as the model allows."""

import pytest
import torch
from graphs import agrees, ops_of
from torch import nn
from torch.nn import functional as F

from striate.compile.capture import capture
from striate.compile.interpret import run
from striate.errors import CaptureError, DtypeError, OptionError
from striate.models import create

pytestmark = pytest.mark.traced


class Model(nn.Module):
    """A function as a model, with some layers."""

    def __init__(self, function, **layers):
        super().__init__()
        self.layers, self.function = nn.ModuleDict(layers), function

    def forward(self, x):
        return self.function(x, **self.layers)


def conv(inputs=3, outputs=4, **options):
    return nn.Conv2d(inputs, outputs, 3, padding=1, **options)


def free(graph):
    """Of the first input."""
    return next(iter(graph.inputs.values())).free


def test_batch_height_and_width_are_free():
    """Nothing of the example's size is left in the graph."""
    model = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.ReLU(True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout())
    graph = agrees(model, (1, 3, 8, 8), (5, 3, 8, 8), (2, 3, 13, 9))
    assert ops_of(graph) == ["conv", "scale", "activation", "adaptive_avg_pool", "flatten"]
    assert free(graph) == (0, 2, 3)


def test_a_classifier_of_fixed_size_frees_the_batch_alone():
    """The input says why height and width are not free."""
    graph = agrees(nn.Sequential(conv(), nn.Flatten(), nn.Linear(256, 3)), (1, 3, 8, 8), (4, 3, 8, 8))
    (given,) = graph.inputs.values()
    assert given.free == (0,)
    assert given.reason.startswith("for 3 x 3 x 45 x 58 it cannot be followed: RuntimeError: ")


def test_a_network_that_doubles_what_it_halved_is_free_in_steps():
    """Concatenation with the maps before asks for multiples."""

    def ladder(x, down, up):
        small = F.max_pool2d(down(x), 2)
        return torch.cat([F.interpolate(up(small), scale_factor=2.0), x], 1)

    graph = agrees(Model(ladder, down=conv(), up=conv(4, 4)), (1, 3, 32, 32), (2, 3, 64, 96))
    (given,) = graph.inputs.values()
    assert (given.free, given.step) == ((0, 2, 3), 32)
    assert "upsample" in ops_of(graph)


def test_sizes_that_the_code_asks_for_are_computed():
    """Whole sizes, multiples and fractions."""

    def asks(x, down):
        n, _, height, width = x.shape
        larger = F.interpolate(down(x), size=(height, width), mode="bilinear")
        return larger.view(n * 4, height, -1)

    agrees(Model(asks, down=conv(stride=2)), (1, 3, 8, 8), (3, 3, 21, 10))


def test_in_place_is_as_functional():
    """Also where what was written into is read later, and where it is seen under two shapes."""

    def writes(x, a):
        y = a(x)
        y.relu_()
        z = y.mul_(2.0)
        return y + z

    graph = agrees(Model(writes, a=conv()), (1, 3, 8, 8))
    assert ops_of(graph)[1] == "activation"

    def entangled(x, a):
        y = a(x)
        flat = y.flatten(1)
        y.relu_()
        return flat

    agrees(Model(entangled, a=conv()), (1, 3, 8, 8))


def test_an_input_is_not_written_into():
    """Though the model does."""
    model = Model(lambda x, a: a(x.mul_(2.0)), a=conv())
    x = torch.ones(1, 3, 8, 8)
    run(agrees(model, (1, 3, 8, 8)), x)
    assert x.eq(1).all()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: torch.cat([part.relu() for part in x.chunk(2, 1)], 1), "channels"),
        (lambda x: x[:, 1:3], "channels"),
        (lambda x: x.mean((2, 3)), "adaptive_avg_pool"),
        (lambda x: x.mean((-2, -1), keepdim=True), "adaptive_avg_pool"),
        (lambda x: F.avg_pool2d(x, x.shape[2:]), "adaptive_avg_pool"),
        (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), "max_pool"),
        (lambda x: F.avg_pool2d(x, 2), "avg_pool"),
        (lambda x: F.pad(x, (1, 2, 0, 1)), "pad"),
        (lambda x: F.relu6(x) + F.hardtanh(x) + x.clamp(min=0), "activation"),
        (lambda x: F.softmax(x, 1), "softmax"),
        (lambda x: F.channel_shuffle(x, 2), "shuffle"),
        (lambda x: x * x.mean((2, 3), True).sigmoid(), "mul"),
        (lambda x: F.interpolate(x, scale_factor=(2.0, 3.0)), "upsample"),
        (lambda x: F.elu(x, 0.3) + F.leaky_relu(x, 0.2) + F.silu(x) + F.gelu(x), "activation"),
        (lambda x: x.view(x.size(0), -1), "flatten"),
        (lambda x: x.mean((2, 3), True).squeeze(-1).squeeze(-1), "flatten"),
        (lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)), "layer_norm.default"),
        (lambda x: x.unfold(2, 2, 2), "unfold.default"),
        (lambda x: x.max(1)[0], "max.dim"),
        (lambda x: torch.fft.rfft2(x).abs(), "abs.default"),
    ],
)  # fmt: skip
def test_functions_become_operations(function, expected):
    """What there is an operation for becomes it, in every way to write it, for any size; the rest stays PyTorch's."""
    graph = agrees(Model(function), (2, 4, 8, 8), (3, 4, 11, 16))
    assert expected in ops_of(graph)
    assert free(graph) == (0, 2, 3)


def test_what_changes_kind_is_no_identity():
    """Numbers of another kind stay so."""
    agrees(Model(lambda x: x.to(torch.float64)), (2, 4))
    agrees(Model(lambda x: x.view(torch.int32)), (2, 4))


def test_a_reused_module_is_captured_twice():
    """With the same weights."""
    graph = agrees(Model(lambda x, a: a(a(x)), a=conv(3, 3)), (1, 3, 8, 8))
    assert ops_of(graph) == ["conv", "conv"]
    assert {node.inputs[1] for node in graph.nodes} == {"layers.a.weight"}


@pytest.mark.parametrize("name", ["lenet5", "resnet20"])
def test_our_networks_are_captured(name):
    """The engine's convolution is one like any other."""
    size = (1, 32, 32) if name == "lenet5" else (3, 32, 32)
    graph = agrees(create(name), (2, *size), (3, *size))
    assert "conv" in ops_of(graph)
    assert not any("striate" in op for op in ops_of(graph))


def test_several_results_keep_their_form():
    """A mapping of a tensor and a tuple, as the model returns it; what is no tensor among them."""
    model = Model(lambda x: {"out": x.relu(), "more": (x.tanh(), None)})
    graph = capture(model, torch.zeros(1, 3, 8, 8))
    assert graph.returns == {"out": {"output": 0}, "more": ({"output": 1}, None)}
    assert len(graph.outputs) == 2


def test_several_inputs_are_captured():
    """In their order."""

    class Two(nn.Module):
        def forward(self, x, y):
            return x - y

    graph = capture(Two(), torch.zeros(2, 3), torch.zeros(2, 3))
    assert list(graph.inputs) == ["x", "y"]
    assert run(graph, torch.ones(4, 3), torch.zeros(4, 3))[0].eq(1).all()


def test_a_model_that_looks_at_its_size_is_for_one_size():
    """A difference is found, and told."""
    (given,) = capture(
        Model(lambda x: x.relu() if x.shape[2] == 8 else x.tanh()), torch.zeros(1, 3, 8, 8)
    ).inputs.values()
    assert given.free == (0,)
    assert given.reason == ("for 3 x 3 x 45 x 58 it computes something else: activation relu and activation tanh")


@pytest.mark.refusal
def test_a_model_that_keeps_count_is_refused():
    """A program has no state."""

    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(1))

        def forward(self, x):
            self.count += 1
            return x * self.count

    with pytest.raises(CaptureError) as error:
        capture(Counts(), torch.zeros(1, 3, 8, 8))
    assert str(error.value) == (
        "capture: the model changes its own buffers when it runs.\n  buffer  count\n"
        "What is compiled keeps nothing from one call to the next. Pass the part without it."
    )


@pytest.mark.refusal
def test_random_numbers_are_refused():
    """A graph gives the same whenever it is run."""
    with pytest.raises(CaptureError) as error:
        capture(Model(lambda x: x + torch.rand_like(x)), torch.zeros(1, 3, 8, 8))
    assert str(error.value) == (
        "capture: the model calls an operator that a graph may not have.\n"
        "  operator  aten.rand_like.default\n  module    the model itself\n"
        "It has to be PyTorch's own, write into nothing and draw no numbers. Pass the part without it."
    )


@pytest.mark.refusal
def test_examples_that_are_none_are_refused():
    """No batch, no float32, nothing at all; a model that looks at numbers."""
    with pytest.raises(OptionError) as error:
        capture(nn.ReLU(), torch.zeros(3))
    assert str(error.value) == (
        "capture: the example is not a batch.\n  example  (3,)\nPass images as (N, C, H, W), one at least."
    )
    with pytest.raises(OptionError, match="nothing"):
        capture(nn.ReLU())
    with pytest.raises(DtypeError) as error:
        capture(nn.ReLU(), torch.zeros(1, 3).double())
    assert str(error.value) == (
        "capture: what is compiled computes in float32.\n  example  torch.float64\n"
        "Convert the example, and the model: model.float()."
    )
    with pytest.raises(CaptureError, match="cannot be followed operation by operation"):
        capture(Model(lambda x: x if x.sum() > 0 else -x), torch.zeros(1, 3))
