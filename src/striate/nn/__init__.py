"""Layers: each owns its parameters and makes one call."""

from striate.nn.adaptive_pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    GlobalAvgPool1d,
    GlobalAvgPool2d,
    GlobalAvgPool3d,
    GlobalMaxPool1d,
    GlobalMaxPool2d,
    GlobalMaxPool3d,
)
from striate.nn.avg_pool import AvgPool1d, AvgPool2d, AvgPool3d
from striate.nn.classifier import Classifier, Stages
from striate.nn.contrast_norm import LocalContrastNorm
from striate.nn.conv import Conv1d, Conv2d, Conv3d
from striate.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from striate.nn.depthwise_separable import (
    DepthwiseSeparableConv1d,
    DepthwiseSeparableConv2d,
    DepthwiseSeparableConv3d,
)
from striate.nn.lp_pool import LPPool1d, LPPool2d, LPPool3d
from striate.nn.max_pool import MaxPool1d, MaxPool2d, MaxPool3d
from striate.nn.maxout import Maxout, TileMaxPool1d, TileMaxPool2d, TileMaxPool3d
from striate.nn.response_norm import LocalResponseNorm
from striate.nn.separable import SeparableConv2d, SeparableConv3d
from striate.nn.shortcut import PadShortcut, ProjectionShortcut
from striate.nn.tiled import TiledConv1d, TiledConv2d, TiledConv3d
from striate.nn.tiled_transpose import TiledConvTranspose1d, TiledConvTranspose2d, TiledConvTranspose3d
from striate.nn.unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
from striate.nn.unshared import UnsharedConv1d, UnsharedConv2d, UnsharedConv3d
from striate.nn.unshared_transpose import UnsharedConvTranspose1d, UnsharedConvTranspose2d, UnsharedConvTranspose3d

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "Classifier",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "DepthwiseSeparableConv1d",
    "DepthwiseSeparableConv2d",
    "DepthwiseSeparableConv3d",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalAvgPool3d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "GlobalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LocalContrastNorm",
    "LocalResponseNorm",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Maxout",
    "PadShortcut",
    "ProjectionShortcut",
    "SeparableConv2d",
    "SeparableConv3d",
    "Stages",
    "TileMaxPool1d",
    "TileMaxPool2d",
    "TileMaxPool3d",
    "TiledConv1d",
    "TiledConv2d",
    "TiledConv3d",
    "TiledConvTranspose1d",
    "TiledConvTranspose2d",
    "TiledConvTranspose3d",
    "UnsharedConv1d",
    "UnsharedConv2d",
    "UnsharedConv3d",
    "UnsharedConvTranspose1d",
    "UnsharedConvTranspose2d",
    "UnsharedConvTranspose3d",
]
