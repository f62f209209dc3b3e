"""What every test may use."""

import signal
import socket

import numpy as np
import pytest
import torch
from hypothesis import settings
from PIL import Image
from torch import nn

from striate.models import MODELS, Entry
from striate.nn import Classifier

# Networks this small lose by a second thread: where other work runs beside them, the tests take thirty times as long.
torch.set_num_threads(1)

# The same cases every time, however long one takes, and nothing written beside the sources.
settings.register_profile("striate", derandomize=True, deadline=None, database=None)
settings.load_profile("striate")


@pytest.fixture(autouse=True, scope="session")
def _ctrl_c_is_heard():
    """Python's own handler, also where the tests are a shell's background job, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _seeded():
    """Every test draws the same numbers, alone or among others."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """No test reaches further than this machine: whoever asks for another address by accident is told so."""
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def guarded(self, address):
        assert self.family == socket.AF_UNIX or address[0] in HERE, f"the network was used: {address}"
        return connect(self, address)

    def looked_up(host, *args, **kwargs):
        assert host in HERE, f"the network was used: {host}"
        return lookup(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", looked_up)


HERE = {"127.0.0.1", "::1", "localhost", None}


class Tiny(Classifier):
    """A network with everything that training has to save: normalisation, dropout, vectors and matrices."""

    maps = "conv"

    def __init__(self, classes: int, *, in_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 8, 3, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(0.2)
        self.fc = nn.Linear(8, classes)

    def stages(self):
        return {
            "conv": lambda x: self.bn(self.conv(x)).relu(),
            "dropout": lambda x: self.dropout(x.mean((2, 3))),
            "fc": self.fc,
        }


@pytest.fixture
def tiny(monkeypatch):
    """The name of a network that trains in milliseconds."""
    monkeypatch.setitem(MODELS, "tiny", Entry(Tiny, 10, 1, (8, 8), "these tests"))
    from striate.recipes import RECIPES, Recipe

    monkeypatch.setitem(RECIPES, "tiny", lambda: Recipe("tiny").changed(**TINY))
    return "tiny"


# Everything that a resumed run could forget is on.
TINY = {
    "batch_size": 128,
    "epochs": 3,
    "average_decay": 0.9,
    "rotate": 10.0,
    "flip": True,
    "label_smoothing": 0.1,
    "class_weights": "balanced",
    "clip_norm": 5.0,
    "accumulate": 1,
}


@pytest.fixture
def pictures(tmp_path):
    """Writes a folder of class folders: `pictures({"cat": 3, "dog": 3})`."""

    def write(classes, *, mode="L", name="data", size=(12, 10), seed=0):
        rng, root = np.random.default_rng(seed), tmp_path / name
        for label, count in classes.items():
            (root / label).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, size if mode == "L" else (*size, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / label / f"{i}.png")
        return root

    return write
