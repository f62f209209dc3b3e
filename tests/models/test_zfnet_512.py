"""models.zfnet_512: the rows of the published listing, and the steps of Caffe2's file."""

import pytest
import torch
from torch.nn import functional as F

from striate.errors import ShapeError
from striate.models import ZFNet512, create

# Row, output for 3 x 224 x 224, parameters; from the published listing of the zoo's file.
TABLE = [
    ("conv1", (96, 109, 109), 96 * 3 * 7 * 7 + 96),
    ("norm1", (96, 109, 109), 0),
    ("pool1", (96, 54, 54), 0),
    ("conv2", (256, 25, 25), 256 * 96 * 5 * 5 + 256),
    ("norm2", (256, 25, 25), 0),
    ("pool2", (256, 12, 12), 0),
    ("conv3", (512, 12, 12), 512 * 256 * 3 * 3 + 512),
    ("conv4", (512, 12, 12), 512 * 512 * 3 * 3 + 512),
    ("conv5", (512, 12, 12), 512 * 512 * 3 * 3 + 512),
    ("pool5", (512, 6, 6), 0),
    ("fc6", (4096,), 18432 * 4096 + 4096),
    ("fc7", (1024,), 4096 * 1024 + 1024),
    ("fc8", (1000,), 1024 * 1000 + 1000),
]


def small(**options):
    torch.manual_seed(0)
    return ZFNet512(5, **{"in_channels": 2, "image_size": (59, 67), **options})


@pytest.mark.parametrize(("row", "shape", "parameters"), TABLE, ids=[row[0] for row in TABLE])
def test_rows_are_the_listing_s(row, shape, parameters):
    """Each has the output and the parameters that were published."""
    with torch.device("meta"):
        network = create("zfnet-512")
        assert network.features(torch.empty(1, 3, 224, 224), until=row).shape[1:] == shape
    assert sum(p.numel() for p in network.get_submodule(row).parameters()) == parameters
    assert list(network.stages()) == [row[0] for row in TABLE]


def test_the_first_weights_are_the_paper_s():
    """All of the size 10⁻², and offsets 0 (section 3.1)."""
    for name, parameter in small().named_parameters():
        if name.endswith("weight"):
            assert parameter.mean().abs() < 0.01 * 5 / parameter.numel() ** 0.5, name
            torch.testing.assert_close(parameter.std(), torch.tensor(0.01), rtol=0.03, atol=0)
        else:
            assert not parameter.any(), name


def test_rectified_then_normalised_then_pooled():
    """PyTorch's function with Caffe2's constants, which divides as Caffe2 does; full windows only."""
    network, x = small().eval(), 3000 * torch.randn(2, 2, 59, 67)
    with torch.no_grad():
        conv1 = network.conv1(x).relu()
        found = network.features(x, until="pool1")
        torch.testing.assert_close(found, F.max_pool2d(F.local_response_norm(conv1, 5, 5e-4, 0.75, 2.0), 3, 2))
        pooled_first = F.local_response_norm(F.max_pool2d(conv1, 3, 2), 5, 5e-4, 0.75, 2.0)
        assert not torch.allclose(found, pooled_first, rtol=0.01)


def test_dropout_follows_fc6_and_fc7():
    """About half of their outputs are zero in training, none for that reason in evaluation."""
    network, x = small().train(), torch.randn(2, 2, 59, 67)
    torch.nn.init.constant_(network.fc6.bias, 100.0)  # so that no unit is zero by itself
    torch.nn.init.constant_(network.fc7.bias, 1e4)
    for row in ("fc6", "fc7"):
        assert (network.features(x, until=row) == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert not (network.eval().features(x, until="fc7") == 0).any()


@pytest.mark.refusal
@pytest.mark.parametrize("taller", [True, False])
def test_images_that_are_too_small_are_explained(taller):
    """Nothing would be left of them at pool5; one pixel more will do."""
    with torch.device("meta"):
        assert ZFNet512(image_size=(59, 59))(torch.empty(1, 3, 59, 59)).shape == (1, 1000)
    image_size = (59, 58) if taller else (58, 59)
    with pytest.raises(ShapeError) as error:
        ZFNet512(image_size=image_size)
    assert str(error.value) == (
        "ZFNet-512: images are too small for 7x7 and 5x5 windows in steps of 2 and three halvings.\n"
        f"  images  (C=3, H={image_size[0]}, W={image_size[1]})\n"
        "Enlarge the images to 59x59 or more; the network's are 224x224."
    )
