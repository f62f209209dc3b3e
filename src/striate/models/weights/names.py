"""What others call the tensors of the networks that we name as the papers do.

Every map lists all tensors of its file, so that nothing is loaded by chance and nothing is left behind.

Source:
    pytorchcv, `models/alexnet.py` and `models/common.py`: stages of units, each unit a convolution; three dense layers.
    The ONNX model zoo's AlexNet and ZFNet-512, and their translation by way of Caffe2, as published listings of the
    graphs show it.
"""

from typing import Final

__all__ = ["BVLC", "CAFFE2", "PYTORCHCV"]

# AlexNet's layers, which ZFNet has as well, and where pytorchcv has them.
_PYTORCHCV_LAYERS: Final = {
    "features.stage1.unit1.conv": "conv1",
    "features.stage2.unit1.conv": "conv2",
    "features.stage3.unit1.conv": "conv3",
    "features.stage3.unit2.conv": "conv4",
    "features.stage3.unit3.conv": "conv5",
    "output.fc1.fc": "fc6",
    "output.fc2.fc": "fc7",
    "output.fc3": "fc8",
}

PYTORCHCV: Final = {
    f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in _PYTORCHCV_LAYERS.items() for kind in ("weight", "bias")
}

BVLC: Final = {
    f"{layer}_{short}_0": f"{layer}.{kind}"
    for layer in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
    for short, kind in (("w", "weight"), ("b", "bias"))
}

# The same translation, of a network whose every tensor was named after the device that it was trained on.
CAFFE2: Final = {f"gpu_0/{theirs}": ours for theirs, ours in BVLC.items()}
