"""Functions of tensors, and the arithmetic of their shapes."""

from striate.ops.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    global_avg_pool1d,
    global_avg_pool2d,
    global_avg_pool3d,
    global_max_pool1d,
    global_max_pool2d,
    global_max_pool3d,
)
from striate.ops.avg_pool import avg_pool1d, avg_pool2d, avg_pool3d
from striate.ops.contrast_norm import local_contrast_norm
from striate.ops.conv import conv1d, conv2d, conv3d
from striate.ops.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from striate.ops.depthwise_separable import (
    depthwise_separable_conv1d,
    depthwise_separable_conv2d,
    depthwise_separable_conv3d,
)
from striate.ops.geometry import named, output_size
from striate.ops.gradients import conv_input_gradient, conv_kernel_gradient
from striate.ops.lp_pool import lp_pool1d, lp_pool2d, lp_pool3d
from striate.ops.max_pool import max_pool1d, max_pool2d, max_pool3d
from striate.ops.maxout import maxout, tile_max_pool1d, tile_max_pool2d, tile_max_pool3d
from striate.ops.receptive import Reach, grow, spread
from striate.ops.receptive_field import ReceptiveField, receptive_field
from striate.ops.response_norm import local_response_norm
from striate.ops.separable import composed_kernel, separable_conv2d, separable_conv3d
from striate.ops.separate import Separated, separate
from striate.ops.tiled import tiled_conv1d, tiled_conv2d, tiled_conv3d
from striate.ops.tiled_transpose import tiled_conv_transpose1d, tiled_conv_transpose2d, tiled_conv_transpose3d
from striate.ops.unpool import max_unpool1d, max_unpool2d, max_unpool3d
from striate.ops.unshared import unshared_conv1d, unshared_conv2d, unshared_conv3d
from striate.ops.unshared_transpose import (
    unshared_conv_transpose1d,
    unshared_conv_transpose2d,
    unshared_conv_transpose3d,
)

__all__ = [
    "Reach",
    "ReceptiveField",
    "Separated",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "composed_kernel",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_input_gradient",
    "conv_kernel_gradient",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "depthwise_separable_conv1d",
    "depthwise_separable_conv2d",
    "depthwise_separable_conv3d",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_avg_pool3d",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_max_pool3d",
    "grow",
    "local_contrast_norm",
    "local_response_norm",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
    "maxout",
    "named",
    "output_size",
    "receptive_field",
    "separable_conv2d",
    "separable_conv3d",
    "separate",
    "spread",
    "tile_max_pool1d",
    "tile_max_pool2d",
    "tile_max_pool3d",
    "tiled_conv1d",
    "tiled_conv2d",
    "tiled_conv3d",
    "tiled_conv_transpose1d",
    "tiled_conv_transpose2d",
    "tiled_conv_transpose3d",
    "unshared_conv1d",
    "unshared_conv2d",
    "unshared_conv3d",
    "unshared_conv_transpose1d",
    "unshared_conv_transpose2d",
    "unshared_conv_transpose3d",
]
