"""models.summary: costs as torch's own counter finds them, receptive fields as gradients measure them."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from striate.errors import OptionError, ShapeError
from striate.models.summary import summary


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters: every second sample, new channels zero."""

    def __init__(self, channels: int, kernels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, kernels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(kernels)
        self.conv2 = nn.Conv2d(kernels, kernels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(kernels)
        self.stride, self.extra = stride, kernels - channels

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra)))


class Lopsided(nn.Module):
    """Two branches that look to opposite sides, glued together: 4x4 in all, though each sees 3x3 or less."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(1, 2, 2)
        self.two = nn.Conv2d(1, 2, 3)

    def forward(self, x):
        right, left = self.one(F.pad(x, (0, 1, 0, 1))), self.two(F.pad(x, (2, 0, 2, 0)))
        return torch.cat([right, left], 1)


class Gated(nn.Module):
    """Squeeze and excite: each channel is scaled by a number that has seen the whole image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.gate = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4, 4)

    def forward(self, x):
        x = self.conv(x)
        return x * torch.sigmoid(self.gate(x.mean((2, 3))))[:, :, None, None]


class ChannelsLast(nn.Module):
    """Mixes channels by a linear layer with the channels at the end, then convolves: nothing else is mixed."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.norm, self.conv = nn.Linear(2, 6), nn.LayerNorm(6), nn.Conv2d(6, 2, 3)

    def forward(self, x):
        return self.conv(self.norm(self.mix(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2))


class Shuffled(nn.Module):
    """Grouped convolution, then the channels dealt out anew by two views and a transposition."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(4, 4, 3, groups=2), nn.Conv2d(4, 4, 3, dilation=2, groups=4)

    def forward(self, x):
        x = self.one(x)
        n, c, h, w = x.shape
        return self.two(
            x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w).chunk(2, 1)[0].repeat_interleave(2, 1)
        )


class Called(nn.Module):
    """Convolves, pools and multiplies by functions instead of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.out = nn.Parameter(torch.rand(3, 1, 5, 5)), nn.Parameter(torch.rand(2, 3))
        self.scale, self.unused = nn.Parameter(torch.ones(())), nn.Linear(3, 1)

    def forward(self, x):
        x = F.max_pool2d(F.conv2d(x, self.weight, stride=2), 2)
        return F.linear(x.mean((2, 3)) * self.scale, self.out)


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Flatten(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def residual() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), Residual(8, 8, 1), Residual(8, 16, 2), Residual(16, 32, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip


def grouped() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding=1, groups=4), nn.ReLU(),
        nn.Conv2d(8, 8, 3, dilation=(1, 3), groups=8), nn.Conv2d(8, 4, 1),
        nn.ConvTranspose2d(4, 6, 4, stride=2, groups=2),
    )  # fmt: skip


chain = nn.Sequential
NETS = {"lenet": (lenet, (1, 32, 32)), "residual": (residual, (3, 24, 20)), "grouped": (grouped, (4, 17, 23))}


@pytest.mark.parametrize("name", NETS)
def test_multiply_adds_are_half_of_torchs_flops(name):
    """PyTorch's counter counts a multiplication and its addition as two; the totals agree, bias left out by both."""
    make, size = NETS[name]
    model = make().eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, *size))
    assert 2 * summary(model, size).multiply_adds == counter.get_total_flops()


def test_multiply_adds_of_lenet_by_hand():
    """Positions times kernels times kernel size, layer by layer."""
    costs = {row.name: row.multiply_adds for row in summary(lenet(), (1, 32, 32)).rows if row.multiply_adds}
    assert costs == {"0": 28 * 28 * 6 * 25, "3": 10 * 10 * 16 * 150, "6": 120 * 400, "8": 120 * 84, "10": 84 * 10}


# Networks that end before anything sees the whole image: (name, network, input size, receptive field).
FIELDS = [
    ("strides", lambda: lenet()[:6], (1, 60, 60), (16, 16)),
    ("residual", lambda: residual()[:4], (3, 120, 120), (25, 25)),
    ("grouped and dilated", lambda: grouped()[:4], (4, 60, 60), (7, 11)),
    ("transposed", grouped, (4, 60, 60), (9, 12)),
    ("lopsided branches", lambda: chain(Lopsided(), nn.Conv2d(4, 1, 1)), (1, 30, 30), (4, 4)),
    ("channels last", ChannelsLast, (2, 30, 30), (3, 3)),
    ("shuffled", Shuffled, (4, 30, 30), (7, 7)),
    ("gated", Gated, (1, 12, 14), "all"),
    ("pooled to thirds", lambda: nn.AdaptiveAvgPool2d((3, 4)), (1, 30, 30), (10, 8)),
    ("enlarged", lambda: chain(nn.Conv2d(1, 1, 3, 2), nn.Upsample(None, 2), nn.Conv2d(1, 1, 3)), (1, 40, 40), (5, 5)),
    ("blended", lambda: chain(nn.Conv2d(1, 1, 3, 2), nn.Upsample(None, 3, "bilinear")), (1, 40, 40), (5, 5)),
    ("reflected", lambda: chain(nn.ReflectionPad2d((2, 1, 0, 3)), nn.Conv2d(1, 1, (2, 5))), (1, 30, 30), (2, 5)),
    ("image's own statistics", lambda: nn.InstanceNorm2d(1), (1, 9, 9), "all"),
    ("local response", lambda: chain(nn.Conv2d(1, 4, 3), nn.LocalResponseNorm(3)), (1, 20, 20), (3, 3)),
    ("softmax over classes", lambda: chain(nn.Conv2d(1, 4, 3), nn.Softmax(1)), (1, 20, 20), (3, 3)),
    ("softmax over places", lambda: nn.Softmax(-1), (1, 20, 22), (1, 22)),
    ("linear along the rows", lambda: nn.Linear(22, 22), (1, 20, 22), (1, 22)),
]  # fmt: skip
fields = pytest.mark.parametrize(("make", "size", "field"), [f[1:] for f in FIELDS], ids=[f[0] for f in FIELDS])


@fields
def test_receptive_field_is_where_the_gradient_arrives(make, size, field):
    """With positive weights the gradient of a central output covers its receptive field, and nothing more."""
    model = make().double().eval()
    assert summary(model, size).rows[-1].receptive_field == field
    assert measured(model, size) == ((size[1], size[2]) if field == "all" else field)


def measured(model: nn.Module, size: tuple[int, ...]) -> tuple[int, int]:
    """Measure the largest extent of the gradient of one output, over a few outputs away from the border."""
    for p in model.parameters():
        p.data.uniform_(0.001, 0.01, generator=torch.Generator().manual_seed(0))
    x = torch.rand(1, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    y = model(x)
    extents = []
    for i in range(4):
        p, q = y.shape[-2] // 2 + i // 2, y.shape[-1] // 2 + i % 2
        (gradient,) = torch.autograd.grad(y[0, 0, p, q], x, retain_graph=True)
        _, _, rows, columns = gradient.nonzero().T
        extents.append((rows.max() - rows.min() + 1, columns.max() - columns.min() + 1))
    return int(max(e[0] for e in extents)), int(max(e[1] for e in extents))


def test_the_measurement_can_fail():
    """A network that sees 5x5 does not measure as 3x3."""
    assert measured(nn.Conv2d(1, 1, 5).double(), (1, 20, 20)) != (3, 3)


def test_whole_image_is_called_all():
    """Global pooling and a linear layer over everything see all; what lies before them sees a window."""
    rows = {row.name: row.receptive_field for row in summary(residual(), (3, 24, 20)).rows}
    assert rows["3.bn2"] == (25, 25)
    assert rows["4"] == rows["6"] == "all"
    lenet_rows = {row.name: row.receptive_field for row in summary(lenet(), (1, 32, 32)).rows}
    assert (lenet_rows["6"], lenet_rows["8"]) == ((32, 32), "all")


def test_unused_rows_of_the_image_are_not_called_seen():
    """A linear layer after windows that leave the last samples out has not seen everything."""
    model = nn.Sequential(nn.MaxPool2d(3), nn.Flatten(), nn.Linear(9, 2))
    assert summary(model, (1, 11, 10)).rows[-1].receptive_field == (9, 9)


def test_rows_say_what_ran():
    """One row a layer: dotted name, class and window, shape without the batch, parameters."""
    rows = summary(grouped(), (4, 17, 23)).rows
    assert [row.kind for row in rows] == [
        "Conv2d 3x5 /2x1 groups 4",
        "ReLU",
        "Conv2d 3x3 dilation 1x3 groups 8",
        "Conv2d 1x1",
        "ConvTranspose2d 4x4 /2 groups 2",
    ]
    assert rows[0].output_shape == (8, 9, 21)
    assert [row.name for row in summary(nn.Sequential(residual()), (3, 8, 8)).rows[:3]] == [
        "0.0",
        "0.1.conv1",
        "0.1.bn1",
    ]


def test_operations_outside_of_layers_have_rows():
    """What convolves, pools or multiplies by a function is listed with the parameters it used; the rest come last."""
    table = summary(Called(), (1, 20, 20))
    assert [(row.name, row.kind, row.parameters) for row in table.rows] == [
        ("forward", "conv2d 5x5 /2", 75),
        ("forward", "max_pool2d 2x2 /2", 0),
        ("forward", "matmul", 6),
        ("scale", "Parameter", 1),
        ("unused.weight", "Parameter", 3),
        ("unused.bias", "Parameter", 1),
    ]
    assert table.parameters == sum(p.numel() for p in Called().parameters())


def test_sequences_and_volumes_are_summed_up_too():
    """One or three axes in the windows, the shapes and the receptive fields."""
    audio = nn.Sequential(nn.Conv1d(1, 4, 9, 4), nn.MaxPool1d(3), nn.Flatten(), nn.Linear(4 * 6, 2))
    rows = summary(audio, (1, 84)).rows
    assert [(row.kind, row.output_shape, row.receptive_field) for row in rows[:2]] == [
        ("Conv1d 9 /4", (4, 19), (9,)),
        ("MaxPool1d 3 /3", (4, 6), (17,)),
    ]
    assert [row.multiply_adds for row in rows] == [4 * 19 * 9, 0, 0, 48]
    scan = nn.Sequential(nn.Conv3d(1, 2, (1, 3, 3)), nn.AvgPool3d(2))
    assert [(row.kind, row.receptive_field) for row in summary(scan, (1, 4, 8, 8)).rows] == [
        ("Conv3d 1x3x3", (1, 3, 3)),
        ("AvgPool3d 2x2x2 /2", (2, 4, 4)),
    ]


def test_functions_are_called_by_their_number_of_axes():
    """What runs outside of a layer is named as the field names it, for sequences and volumes as well."""

    class ByFunctions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x):
            return F.max_pool3d(F.conv3d(self.relu(x), torch.ones(1, 1, 1, 1, 1, device=x.device)), 2)

    assert [row.kind for row in summary(ByFunctions(), (1, 4, 4, 4)).rows] == [
        "ReLU",
        "conv3d 1x1x1",
        "max_pool3d 2x2x2 /2",
    ]


def test_shared_parameters_count_once():
    """A layer that runs twice has two rows and one set of parameters."""
    layer = nn.Conv2d(2, 2, 3, padding=1)
    table = summary(nn.Sequential(layer, nn.ReLU(), layer), (2, 8, 8))
    assert [row.parameters for row in table.rows] == [38, 0, 0]
    assert table.parameters == 38
    assert table.rows[2].receptive_field == (5, 5)


def test_model_is_left_as_it_was():
    """Weights, running statistics, mode and hooks stay; the model's own hooks are not called."""
    model, called = residual().train(), []
    model[0].register_forward_hook(lambda *_: called.append(1))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    summary(model, (3, 8, 8))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert [len(module._forward_hooks) for module in model.modules()].count(1) == 1
    assert called == []
    assert summary(model.to("meta"), (3, 8, 8)) == summary(residual(), (3, 8, 8))


def test_old_style_normalised_weights_are_followed():
    """A layer whose weight a hook computes is a layer like any other."""
    layer = nn.Conv2d(2, 4, 3)
    layer.scaled = layer.weight * 2  # a tensor that is neither parameter nor buffer, and cannot be copied
    assert summary(nn.Sequential(layer), (2, 8, 8)).rows[0].receptive_field == (3, 3)


def test_outputs_in_tuples_and_dicts_are_found():
    """Of a layer that returns several tensors, the first is shown; one that returns none has no shape."""

    class Several(nn.Module):
        def forward(self, x):
            return {"none": None, "out": [x * 2, x.sum()]}

    class Nothing(nn.Module):
        def forward(self, x):
            return None

    assert summary(Several(), (1, 4, 4)).rows[0].output_shape == (1, 4, 4)
    row = summary(Nothing(), (1, 4, 4)).rows[0]
    assert (row.output_shape, row.receptive_field) == ((), None)


def test_json_holds_plain_values():
    """The table survives JSON, totals included."""
    table = summary(lenet(), (1, 32, 32))
    plain = json.loads(json.dumps(table.to_json()))
    assert (plain["parameters"], plain["multiply_adds"]) == (table.parameters, table.multiply_adds)
    assert plain["rows"][0] == {
        "name": "0",
        "kind": "Conv2d 5x5",
        "output_shape": [6, 28, 28],
        "parameters": 156,
        "multiply_adds": 117_600,
        "receptive_field": [5, 5],
    }


@pytest.mark.refusal
def test_size_the_model_cannot_take_is_explained():
    """The message names the model, the size, the layer that failed, what it was given and torch's reason."""
    with pytest.raises(ShapeError) as error:
        summary(lenet(), (3, 32, 32))
    assert str(error.value) == (
        "summary: the model cannot take an input of this size.\n"
        "  model       Sequential\n"
        "  input_size  C=3 H=32 W=32\n"
        "  layer       0: Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))\n"
        "  given       3 x 32 x 32\n"
        f"  reason      {error.value.__cause__}\n"
        "Pass the channels, height and width that the model was made for, or make one for this size."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("size", [(28,), (1, 0, 28), (1, 28.0, 28), (1, 2, 3, 4, 5)], ids=str)
def test_input_size_that_is_none_is_explained(size):
    """Two to four positive whole numbers, or a message that says so."""
    with pytest.raises(OptionError) as error:
        summary(lenet(), size)
    assert str(error.value) == (
        "summary: input_size is not two to four positive whole numbers.\n"
        f"  input_size  {size}\n"
        "Pass the channels and one to three spatial sizes, as in (1, 28, 28)."
    )
