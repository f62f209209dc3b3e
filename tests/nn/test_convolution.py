"""nn.convolution: the contract of every convolution layer, shared, unshared and tiled, transposed or not."""

import pytest
import torch
from torch import nn as torch_nn

from striate import nn, ops
from striate.errors import OptionError, ShapeError
from striate.nn.convolution import Convolution, TransposedConvolution

SIZE = {1: (9,), 2: (6, 7), 3: (4, 5, 4)}
# Every layer: (name, rank, what it needs besides channels and kernel size).
LAYERS = [
    (f"{kind}{transpose}{rank}d", rank, {"input_size": SIZE[rank]} if "Unshared" in kind else {})
    for kind in ("Conv", "UnsharedConv", "TiledConv")
    for transpose in ("", "Transpose")
    for rank in (1, 2, 3)
]
layers = pytest.mark.parametrize(("name", "rank", "needs"), LAYERS, ids=[row[0] for row in LAYERS])


def made(name, needs, **settings):
    return getattr(nn, name)(4, 6, 3, **{"stride": 2, "groups": 2, **needs, **settings})


def function(name):
    """UnsharedConvTranspose2d -> unshared_conv_transpose2d."""
    return getattr(ops, "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_"))


@layers
def test_calls_the_function_of_its_name(name, rank, needs):
    """The layer's output is the function's, with the layer's parameters and settings."""
    layer, x = made(name, needs, padding=1, flip=True), torch.randn(2, 4, *SIZE[rank])
    settings = {"stride": 2, "padding": 1, "groups": 2, "flip": True}
    torch.testing.assert_close(layer(x), function(name)(x, layer.weight, layer.bias, **settings))


@pytest.mark.traced
@layers
def test_is_open_to_compile_and_export(name, rank, needs):
    """One graph without breaks, and an exported program for any number of examples, give the layer's numbers."""
    torch._dynamo.reset()  # one `forward` serves all layers, and a process may compile it only so often
    layer, x = made(name, needs, padding="same"), torch.randn(3, 4, *SIZE[rank])
    want = layer(x)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x), want)
    compiled(x).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    program = torch.export.export(layer, (x,), dynamic_shapes=({0: torch.export.Dim.AUTO},))
    torch.testing.assert_close(program.module()(x), want)


@layers
def test_is_made_where_there_are_no_numbers(name, rank, needs):
    """On the meta device, by its own argument or as the default: the same parameters, none of them drawn."""
    want = {key: value.shape for key, value in made(name, needs).state_dict().items()}
    with torch.device("meta"):
        default = made(name, needs)
    for layer in (default, made(name, needs, device="meta")):
        assert {key: value.shape for key, value in layer.state_dict().items()} == want
        assert all(parameter.is_meta for parameter in layer.parameters())


@layers
def test_every_parameter_learns(name, rank, needs):
    """Every kernel and every offset receives a gradient that is finite and somewhere not zero."""
    layer = made(name, needs)
    layer(torch.randn(2, 4, *SIZE[rank])).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.abs().max() > 0


@layers
def test_is_saved_and_made_elsewhere_and_in_other_numbers(name, rank, needs):
    """state_dict goes round; dtype and device are where the parameters are."""
    layer, twin, x = made(name, needs), made(name, needs), torch.randn(1, 4, *SIZE[rank])
    twin.load_state_dict(layer.state_dict())
    torch.testing.assert_close(twin(x), layer(x))
    assert made(name, needs, dtype=torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16
    assert made(name, needs, device="meta")(x.to("meta")).shape == layer(x).shape


@layers
def test_bias_is_of_the_kind_asked_for(name, rank, needs):
    """None, per channel, per tile where there are tiles, per location where the input's size is known."""
    needs = {"input_size": SIZE[rank]}
    positions = made(name, needs)(torch.zeros(1, 4, *SIZE[rank])).shape[2:]
    assert made(name, needs, bias=False).bias is None
    assert made(name, needs, bias="channel").bias.shape == (6,)
    assert made(name, needs, bias="location").bias.shape == (6, *positions)
    own = {"Unshared": (6, *positions), "Tiled": (6, *[2] * rank)}
    expected = next((shape for kind, shape in own.items() if name.startswith(kind)), (6,))
    layer = made(name, needs)
    assert layer.bias.shape == expected
    assert layer(torch.zeros(2, 4, *SIZE[rank])).shape == (2, 6, *positions)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose"])
def test_renaming_is_all_it_takes(kind, rank):
    """PyTorch's layer and ours: the same positional arguments, state_dict, attributes and output."""
    arguments = (4, 6, 3, 2, 1, 1, 2)  # dilation and groups, or output padding and groups
    theirs, ours = getattr(torch_nn, f"{kind}{rank}d")(*arguments), getattr(nn, f"{kind}{rank}d")(*arguments)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 4, *SIZE[rank])
    torch.testing.assert_close(ours(x), theirs(x))
    for attribute in ("in_channels", "out_channels", "kernel_size", "stride", "dilation", "groups", "padding_mode"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_kernels_start_as_pytorch_starts_them():
    """The same distribution: uniform with the same bound."""
    torch.manual_seed(0)
    ours, theirs = nn.Conv2d(16, 64, 3).weight, torch_nn.Conv2d(16, 64, 3).weight
    bound = (16 * 9) ** -0.5
    assert ours.abs().max() <= bound
    torch.testing.assert_close(ours.std(), theirs.std(), rtol=0.02, atol=0)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_activations_start_equally_strong_everywhere(rank):
    """Zero padding weakens an unshared layer's border only if its kernels ignore it: theirs are larger instead."""
    layer = nn.UnsharedConv1d if rank == 1 else nn.UnsharedConv2d if rank == 2 else nn.UnsharedConv3d
    made = layer(32, 16, 3, padding=1, input_size=5, bias=False)
    power = made(torch.randn(64, 32, *[5] * rank)).square().mean((0, 1))
    corner, middle = power[(0,) * rank], power[(2,) * rank]
    torch.testing.assert_close(corner, middle, rtol=0.35, atol=0)


@pytest.mark.parametrize("name", ["ConvTranspose2d", "TiledConvTranspose2d"])
def test_a_strided_transposed_layer_keeps_the_power_of_pytorchs_rule(name):
    """1/3 of the input's power reaches the output, as for a convolution of as many inputs a unit."""
    layer = getattr(nn, name)(32, 64, 4, 2, 1, bias=False)
    power = layer(torch.randn(16, 32, 8, 8))[..., 2:-2, 2:-2].square().mean()
    torch.testing.assert_close(power, torch.tensor(1 / 3), rtol=0.1, atol=0)


def test_layers_print_what_matters():
    """The settings that differ from their defaults, in PyTorch's order."""
    printed = {
        "Conv2d(3, 8, kernel_size=(3, 3), stride=(1, 1))": nn.Conv2d(3, 8, 3),
        "Conv2d(3, 8, kernel_size=(3, 3), stride=(2, 2), padding='same', flip=True, bias=False)": nn.Conv2d(
            3, 8, 3, 2, "same", bias=False, flip=True
        ),
        "UnsharedConv1d(3, 8, kernel_size=(3,), stride=(1,), input_size=(9,))": nn.UnsharedConv1d(
            3, 8, 3, input_size=9
        ),
        "TiledConv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), groups=2, tiles=(3, 3), bias='channel')": nn.TiledConv2d(
            4, 8, 3, groups=2, tiles=3, bias="channel"
        ),
        "ConvTranspose2d(3, 8, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1))": nn.ConvTranspose2d(
            3, 8, 3, 2, output_padding=1
        ),
    }
    for text, layer in printed.items():
        assert repr(layer) == text


def test_every_layer_is_one_of_the_two():
    """Convolutions and transposed convolutions are two contracts, and nothing else."""
    for name, _, needs in LAYERS:
        assert isinstance(made(name, needs), TransposedConvolution if "Transpose" in name else Convolution)


# (what is wrong, the call, the whole message)
REFUSALS = [
    (
        "a kernel larger than the stated input",
        lambda: nn.Conv2d(3, 8, 5, input_size=(4, 9)),
        "Conv2d: the window is larger than the padded input.\n"
        "  input        (H=4, W=9)\n"
        "  padding      ((0, 0), (0, 0))\n"
        "  window       (R=5, S=5)\n"
        "  kernel_size  (5, 5)\n"
        "  dilation     (1, 1)\n"
        "Pass a larger input, pad more, or use a smaller kernel or dilation.",
    ),
    (
        "no size",
        lambda: nn.UnsharedConv2d(3, 8, 5),
        "UnsharedConv2d: there is a kernel for every position, and nothing says how many there are.\n"
        "Give input_size, the 2 spatial sizes of the input.",
    ),
    (
        "no size for the way back",
        lambda: nn.UnsharedConvTranspose1d(3, 8, 5),
        "UnsharedConvTranspose1d: there is a kernel for every position, and nothing says how many there are.\n"
        "Give input_size, the 1 spatial sizes of the input.",
    ),
    (
        "a bias per location of unknown locations",
        lambda: nn.Conv2d(3, 8, 5, bias="location"),
        "Conv2d: a bias per location needs to know how many locations there are.\n  bias  'location'\n"
        "Give input_size, the 2 spatial sizes of the input.",
    ),
    (
        "a bias per tile without tiles",
        lambda: nn.Conv2d(3, 8, 5, bias="tile"),
        "Conv2d: no bias is called 'tile'.\nChoose one of 'channel', 'location', or True or False.",
    ),
    (
        "groups that do not divide",
        lambda: nn.Conv2d(3, 8, 5, groups=2),
        "Conv2d: groups do not divide in_channels.\n  in_channels   3\n  out_channels  8\n  groups        2\n"
        "Give groups that divide in_channels, or in_channels that are a multiple of 2.",
    ),
    (
        "a padding mode backwards",
        lambda: nn.ConvTranspose2d(3, 8, 5, padding_mode="reflect"),
        "ConvTranspose2d: a transposed convolution only takes zeros as padding.\n  padding_mode  'reflect'\n"
        "Leave padding_mode out; ops.conv_input_gradient is the adjoint with every padding mode.",
    ),
    (
        "more output padding than a step",
        lambda: nn.ConvTranspose1d(3, 8, 5, output_padding=1),
        "ConvTranspose1d: output_padding must be smaller than the stride or the dilation, and 0 with 'same'.\n"
        "  output_padding  (1,)\n  stride          (1,)\n  dilation        (1,)\n"
        "Give fewer, or say the size with output_size.",
    ),
]


@pytest.mark.refusal
@pytest.mark.parametrize(("call", "message"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_settings_that_cannot_be_are_refused_when_the_layer_is_made(call, message):
    """Before any data: the message names the rule, the values and the way out."""
    with pytest.raises((ShapeError, OptionError)) as error:
        call()
    assert str(error.value) == message
