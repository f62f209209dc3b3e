"""ops.receptive_field: networks see what their receptive fields are published to be.

Source:
    Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019: the table of
    receptive field sizes, effective strides and effective paddings.
"""

import pytest
from torch import nn
from torch.nn import functional as F

from striate.ops.receptive_field import receptive_field


def alexnet():
    pool = nn.MaxPool2d(3, 2)
    return nn.Sequential(
        nn.Conv2d(3, 8, 11, 4), pool, nn.Conv2d(8, 8, 5, padding=2), pool, nn.Conv2d(8, 8, 3, padding=1),
        nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), pool,
    )  # fmt: skip


def vgg16():
    stages, channels = [], 3
    for depth in (2, 2, 3, 3, 3):
        for _ in range(depth):
            stages += [nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(inplace=True)]
            channels = 8
        stages.append(nn.MaxPool2d(2))
    return nn.Sequential(*stages)


class Bottleneck(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.conv1, self.conv2, self.conv3 = nn.Conv2d(8, 4, 1), nn.Conv2d(4, 4, 3, stride, 1), nn.Conv2d(4, 8, 1)
        self.down = nn.MaxPool2d(1, stride)

    def forward(self, x):
        return F.relu_(self.conv3(self.conv2(self.conv1(x))) + self.down(x))


def resnet(depths, *, last=True):
    """Where a stage halves the size: in its last block, as the authors of the table do, or in its first."""
    # The authors' framework pads this pooling after the last sample only.
    pool = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2))
    stages = [nn.Conv2d(3, 8, 7, 2, 3), nn.BatchNorm2d(8), pool]
    for stage, depth in enumerate(depths):
        halving = (depth - 1 if stage < 3 else None) if last else (0 if stage else None)
        stages.append(nn.Sequential(*[Bottleneck(2 if i == halving else 1) for i in range(depth)]))
    return nn.Sequential(*stages)


# Araujo et al., Distill 2019, table of receptive field sizes and effective strides.
PUBLISHED = [
    ("AlexNet", alexnet, 195, 32, 33.0),
    ("VGG-16", vgg16, 212, 32, 15.5),
    ("ResNet-50", lambda: resnet([3, 4, 6, 3]), 483, 32, 2.0),
    ("ResNet-101", lambda: resnet([3, 4, 23, 3]), 1027, 32, 2.0),
    ("ResNet-50, halving first", lambda: resnet([3, 4, 6, 3], last=False), 427, 32, 2.0),
]


@pytest.mark.parametrize(
    ("make", "size", "stride", "centre"), [p[1:] for p in PUBLISHED], ids=[p[0] for p in PUBLISHED]
)
def test_published_networks_see_what_is_published(make, size, stride, centre):
    """Size and stride are those of the published table; the centre follows from the padding."""
    field = receptive_field(make(), (3, 224, 224))
    assert (field.size, field.stride) == ((size, size), (stride, stride))
    assert field.centre == (centre, centre)


def test_the_published_padding_is_where_the_first_field_begins():
    """VGG-16's effective padding is 90 samples, ResNet-50's 239."""
    assert receptive_field(vgg16(), (3, 64, 64)).at(0)[0][0] == -90
    assert receptive_field(resnet([3, 4, 6, 3]), (3, 64, 64)).at(0)[0][0] == -239


def test_an_inner_layer_of_a_network_is_asked_for_by_name():
    """Blocks and the layers in them have dotted names."""
    net = resnet([1, 2])
    assert receptive_field(net, (3, 64, 64), layer="0").size == (7, 7)
    assert receptive_field(net, (3, 64, 64), layer="3.0.conv1").size == (11, 11)
    assert receptive_field(net, (3, 64, 64), layer="4.1.conv2").stride == (16, 16)
