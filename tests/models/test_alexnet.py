"""models.alexnet: the rows of the paper's table, its normalisation and first weights, and the forms that others use."""

import pytest
import torch
from torch.nn import functional as F

from striate.errors import OptionError, ShapeError
from striate.models import AlexNet
from striate.models.alexnet import ResponseNorm

# Row, output for 3 x 227 x 227, parameters in one group and in two; by hand from sections 3.2 to 3.5.
TABLE = [
    ("conv1", (96, 55, 55), 34_944, 34_944),
    ("norm1", (96, 55, 55), 0, 0),
    ("pool1", (96, 27, 27), 0, 0),
    ("conv2", (256, 27, 27), 614_656, 307_456),
    ("norm2", (256, 27, 27), 0, 0),
    ("pool2", (256, 13, 13), 0, 0),
    ("conv3", (384, 13, 13), 885_120, 885_120),
    ("conv4", (384, 13, 13), 1_327_488, 663_936),
    ("conv5", (256, 13, 13), 884_992, 442_624),
    ("pool5", (256, 6, 6), 0, 0),
    ("fc6", (4096,), 37_752_832, 37_752_832),
    ("fc7", (4096,), 16_781_312, 16_781_312),
    ("fc8", (1000,), 4_097_000, 4_097_000),
]


def hollow(**options):
    """The network without numbers."""
    with torch.device("meta"):
        return AlexNet(**options)


def small(**options):
    torch.manual_seed(0)
    return AlexNet(5, **{"in_channels": 2, "image_size": (64, 70), **options})


@pytest.mark.parametrize("image_size", [(227, 227), (224, 224)], ids=str)
@pytest.mark.parametrize(("row", "shape", "one", "two"), TABLE, ids=[row[0] for row in TABLE])
def test_rows_are_the_paper_s(row, shape, one, two, image_size):
    """Each has the output that the paper says, for its own 224 pixels and for the 227 that come out even."""
    for groups, parameters in ((1, one), (2, two)):
        network = hollow(groups=groups, image_size=image_size)
        assert network.features(torch.empty(1, 3, *image_size, device="meta"), until=row).shape[1:] == shape
        assert sum(p.numel() for p in network.get_submodule(row).parameters()) == parameters
    assert list(network.stages()) == [row[0] for row in TABLE]


def test_the_first_weights_are_the_paper_s():
    """N(0, 0.01²); offsets 1 in conv2, conv4, conv5 and the hidden fully connected layers, 0 elsewhere (section 5)."""
    for name, parameter in small().named_parameters():
        layer, kind = name.split(".")
        if kind == "weight":
            assert parameter.mean().abs() < 0.01 * 5 / parameter.numel() ** 0.5, name
            torch.testing.assert_close(parameter.std(), torch.tensor(0.01), rtol=0.02, atol=0)
        else:
            assert (parameter == float(layer in {"conv2", "conv4", "conv5", "fc6", "fc7"})).all(), name


def test_224_pixels_are_padded_by_two():
    """Which gives the 55 positions of the paper, and is what others do."""
    torch.manual_seed(0)
    conv1, x = AlexNet(1, image_size=(224, 224)).conv1, torch.randn(1, 3, 224, 224)
    torch.testing.assert_close(conv1(x), F.conv2d(x, conv1.weight, conv1.bias, stride=4, padding=2))


def test_the_weights_for_224_pixels_are_those_for_227():
    """The sizes differ in padding alone."""
    assert [p.shape for p in hollow(image_size=(224, 224)).parameters()] == [p.shape for p in hollow().parameters()]


@pytest.mark.parametrize("image_size", [(64, 64), (65, 90), (131, 67)], ids=str)
def test_no_pixel_is_left_out(image_size):
    """Whatever the size, conv1's windows come out even: the last pixel of each side has a gradient."""
    network = small(image_size=image_size)
    x = torch.randn(1, 2, *image_size, requires_grad=True)
    network.conv1(x).sum().backward()
    assert x.grad[0, 0, 0].any()
    assert x.grad[0, 0, -1].any()
    assert x.grad[0, 0, :, -1].any()


def by_formula(x, alpha, k):
    """Section 3.3, written out: b = a / (k + alpha · sum of a² over five maps) ** 0.75."""
    out = torch.empty_like(x)
    for i in range(x.shape[1]):
        neighbours = x[:, max(0, i - 2) : i + 3]
        out[:, i] = x[:, i] / (k + alpha * neighbours.square().sum(1)) ** 0.75
    return out


@pytest.mark.parametrize(
    ("norm", "alpha", "k"), [("paper", 1e-4, 2.0), ("caffe", 1e-4 / 5, 1.0), ("pytorchcv", 1e-4 / 5, 2.0)]
)
def test_responses_are_normalised_as_in_the_paper(norm, alpha, k):
    """Alpha is not divided by 5, unless others' weights were trained so; with units large enough to tell."""
    x = 100 * torch.randn(2, 12, 3, 4)
    torch.testing.assert_close(small(norm=norm).norm1(x), by_formula(x, alpha, k))
    assert not torch.allclose(by_formula(x, 1e-4, 2.0), by_formula(x, 1e-4 / 5, 2.0), rtol=0.01)
    assert not torch.allclose(by_formula(x, 1e-4 / 5, 1.0), by_formula(x, 1e-4 / 5, 2.0), rtol=0.01)


def test_the_two_columns_are_normalised_by_themselves():
    """They do not know of each other before conv3; Caffe's do."""
    x = 100 * torch.randn(2, 12, 3, 4)
    columns = torch.cat([by_formula(half, 1e-4, 2.0) for half in x.chunk(2, 1)], 1)
    torch.testing.assert_close(small(groups=2).norm2(x), columns)
    torch.testing.assert_close(small(groups=2, norm="caffe").norm2(x), by_formula(x, 1e-4 / 5, 1.0))
    assert not torch.allclose(columns, ResponseNorm()(x))


def test_the_first_column_does_not_see_the_second_before_conv3():
    """Other kernels in the second half of conv1 leave the first half of conv2 as it was."""
    network, x = small(groups=2).eval(), torch.randn(1, 2, 64, 70)
    with torch.no_grad():
        before = {until: network.features(x, until=until) for until in ("pool2", "conv3")}
        network.conv1.weight[48:] *= 10
        after = {until: network.features(x, until=until) for until in ("pool2", "conv3")}
    assert torch.equal(before["pool2"][:, :128], after["pool2"][:, :128])
    assert not torch.equal(before["pool2"][:, 128:], after["pool2"][:, 128:])
    assert not torch.isclose(before["conv3"][:, :192], after["conv3"][:, :192]).all()


@pytest.mark.parametrize(("dropout", "hidden"), [("after", True), ("before", False)])
def test_dropout_is_where_it_is_asked_for(dropout, hidden):
    """After: about half of fc6's and of fc7's outputs are zero in training. Before: it is their inputs that are."""
    network, x = small(dropout=dropout).train(), torch.randn(2, 2, 64, 70)
    seen = []
    network.fc6.register_forward_pre_hook(lambda _, given: seen.append((given[0] == 0).float().mean().item()))
    torch.nn.init.constant_(network.fc6.bias, 100.0)  # so that no unit is zero by itself
    torch.nn.init.constant_(network.fc7.bias, 1e4)
    for row in ("fc6", "fc7"):
        zeros = (network.features(x, until=row) == 0).float().mean().item()
        assert zeros == pytest.approx(0.5 if hidden else 0, abs=0.05), row
    pool5 = (network.features(x, until="pool5") == 0).float().mean().item()
    assert seen[0] == pytest.approx(pool5 if hidden else 0.5 + pool5 / 2, abs=0.1)
    assert not (network.eval().features(x, until="fc7") == 0).any()


def test_batches_are_normalised_instead_of_responses():
    """Offsets and response normalisation give way: 1,376 offsets for twice as many gains and shifts."""
    network = hollow(batch_norm=True)
    assert sum(p.numel() for p in network.parameters()) == 62_378_344 - 1_376 + 2 * 1_376
    assert not [m for m in network.modules() if isinstance(m, ResponseNorm)]
    assert [network.get_submodule(f"conv{i}").bias for i in range(1, 6)] == [None] * 5
    network = small(batch_norm=True).train()
    before = []
    for i in range(1, 6):
        network.get_submodule(f"bn{i}").register_forward_hook(lambda *given: before.append(given[2]))
    F.cross_entropy(network(torch.randn(4, 2, 64, 70)), torch.arange(4)).backward()
    for units in before[:2]:  # later ones have few positions
        torch.testing.assert_close(units.mean((0, 2, 3)), torch.zeros(units.shape[1]), atol=1e-4, rtol=0)
        torch.testing.assert_close(units.var((0, 2, 3)), torch.ones(units.shape[1]), atol=0.1, rtol=0)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.refusal
@pytest.mark.parametrize("image_size", [(63, 227), (227, 63), (1, 1)], ids=str)
def test_images_that_are_too_small_are_explained(image_size):
    """Nothing would be left of them at pool5."""
    with pytest.raises(ShapeError) as error:
        AlexNet(image_size=image_size)
    assert str(error.value) == (
        "AlexNet: images are too small for 11x11 windows in steps of 4 and three halvings.\n"
        f"  images  (C=3, H={image_size[0]}, W={image_size[1]})\n"
        "Enlarge the images to 64x64 or more; the paper's are 224x224."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("option", [{"groups": 3}, {"dropout": "never"}, {"norm": "keras"}], ids=str)
def test_forms_that_do_not_exist_are_refused(option):
    """The message lists those that do."""
    received = {"groups": 1, "dropout": "after", "norm": "paper", **option}
    with pytest.raises(OptionError) as error:
        AlexNet(**option)
    assert str(error.value) == (
        "AlexNet: there is no such form of the network.\n"
        f"  groups   {received['groups']}\n"
        f"  dropout  {received['dropout']!r}\n"
        f"  norm     {received['norm']!r}\n"
        "Choose groups 1 or 2, dropout 'after' or 'before', and norm 'paper', 'caffe', 'pytorchcv'."
    )
