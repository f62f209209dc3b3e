"""models.weights.table: every row holds together, and fits its network to the last tensor."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import torch
from torchvision_oracle import torchvision

from striate.models import MODELS, create, options_of
from striate.models.weights import WEIGHTS, published, trained_options

ROWS = pytest.mark.parametrize("row", WEIGHTS, ids=str)
TORCHVISION = {"alexnet-owt": "AlexNet", **{f"resnet{n}": f"ResNet{n}" for n in (18, 34, 50, 101, 152)}}
THEIRS = pytest.mark.parametrize("row", [row for row in WEIGHTS if row.model in TORCHVISION], ids=str)
# What ONNX MLIR and others print of zfnet512's initialisers.
ZFNET_512 = [
    *[(96, 3, 7, 7), (96,), (256, 96, 5, 5), (256,), (512, 256, 3, 3), (512,), (512, 512, 3, 3), (512,)],
    *[(512, 512, 3, 3), (512,), (4096, 18432), (4096,), (1024, 4096), (1024,), (1000, 1024), (1000,)],
]


def built(row, **options):
    """Make the network of a row, without numbers."""
    with torch.device("meta"):
        return create(row.model, **trained_options(row, {}), **options)


@ROWS
def test_a_row_holds_together(row):
    """The address is encrypted, the digest is one, the file is named after it, the numbers are possible."""
    assert urlsplit(row.url).scheme == "https"
    assert Path(row.url).name in (row.file, f"{row.file}.zip")
    assert re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{64}" if row.algorithm == "sha256" else r"[0-9a-f]{40}", row.digest)
    assert row.form == "onnx" or row.file.endswith(f"-{row.digest[:8]}.pth")
    assert 50 < row.top1 < row.top5 < 100
    assert row.licence
    assert row.protocol
    assert published(row.model, row.name) is row


def test_no_two_rows_are_one():
    """Neither by name nor by file."""
    assert len({(row.model, row.name) for row in WEIGHTS}) == len(WEIGHTS) == len({row.file for row in WEIGHTS})


@THEIRS
def test_torchvision_says_the_same_of_its_files(row):
    """Address, size, accuracies and transform are those of the library's own table."""
    theirs = torchvision.models.get_weight(f"{TORCHVISION[row.model]}_Weights.{row.name.upper().replace('-', '_')}")
    transform, metrics = theirs.transforms(), theirs.meta["_metrics"]["ImageNet-1K"]
    assert row.url == theirs.url
    assert row.mebibytes == theirs.meta["_file_size"]
    assert (row.top1, row.top5) == (metrics["acc@1"], metrics["acc@5"])
    assert [row.transform.resize] == transform.resize_size
    assert [row.transform.crop] == transform.crop_size
    assert (list(row.transform.mean), list(row.transform.std)) == (transform.mean, transform.std)
    assert (transform.interpolation.value, transform.antialias) == ("bilinear", True)
    assert row.transform.interpolation == "bilinear, antialiased"
    assert row.classes == len(theirs.meta["categories"])


@THEIRS
def test_torchvision_s_tensors_are_the_network_s(row):
    """Name by name and shape by shape: what torchvision's definition saves, ours loads."""
    with torch.device("meta"):
        theirs = getattr(torchvision.models, TORCHVISION[row.model].lower())().state_dict()
    ours = built(row).state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == {n: t.shape for n, t in theirs.items()}


@ROWS
def test_the_row_fits_its_network(row):
    """The options are the network's own, the names are all of its tensors, the size is theirs."""
    assert row.options.keys() <= options_of(row.model).keys()
    network = built(row)
    state = network.state_dict()
    assert not row.names or set(row.names.values()) == state.keys()
    assert set(row.head) <= state.keys()
    numbers = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    assert numbers <= row.mebibytes * 2**20 * 1.0001 < row.most_bytes < 1.05 * numbers + 2**20


@ROWS
def test_the_head_is_what_depends_on_the_classes(row):
    """All of it, and nothing else."""
    paper, other = built(row).state_dict(), built(row, classes=7).state_dict()
    assert tuple(name for name in paper if paper[name].shape != other[name].shape) == row.head
    assert all(paper[name].shape[0] == row.classes == MODELS[row.model].classes for name in row.head)


@ROWS
def test_the_transform_ends_in_the_paper_s_size(row):
    """So that the network takes what comes out of it."""
    assert (row.transform.crop, row.transform.crop) == MODELS[row.model].image_size
    assert MODELS[row.model].channels == len(row.transform.mean) == len(row.transform.std) == 3


def test_the_zoo_s_zfnet_has_the_listed_tensors():
    """In their order, and they are the file's size to within four kilobytes; its graph takes each of them once."""
    row = published("zfnet-512", "onnx-zoo")
    network = built(row)
    assert [tuple(p.shape) for p in network.parameters()] == ZFNET_512
    assert 0 < row.mebibytes * 2**20 - 4 * sum(p.numel() for p in network.parameters()) < 4096
    assert [name for taken in row.graph for name in taken.takes] == list(row.names)
    assert list(row.names.values()) == [name for name, _ in network.named_parameters()]
