"""models.zfnet: the rows of the paper's figure, the order of its steps, and the forms that others print."""

import pytest
import torch
from torch.nn import functional as F

from striate import ops
from striate.errors import OptionError, ShapeError
from striate.models import ZFNet, create

# Row, output for 3 x 224 x 224, parameters; by hand from figure 3.
TABLE = [
    ("conv1", (96, 110, 110), 14_208),
    ("pool1", (96, 55, 55), 0),
    ("norm1", (96, 55, 55), 0),
    ("conv2", (256, 26, 26), 614_656),
    ("pool2", (256, 13, 13), 0),
    ("norm2", (256, 13, 13), 0),
    ("conv3", (384, 13, 13), 885_120),
    ("conv4", (384, 13, 13), 1_327_488),
    ("conv5", (256, 13, 13), 884_992),
    ("pool5", (256, 6, 6), 0),
    ("norm5", (256, 6, 6), 0),
    ("fc6", (4096,), 37_752_832),
    ("fc7", (4096,), 16_781_312),
    ("fc8", (1000,), 4_097_000),
]
# What differs in the other forms.
OTHERS = {
    "zfnet": {},
    "zfnet-notes": {"conv2": ((256, 27, 27), 221_440)},
    "zfnet-b": {
        "conv3": ((512, 13, 13), 1_180_160),
        "conv4": ((1024, 13, 13), 4_719_616),
        "conv5": ((512, 13, 13), 4_719_104),
        "pool5": ((512, 6, 6), 0),
        "norm5": ((512, 6, 6), 0),
        "fc6": ((4096,), 75_501_568),
    },
}


def small(**options):
    torch.manual_seed(0)
    return ZFNet(5, **{"in_channels": 2, "image_size": (47, 52), **options})


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("row", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_rows_are_the_paper_s(row, shape, parameters, name):
    """Each has the output and the parameters that the figure says; and so has each form's departure."""
    with torch.device("meta"):
        network = create(name)
        found = network.features(torch.empty(1, 3, 224, 224), until=row).shape[1:]
    assert (found, sum(p.numel() for p in network.get_submodule(row).parameters())) == OTHERS[name].get(
        row, (shape, parameters)
    )
    assert list(network.stages()) == [row[0] for row in TABLE]


def test_the_first_weights_are_the_paper_s():
    """All of the size 10⁻², and offsets 0 (section 3.1)."""
    for name, parameter in small().named_parameters():
        if name.endswith("weight"):
            assert parameter.mean().abs() < 0.01 * 5 / parameter.numel() ** 0.5, name
            torch.testing.assert_close(parameter.std(), torch.tensor(0.01), rtol=0.02, atol=0)
        else:
            assert not parameter.any(), name


# The steps from an image to what conv2 sees, of each form, out of the functions of `ops`; large images tell them apart.
STEPS = {
    "across": lambda x: ops.local_response_norm(pooled(x), 5, 1e-4, 0.75, 2.0, scale="sum"),
    "local": lambda x: ops.local_contrast_norm(pooled(x), 9),
    "pytorchcv": lambda x: pooled(F.local_response_norm(x, 5, 1e-4, 0.75, 2.0)),
}


def pooled(x):
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


@pytest.mark.parametrize("norm", STEPS)
def test_rectified_then_pooled_then_normalised(norm):
    """The paper's order, and the one that pytorchcv's weights were trained with."""
    network, x = small(norm=norm).eval(), 3000 * torch.randn(2, 2, 47, 52)
    with torch.no_grad():
        conv1 = network.conv1(x).relu()
        maps = network.features(x, until="pool1" if norm == "pytorchcv" else "norm1")
        torch.testing.assert_close(maps, STEPS[norm](conv1))
        for other in STEPS.keys() - {norm}:
            assert not torch.allclose(maps, STEPS[other](conv1), rtol=0.01)


def test_only_the_local_form_normalises_pool5():
    """Figure 3 does not; the textbooks that normalise locally do."""
    x = torch.randn(2, 2, 47, 52)
    for norm in STEPS:
        network = small(norm=norm).eval()
        with torch.no_grad():
            same = torch.equal(network.features(x), network.features(x, until="pool5"))
        assert same == (norm != "local")


def test_dropout_follows_fc6_and_fc7():
    """About half of their outputs are zero in training, none for that reason in evaluation."""
    network, x = small().train(), torch.randn(2, 2, 47, 52)
    torch.nn.init.constant_(network.fc6.bias, 100.0)  # so that no unit is zero by itself
    torch.nn.init.constant_(network.fc7.bias, 1e4)
    for row in ("fc6", "fc7"):
        assert (network.features(x, until=row) == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert not (network.eval().features(x, until="fc7") == 0).any()


@pytest.mark.refusal
@pytest.mark.parametrize(("conv2", "kernel", "least"), [("5x5", 5, 47), ("3x3", 3, 39)])
@pytest.mark.parametrize("taller", [True, False])
def test_images_that_are_too_small_are_explained(conv2, kernel, least, taller):
    """Nothing would be left of them at pool5; one pixel more will do."""
    with torch.device("meta"):
        assert ZFNet(image_size=(least, least), conv2=conv2)(torch.empty(1, 3, least, least)).shape == (1, 1000)
    image_size = (least, least - 1) if taller else (least - 1, least)
    with pytest.raises(ShapeError) as error:
        ZFNet(image_size=image_size, conv2=conv2)
    assert str(error.value) == (
        f"ZFNet: images are too small for 7x7 and {kernel}x{kernel} windows in steps of 2 and three halvings.\n"
        f"  images  (C=3, H={image_size[0]}, W={image_size[1]})\n"
        "Enlarge the images to 47x47 or more; the paper's are 224x224."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("option", [{"conv2": "7x7"}, {"norm": "batch"}], ids=str)
def test_forms_that_do_not_exist_are_refused(option):
    """The message lists those that do."""
    received = {"conv2": "5x5", "norm": "across", **option}
    with pytest.raises(OptionError) as error:
        ZFNet(**option)
    assert str(error.value) == (
        "ZFNet: there is no such form of the network.\n"
        f"  conv2  {received['conv2']!r}\n"
        f"  norm   {received['norm']!r}\n"
        "Choose conv2 '5x5', '3x3', and norm 'across', 'local', 'pytorchcv'."
    )
