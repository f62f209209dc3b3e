"""Hostile files: each is refused by its name, within 1 GB of memory, and none is ever executed.

One process reads them all, first alone and then as a data set, and reports what it was told and its memory.
"""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.data.decode import BYTE_LIMIT

MEMORY_LIMIT = 10**9
BOMB_BYTES = 1400

READ_ALL = """
import json, resource, sys
from pathlib import Path
from striate.data import DataOptions, Preprocess, inspect_dataset, open_dataset, read_image
from striate.errors import StriateError

def told(call, *arguments):
    try:
        call(*arguments)
    except StriateError as error:
        return {"error": type(error).__name__, "text": str(error)}
    return {"error": None, "text": "accepted"}

root, single = Path(sys.argv[1]), Preprocess((32, 32), 3, (0.5,) * 3, (0.5,) * 3)

def peak():
    # Not getrusage: a process begins there with the peak of the one that started it.
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

found = {}
for path in sorted((root / "set/cat").iterdir()):
    found[path.name] = told(read_image, path, single) | {"peak": peak()}
for path in sorted((root / "data").iterdir()):
    found["data/" + path.name] = told(open_dataset, path) | {"peak": peak()}
found["set"] = told(open_dataset, root / "set") | {"peak": peak()}
listed = inspect_dataset(root / "set").problems
found["kept"] = [len(p) for p in open_dataset(root / "set", DataOptions(skip_bad=True)).parts.values()]
found["listed"] = {p.name: [p.kind, p.why] for p in listed}
found["peak"] = peak()
print(json.dumps(found))
"""


class Trap:
    """Unpickling this writes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mknod, (str(self.marker),))


def png(width, height, *, text=b""):
    """A PNG that claims a size, with hardly any pixels in it, and perhaps a compressed text."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    words = chunk(b"zTXt", b"Comment\0\0" + text) if text else b""
    return b"\x89PNG\r\n\x1a\n" + head + words + chunk(b"IDAT", zlib.compress(bytes(10**5))) + chunk(b"IEND", b"")


def jpeg(encode, width, height):
    """A JPEG whose frame header claims a size."""
    data = encode(np.zeros((8, 8, 3), np.uint8), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def webp(encode, width, height):
    """A lossless WebP whose header claims a size, 14 bits each."""
    data = encode(np.zeros((8, 8, 3), np.uint8), "WEBP", lossless=True)
    at = data.index(b"VP8L") + 9
    bits = int.from_bytes(data[at : at + 4], "little") >> 28 << 28 | (height - 1) << 14 | (width - 1)
    return data[:at] + bits.to_bytes(4, "little") + data[at + 4 :]


def canvas(encode, width, height):
    """An extended WebP whose canvas claims a size."""
    data = encode(np.zeros((8, 8, 3), np.uint8), "WEBP", lossless=True)
    extended = (
        b"VP8X" + struct.pack("<II", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body = b"WEBP" + extended + data[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(encode, width, height):
    """A BMP whose header claims a size."""
    data = encode(np.zeros((8, 8, 3), np.uint8), "BMP")
    return data[:18] + struct.pack("<ii", width, height) + data[26:]


def files(encode, tiff, noise, marker):
    """Name, content, and the kind of problem that it has to be."""
    whole = {kind: encode(noise(1, 64, 64, 3), kind) for kind in ("PNG", "JPEG", "WEBP", "BMP", "TIFF")}
    plain = {258: 8, 259: 1, 262: 1, 273: 8, 278: 60_000, 279: 64}
    objects = encode_objects(Trap(marker))
    return [
        ("bomb.png", png(60_000, 60_000), "too large"),
        ("bomb_longest.png", png(2**31 - 1, 2**31 - 1), "too large"),
        ("bomb_wide.png", png(60_000_000, 1), "too large"),
        ("bomb_text.png", png(8, 8, text=zlib.compress(bytes(10**6 * 11 // 10), 9)), "corrupt"),
        ("bomb.jpg", jpeg(encode, 65_535, 65_535), "too large"),
        ("bomb.webp", webp(encode, 16_383, 16_383), "too large"),
        ("bomb_small.webp", webp(encode, 8_000, 8_000), "too large"),
        ("bomb_canvas.webp", canvas(encode, 2**24, 2**24), "too large"),
        ("bomb.bmp", bmp(encode, 60_000, 60_000), "too large"),
        ("bomb_down.bmp", bmp(encode, 60_000, -60_000), "too large"),
        ("bomb.tif", tiff({256: 60_000, 257: 60_000, **plain}), "too large"),
        ("bomb_longest.tif", tiff({256: 2**32 - 1, 257: 2**32 - 1, **plain}), "too large"),
        ("bomb_tile.tif", tiff({256: 64, 257: 64, **plain, 322: 60_000, 323: 60_000}), "too large"),
        *[(f"cut.{kind.lower()}", data[: len(data) // 2], None) for kind, data in whole.items()],
        # The other formats would show the zeros as pixels.
        *[(f"zeroed.{k.lower()}", whole[k][:40] + bytes(len(whole[k]) - 40), None) for k in ("PNG", "JPEG", "TIFF")],
        ("empty.png", b"", "empty"),
        ("pickle.png", pickle.dumps(Trap(marker)), "not an image"),
        ("objects.npy.png", objects, "not an image"),
        ("text.jpg", b"hello", "not an image"),
        ("page.bmp", b"%PDF-1.7\n", "not an image"),
        ("fits.tif", b"SIMPLE  =                    T", "not an image"),
        ("script.png", b"%!PS-Adobe-3.0 EPSF-3.0\n(/tmp/x) (w) file\n", "not an image"),
    ]


def encode_objects(thing):
    """An array of objects as numpy saves it: a header and a pickle."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([thing], dtype=object), allow_pickle=True)
    return buffer.getvalue()


LINKED = {
    "etc.png": ("/etc/passwd", "leads out of the data, to '/etc/passwd'"),
    "self.png": ("self.png", "Too many levels of symbolic links"),
    "zero.png": ("/dev/zero", "leads out of the data, to '/dev/zero'"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory, encode, tiff, noise):
    """Write everything, read it all in another process, and give what that process was told."""
    root = tmp_path_factory.mktemp("hostile")
    marker = root / "marker"
    for folder in ("set/cat", "set/dog", "data"):
        (root / folder).mkdir(parents=True)
    rows = files(encode, tiff, noise, marker)
    for name, content, _ in rows:
        (root / "set/cat" / name).write_bytes(content)
    with open(root / "set/cat/sparse.png", "wb") as file:
        file.truncate(BYTE_LIMIT + 1)
    os.mkfifo(root / "set/cat/pipe.png")
    for i in range(6):
        (root / f"set/dog/{i}.png").write_bytes(encode(noise(i, 8, 8)))
        (root / f"set/fish/{i}.png").parent.mkdir(exist_ok=True)
        (root / f"set/fish/{i}.png").write_bytes(encode(noise(i + 10, 8, 8)))
    for name, (target, _) in LINKED.items():
        (root / "set/dog" / name).symlink_to(target)
    (root / "set/dog/loop").symlink_to("../dog")
    for name in ("objects.npy", "objects.npz", "model.pkl", "model.pt", "list.csv"):
        (root / "data" / name).write_bytes(pickle.dumps(Trap(marker)) + b"\0")
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(root)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return rows, json.loads(done.stdout), marker


@pytest.mark.slow
def test_every_hostile_file_is_refused_by_name_in_little_memory(told):
    """Read alone or as part of a data set: named, the right kind, under 1 GB, and nothing was run."""
    rows, found, marker = told
    for name, content, kind in [*rows, ("sparse.png", b"", "too large"), ("pipe.png", b"", "not a file")]:
        alone, (listed, _) = found[name], found["listed"][f"cat/{name}"]
        assert alone["error"] == "DataError", (name, alone)
        assert name in alone["text"].splitlines()[0]
        assert alone["peak"] < MEMORY_LIMIT, (name, alone["peak"])
        assert listed in ((kind,) if kind else ("truncated", "corrupt")), (name, found["listed"][f"cat/{name}"])
        if name.startswith("bomb"):
            assert len(content) < BOMB_BYTES, name
    assert found["peak"] < MEMORY_LIMIT
    assert not marker.exists()


@pytest.mark.slow
def test_hostile_links_and_data_are_refused(told):
    """Links are named; files that are no data are not opened; what is good is still there."""
    _, found, marker = told
    for name, (_, why) in LINKED.items():
        assert found["listed"][f"dog/{name}"] == ["link", why]
    assert found["listed"]["dog/loop"][1].startswith("leads in a circle")
    for name in ("objects.npy", "objects.npz", "model.pkl", "model.pt", "list.csv"):
        assert found[f"data/{name}"]["error"] == "DataError"
        assert name in found[f"data/{name}"]["text"]
    assert found["set"]["error"] == "DataError"
    assert found["kept"] == [8, 2, 2]
    assert not marker.exists()


def test_the_trap_is_a_trap(tmp_path):
    """Unpickling it does write the marker: the tests above would notice."""
    pickle.loads(pickle.dumps(Trap(tmp_path / "marker")))
    assert (tmp_path / "marker").exists()
    (tmp_path / "marker").unlink()
    path = Path(tmp_path / "objects.npy")
    path.write_bytes(encode_objects(Trap(tmp_path / "marker")))
    np.load(path, allow_pickle=True)
    assert (tmp_path / "marker").exists()


@pytest.mark.slow
def test_the_largest_pictures_allowed_stay_under_the_limit(tmp_path):
    """Pictures just within the limits are read, in every format, with alpha, within the same memory."""
    allowed = Image.new("RGBA", (8000, 8000), (10, 200, 30, 128))
    (tmp_path / "set/cat").mkdir(parents=True)
    (tmp_path / "data").mkdir()
    allowed.save(tmp_path / "set/cat/a.png", compress_level=1)
    allowed.save(tmp_path / "set/cat/b.tif", compression="tiff_lzw")
    allowed.crop((0, 0, 8000, 4000)).save(tmp_path / "set/cat/c.webp", lossless=True, method=0)
    allowed.convert("CMYK").save(tmp_path / "set/cat/d.jpg")
    script = READ_ALL.split('for path in sorted((root / "data")')[0] + "print(json.dumps(found))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for name, result in json.loads(done.stdout).items():
        assert result["text"] == "accepted"
        assert result["peak"] < MEMORY_LIMIT, (name, result["peak"])
