"""The table of published weights. To add some: one line here, and the names of their tensors in `names.py`.

Nothing in it is ours: the files, their digests and their accuracies were published by those who trained them.

Source:
    torchvision 0.28, `models/alexnet.py`, `models/resnet.py`, `transforms/_presets.py`: files, sizes, accuracies and
    transforms. The first eight digits of a file's SHA-256 are part of its name. The others, where they are given, are
    what several independent projects have written down for that file.
    pytorchcv (osmr/imgclsmob), `pytorch/pytorchcv/models/model_store.py` and README: releases, SHA-1, errors.
    The ONNX model zoo (onnx/models): the Git LFS pointers hold SHA-256 and size, the README the accuracies.
    Intel's Neural Compressor (intel/neural-compressor), `examples/onnxrt/image_recognition/onnx_model_zoo/zfnet`,
    `main.py`: what the zoo's README says that ZFNet-512 was measured with; its colours are blue, green, red.
    Caffe (BVLC/caffe), `models/bvlc_alexnet`: how the network was trained that the zoo has converted.
"""

from collections.abc import Mapping
from typing import Any, Final

from striate.errors import OptionError
from striate.models.weights.graph import ZFNET_512
from striate.models.weights.names import BVLC, CAFFE2, PYTORCHCV
from striate.models.weights.own import OWN, own_weights
from striate.models.weights.published import Published, Transform

__all__ = ["WEIGHTS", "published"]

_CENTRE: Final = Transform()
_CENTRE_232: Final = Transform(resize=232)
# Caffe squeezes every picture into a square, and takes values up to 255, less the mean colour.
_CAFFE: Final = Transform(
    resize=(256, 256),
    crop=227,
    mean=(122.6789 / 255, 116.6688 / 255, 104.0070 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
    interpolation="bilinear",
)
# What the ONNX zoo has measured ZFNet-512 with; the program leaves the interpolation to Pillow, whose default it is.
_SQUARE: Final = Transform(
    resize=(224, 224),
    mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
    std=(1 / 255, 1 / 255, 1 / 255),
    interpolation="bicubic, antialiased",
)
_PYTORCH: Final = "https://download.pytorch.org/models"
_PYTORCHCV: Final = "https://github.com/osmr/imgclsmob/releases/download"
_ZOO: Final = "https://github.com/onnx/models/raw/main/validated/vision/classification"
_ZOO_NOTE: Final = (
    "The zoo kept files by Git LFS and has said that it would end that: if the address serves it no more, look for the "
    "file of this name and digest where the zoo has moved."
)
# All digits that are known of them; a file's name has the first eight.
_ALEXNET: Final = "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02"
_RESNET18: Final = "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"
_RESNET34: Final = "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"
_RESNET50: Final = "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"
_RESNET101: Final = "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"
_RESNET152: Final = "394f9c45966e3651a89bbb78a48410a6755854ce4a5ab64927cf1c7247f85e58"
_ZFNET: Final = "d010ddca1eb32a50a8cceb475c792f53e769b631"
_ZFNET_B: Final = "f6bec24eba037c8e4956704ed5bafaed29966601"
_BASIC: Final = {"shortcut": "B"}
_BOTTLENECK: Final = {"shortcut": "B", "stride_on": "3x3"}
_FC: Final = ("fc.weight", "fc.bias")
_FC8: Final = ("fc8.weight", "fc8.bias")


def _torchvision(  # noqa: PLR0913 - a row is what its columns are
    model: str,
    version: int,
    digest: str,
    mebibytes: float,
    top1: float,
    top5: float,
    *,
    options: Mapping[str, Any],
    head: tuple[str, ...] = _FC,
) -> Published:
    """Fill in what torchvision's rows have in common; version 2 is its newer recipe, and its own resize."""
    file = f"{model}-{digest[:8]}.pth"
    return Published(
        model=model,
        name=f"imagenet1k-v{version}",
        url=f"{_PYTORCH}/{file}",
        file=file,
        digest=digest,
        mebibytes=mebibytes,
        licence="BSD-3-Clause",
        top1=top1,
        top5=top5,
        protocol="one centre crop",
        transform=_CENTRE_232 if version == 2 else _CENTRE,
        head=head,
        options=options,
    )


def _pytorchcv(  # noqa: PLR0913 - a row is what its columns are
    model: str,
    release: str,
    file: str,
    digest: str,
    mebibytes: float,
    top1: float,
    top5: float,
    *,
    transform: Transform = _CENTRE,
    note: str = "",
) -> Published:
    """Fill in what pytorchcv's rows have in common; it was trained in another framework (Gluon), and converted."""
    return Published(
        model=model,
        name="pytorchcv",
        url=f"{_PYTORCHCV}/{release}/{file}.zip",
        file=file,
        digest=digest,
        algorithm="sha1",
        mebibytes=mebibytes,
        licence="MIT",
        top1=top1,
        top5=top5,
        protocol="one centre crop",
        transform=transform,
        head=_FC8,
        names=PYTORCHCV,
        options={"norm": "pytorchcv"},
        note=note,
    )


WEIGHTS: Final[tuple[Published, ...]] = (
    _pytorchcv(
        "alexnet",
        "v0.0.481",
        "alexnet-1664-2768cdb3.pth",
        "2768cdb312d584e33e93f31b0c569589bb289749",
        237.955,
        61.50,
        83.36,
        transform=Transform(crop=227),
        note="Measured on crops of 224, which pytorchcv's network covers with partial windows; at 227 it is this one.",
    ),
    Published(
        model="alexnet-two-gpu",
        name="onnx-zoo",
        url=f"{_ZOO}/alexnet/model/bvlcalexnet-12.onnx",
        file="bvlcalexnet-12.onnx",
        digest="6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
        mebibytes=243_863_787 / 2**20,
        licence="BSD-3-Clause; Caffe's model is for unrestricted use",
        top1=57.1,
        top5=80.2,
        protocol="one centre crop, in Caffe, less its mean picture; the zoo tells of 54.80 and 78.23 otherwise",
        transform=_CAFFE,
        form="onnx",
        names=BVLC,
        options={"norm": "caffe"},
        head=_FC8,
        bgr=True,
        note=f"Caffe's mean picture is not in the file; its mean colour stands for it. {_ZOO_NOTE}",
    ),
    _torchvision(
        "alexnet-owt",
        1,
        _ALEXNET,
        233.087,
        56.522,
        79.066,
        options={},
        head=("classifier.6.weight", "classifier.6.bias"),
    ),
    _torchvision("resnet18", 1, _RESNET18, 44.661, 69.758, 89.078, options=_BASIC),
    _torchvision("resnet34", 1, _RESNET34, 83.275, 73.314, 91.420, options=_BASIC),
    _torchvision("resnet50", 1, _RESNET50, 97.781, 76.130, 92.862, options=_BOTTLENECK),
    _torchvision("resnet50", 2, "11ad3fa6", 97.790, 80.858, 95.434, options=_BOTTLENECK),
    _torchvision("resnet101", 1, _RESNET101, 170.511, 77.374, 93.546, options=_BOTTLENECK),
    _torchvision("resnet101", 2, "cd907fc2", 170.530, 81.886, 95.780, options=_BOTTLENECK),
    _torchvision("resnet152", 1, _RESNET152, 230.434, 78.312, 94.046, options=_BOTTLENECK),
    _torchvision("resnet152", 2, "f82ba261", 230.474, 82.284, 96.002, options=_BOTTLENECK),
    _pytorchcv("zfnet", "v0.0.395", "zfnet-1727-d010ddca.pth", _ZFNET, 237.876, 60.21, 82.73),
    _pytorchcv("zfnet-b", "v0.0.400", "zfnetb-1490-f6bec24e.pth", _ZFNET_B, 410.566, 63.63, 85.10),
    Published(
        model="zfnet-512",
        name="onnx-zoo",
        url=f"{_ZOO}/zfnet-512/model/zfnet512-12.onnx",
        file="zfnet512-12.onnx",
        digest="c975ca6a24c0a2e1584c6f82667e0ac9c06084fc7769d267f71b4a154d1f1c72",
        mebibytes=349_005_501 / 2**20,
        licence="MIT",
        top1=55.97,
        top5=79.41,
        protocol="the whole picture as a square, by the program that the zoo names",
        transform=_SQUARE,
        form="onnx",
        names=CAFFE2,
        graph=ZFNET_512,
        head=_FC8,
        bgr=True,
        trained_on="ImageNet-1k (ILSVRC 2013, by the zoo's words)",
        note="Nobody has told how pictures were cut and which colour was taken off in training: what stands here is "
        f"how the zoo has measured. {_ZOO_NOTE}",
    ),
)


def published(model: str, name: str) -> Published:
    """Find a row.

    Raises:
        OptionError: There are no such weights; the message lists those that there are.

    Example:
        >>> published("resnet50", "imagenet1k-v2").options
        {'shortcut': 'B', 'stride_on': '3x3'}
    """
    rows = {row.name: row for row in WEIGHTS if row.model == model}
    if not rows and model in OWN:
        own_weights(model, name)  # which says what there is
    if not rows:
        raise OptionError(
            f"weights: nobody has published weights for {model!r}, as far as the table knows.",
            f"Choose one of: {', '.join(dict.fromkeys(row.model for row in WEIGHTS))}.",
            model=model,
        )
    if name not in rows:
        raise OptionError(
            f"weights: none for {model} are called {name!r}.", f"Choose one of: {', '.join(rows)}.", weights=name
        )
    return rows[name]
