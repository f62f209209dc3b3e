"""compile.operations: each means what PyTorch's layer of that name computes."""

import pytest
import torch
from torch import nn

from striate.compile.operations import ACTIVATIONS, OPERATIONS, activate

ACTIVATION_LAYERS = [
    (("relu",), nn.ReLU()),
    (("clip", 0.0, 6.0), nn.ReLU6()),
    (("clip", -1.0, 2.0), nn.Hardtanh(-1.0, 2.0)),
    (("leaky_relu", 0.1), nn.LeakyReLU(0.1)),
    (("sigmoid",), nn.Sigmoid()),
    (("tanh",), nn.Tanh()),
    (("silu",), nn.SiLU()),
    (("gelu", "none"), nn.GELU()),
    (("gelu", "tanh"), nn.GELU("tanh")),
    (("hardswish",), nn.Hardswish()),
    (("hardsigmoid",), nn.Hardsigmoid()),
    (("elu", 0.7), nn.ELU(0.7)),
]
X = torch.randn(2, 6, 7, 8, generator=torch.Generator().manual_seed(0)) * 3
POOL = {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0), "ceil_mode": True}

SAME = [
    ("max_pool", {**POOL, "dilation": (1, 2)}, nn.MaxPool2d((3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True)),
    ("avg_pool", {**POOL, "count_include_pad": False}, nn.AvgPool2d((3, 2), (2, 1), (1, 0), True, False)),
    ("avg_pool", {**POOL, "divisor_override": 5}, nn.AvgPool2d((3, 2), (2, 1), (1, 0), True, True, 5)),
    ("adaptive_avg_pool", {"output_size": (1, 1)}, nn.AdaptiveAvgPool2d(1)),
    ("response_norm", {"size": 5, "alpha": 1e-2, "beta": 0.75, "k": 2.0}, nn.LocalResponseNorm(5, 1e-2, 0.75, 2.0)),
    ("flatten", {"start_dim": 1}, nn.Flatten()),
    ("softmax", {"dim": 1}, nn.Softmax(1)),
    ("shuffle", {"groups": 3}, nn.ChannelShuffle(3)),
    ("upsample", {"scale": (2, 3)}, nn.Upsample(scale_factor=(2, 3), mode="nearest")),
    ("pad", {"padding": ((1, 0), (2, 3))}, nn.ZeroPad2d((2, 3, 1, 0))),
    ("channels", {"start": 1, "stop": 5}, lambda x: x.split([1, 4, 1], 1)[1]),
]


@pytest.mark.parametrize(("activation", "layer"), ACTIVATION_LAYERS, ids=str)
def test_activations_are_the_layers(activation, layer):
    """By the name and the parameters that a graph holds."""
    torch.testing.assert_close(activate(X, activation), layer(X))
    assert activate(X, None) is X


def test_every_activation_is_tested():
    """So that a new one is."""
    assert {activation[0] for activation, _ in ACTIVATION_LAYERS} == set(ACTIVATIONS)


@pytest.mark.parametrize(("op", "options", "layer"), SAME, ids=lambda value: value if isinstance(value, str) else "")
def test_operations_of_one_tensor_are_the_layers(op, options, layer):
    """Number for number."""
    torch.testing.assert_close(OPERATIONS[op](X, **options), layer(X))


@pytest.mark.parametrize("padding", [((1, 1), (0, 0)), ((0, 2), (1, 3))])
def test_a_convolution_ends_with_residual_and_activation(padding):
    """activation(conv + bias + residual), each optional, with padding of any four sides."""
    layer = nn.Conv2d(6, 4, (3, 2), (2, 1), dilation=(1, 2), groups=2)
    options = {"stride": (2, 1), "padding": padding, "dilation": (1, 2), "groups": 2}
    (top, bottom), (left, right) = padding
    plain = layer(nn.ZeroPad2d((left, right, top, bottom))(X))
    residual = torch.ones_like(plain)
    conv = OPERATIONS["conv"]
    torch.testing.assert_close(conv(X, layer.weight, layer.bias, None, **options), plain)
    whole = conv(X, layer.weight, None, residual, **options, activation=("relu",))
    torch.testing.assert_close(whole, (plain - layer.bias.view(-1, 1, 1) + 1).relu())


def test_linear_add_mul_and_scale():
    """What takes several tensors; those of one channel each are broadcast."""
    layer, norm = nn.Linear(8, 3), nn.BatchNorm2d(6).eval()
    norm.running_mean, norm.running_var = torch.arange(6.0), torch.arange(1.0, 7.0)
    linear, scale = OPERATIONS["linear"], OPERATIONS["scale"]
    torch.testing.assert_close(linear(X, layer.weight, layer.bias, activation=("tanh",)), layer(X).tanh())
    gate = X.mean((2, 3), keepdim=True)
    torch.testing.assert_close(OPERATIONS["add"](X, gate, activation=("relu",)), (X + gate).relu())
    torch.testing.assert_close(OPERATIONS["mul"](X, gate), X * gate)
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(scale(X, factor, norm.bias - norm.running_mean * factor), norm(X))
    torch.testing.assert_close(OPERATIONS["concat"](X, X[:, :2], dim=1), torch.cat([X, X[:, :2]], 1))


def test_every_operation_is_tested():
    """But `torch`, which has a file of its own."""
    assert {op for op, *_ in SAME} | {"conv", "linear", "add", "mul", "scale", "concat", "activation", "torch"} == set(
        OPERATIONS
    )
