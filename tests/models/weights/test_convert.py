"""models.weights.convert: a published file becomes tensors under our names, once it is proven to be that file."""

import hashlib
import json

import pytest
import torch
from published_files import described, initialiser, state_dict, write_onnx, write_torch
from safetensors.torch import load_file

from striate.errors import WeightsError
from striate.models.weights.convert import convert, prove

WAY_OUT = "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."


@pytest.fixture
def published(tmp_path):
    """A file as torchvision publishes."""
    return write_torch(tmp_path / "net.pth", state_dict())


@pytest.mark.parametrize("zipped", [True, False])
def test_the_tensors_are_the_published_ones(tmp_path, cache, zipped):
    """Bit for bit, in both of PyTorch's forms."""
    file = write_torch(tmp_path / "net.pth", state_dict(), zipped=zipped)
    kept = convert(described(file), file)
    assert kept == cache / "lenet5.test.safetensors"
    found, content = load_file(kept), state_dict()
    assert found.keys() == content.keys()
    assert all(torch.equal(found[name], content[name]) for name in content)


def test_the_card_tells_where_they_came_from(published, cache):
    """With the digests of both files, in full."""
    row = described(published, digest=described(published).digest[:8])
    kept = convert(row, published)
    assert json.loads((cache / "lenet5.test.json").read_text()) == {
        "model": "lenet5",
        "weights": "test",
        "url": "https://example.org/net.pth",
        "file": "net.pth",
        "published": f"sha256 {row.digest}",
        "source_sha256": hashlib.sha256(published.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(kept.read_bytes()).hexdigest(),
        "licence": "MIT",
        "trained_on": "these tests",
        "options": {},
    }
    assert sorted(path.name for path in cache.iterdir()) == ["lenet5.test.json", "lenet5.test.safetensors"]


def test_another_algorithm_is_possible(published):
    """Older files were published with SHA-1."""
    sha1 = hashlib.sha1(published.read_bytes()).hexdigest()
    prove(described(published, algorithm="sha1", digest=sha1), published)
    with pytest.raises(WeightsError, match="its digest is not the published one"):
        prove(described(published, digest=sha1), published)


@pytest.mark.refusal
@pytest.mark.parametrize("change", ["flipped", "truncated", "empty"])
def test_another_file_is_refused_unread(tmp_path, cache, published, change, monkeypatch):
    """One bit is enough; the file is not even opened as what it claims to be."""
    row, content = described(published), bytearray(published.read_bytes())
    if change == "flipped":
        content[len(content) // 2] ^= 1
    else:
        del content[0 if change == "empty" else -1 :]
    published.write_bytes(content)
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("it was read"))
    with pytest.raises(WeightsError) as error:
        convert(row, published)
    assert str(error.value) == (
        "weights: net.pth is refused: its digest is not the published one.\n"
        f"  path       {published}\n"
        f"  published  sha256 {row.digest}\n"
        f"  found      sha256 {hashlib.sha256(content).hexdigest()}\n"
        f"  size       {len(content):,} bytes\n{WAY_OUT}"
    )
    assert not cache.exists()


@pytest.mark.refusal
def test_a_larger_file_is_refused_without_reading_it(published):
    """Size first: to compute the digest of a terabyte takes its time."""
    row = described(published, mebibytes=0.0)
    with published.open("ab") as file:
        file.truncate(3 * 2**20)
    with pytest.raises(WeightsError) as error:
        prove(row, published)
    assert str(error.value) == (
        "weights: net.pth is refused: it is larger than the published file.\n"
        f"  path  {published}\n  size  3,145,728 bytes\n  most  1,048,576 bytes\n{WAY_OUT}"
    )


def test_names_and_colours_become_ours(tmp_path):
    """Published names are translated; a first convolution that took blue first takes red first."""
    theirs = {"conv1_w_0": torch.randn(4, 3, 2, 2), "conv1_b_0": torch.randn(4)}
    file = write_onnx(tmp_path / "net.onnx", [initialiser(*item) for item in theirs.items()])
    names = {"conv1_w_0": "conv1.weight", "conv1_b_0": "conv1.bias"}
    found = load_file(convert(described(file, form="onnx", names=names, bgr=True), file))
    assert torch.equal(found["conv1.bias"], theirs["conv1_b_0"])
    image = torch.randn(1, 3, 5, 5)
    ours = torch.nn.functional.conv2d(image, found["conv1.weight"])
    assert torch.allclose(ours, torch.nn.functional.conv2d(image[:, [2, 1, 0]], theirs["conv1_w_0"]), atol=1e-5)


@pytest.mark.refusal
def test_other_tensors_than_were_published_are_refused(tmp_path):
    """Missing ones and unknown ones are named."""
    file = write_onnx(tmp_path / "net.onnx", [initialiser(name, torch.ones(1)) for name in ("a", "x")])
    with pytest.raises(WeightsError) as error:
        convert(described(file, form="onnx", names={"a": "A", "b": "B"}), file)
    assert str(error.value) == (
        "weights: net.onnx is refused: it holds other tensors than were published.\n"
        f"  path     {file}\n  missing  ['b']\n  others   ['x']\n{WAY_OUT}"
    )


def test_counts_of_batches_that_older_files_lack_begin_at_zero(tmp_path):
    """As in PyTorch, which takes such files; a count that is there stays."""
    content = {f"{bn}.running_mean": torch.ones(2) for bn in ("bn1", "layer1.0.bn2")}
    content["bn1.num_batches_tracked"] = torch.tensor(7)
    file = write_torch(tmp_path / "net.pth", content)
    found = load_file(convert(described(file), file))
    assert found["bn1.num_batches_tracked"] == 7
    assert found["layer1.0.bn2.num_batches_tracked"] == 0
    assert len(found) == 4
