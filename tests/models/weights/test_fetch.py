"""models.weights.fetch: from the address to the cache, once; by hand where there is no network; never unasked."""

import dataclasses
import os
import zipfile
import zlib

import pytest
import torch
from published_files import described, state_dict, write_torch
from safetensors.torch import load_file

from striate.errors import WeightsError
from striate.models.weights.fetch import fetch, prepared
from striate.models.weights.kept import is_kept

WAY_OUT = "It is not the published file, whatever its name. Remove it and fetch it again, or choose other weights."


@pytest.fixture
def file(tmp_path):
    """A file as torchvision publishes, somewhere else."""
    return write_torch(tmp_path / "net.pth", state_dict())


@pytest.fixture
def row(file, server):
    """The row of that file, which the server has."""
    return described(file, url=server.publish("net.pth", file.read_bytes()))


def listed(cache):
    return sorted(path.name for path in cache.iterdir())


def test_what_is_fetched_is_kept_converted(row, cache, server):
    """Nothing else is left: not the published file, not a part."""
    heard = []
    kept = fetch(row, told=lambda done, total: heard.append((done, total)))
    assert listed(cache) == ["lenet5.test.json", "lenet5.test.safetensors"]
    assert torch.equal(load_file(kept)["C1.weight"], state_dict()["C1.weight"])
    assert heard[-1][0] == heard[-1][1] > 0
    assert server.asked == [None]


def test_what_is_there_is_not_fetched_again(row, server):
    """The second time nobody is asked."""
    assert fetch(row) == fetch(row)
    assert server.asked == [None]


def test_what_is_damaged_is_fetched_again(row, cache, server):
    """And is whole then."""
    kept = fetch(row)
    kept.write_bytes(b"damaged")
    fetch(row)
    assert server.asked == [None, None]
    assert torch.equal(load_file(kept)["C1.weight"], state_dict()["C1.weight"])


def test_a_download_goes_on_after_a_cut(row, cache, server):
    """The part lies in the cache under its own name; the second call asks for the rest."""
    server.cut = [1000]
    with pytest.raises(WeightsError, match=r"the connection was cut"):
        fetch(row)
    assert listed(cache) == ["net.pth.part"]
    fetch(row)
    assert server.asked == [None, "bytes=1000-"]
    assert is_kept(row)


@pytest.mark.refusal
def test_a_wrong_file_is_removed(row, cache, server):
    """What the server sent is not kept, in no form; nor is a part, to which the rest could be added."""
    wrong = dataclasses.replace(row, digest="0" * 64)
    with pytest.raises(WeightsError) as error:
        fetch(wrong)
    lines = str(error.value).splitlines()
    assert lines[0] == "weights: net.pth.part is refused: its digest is not the published one."
    assert lines[2] == f"  published  sha256 {'0' * 64}"
    assert lines[3] == f"  found      sha256 {row.digest}"
    assert lines[5] == WAY_OUT
    assert listed(cache) == []


def test_a_file_put_there_by_hand_is_taken_and_left(row, file, cache, server):
    """It is proven like any other; it is not ours to remove; nobody is asked."""
    cache.mkdir(parents=True)
    (cache / "net.pth").write_bytes(file.read_bytes())
    fetch(row)
    assert server.asked == []
    assert listed(cache) == ["lenet5.test.json", "lenet5.test.safetensors", "net.pth"]


def test_a_link_put_there_by_hand_is_taken(row, file, cache):
    """To where another library keeps it, for instance."""
    cache.mkdir(parents=True)
    os.symlink(file, cache / "net.pth")
    fetch(row)
    assert is_kept(row)
    assert file.exists()


def test_preparing_fetches_nothing(row, file, cache, server):
    """It takes what is kept, or what was put there by hand."""
    with pytest.raises(WeightsError):
        prepared(row)
    cache.mkdir(parents=True)
    (cache / "net.pth").write_bytes(file.read_bytes())
    kept = prepared(row)
    (cache / "net.pth").unlink()
    assert prepared(row) == kept
    assert server.asked == []


@pytest.mark.refusal
def test_what_is_not_here_is_told_with_both_ways(row, cache):
    """By command, and by hand: which file, where, and how to know it."""
    with pytest.raises(WeightsError) as error:
        prepared(row)
    assert str(error.value) == (
        "weights: lenet5 test is not on this machine, and nothing is fetched unless you ask for it.\n"
        "Fetch it: striate weights get lenet5 test\n"
        f"By hand: put the file at {cache / 'net.pth'}\n"
        f"(published at {row.url}; its sha256 begins with {row.digest[:8]})."
    )


@pytest.mark.refusal
def test_without_a_network_it_is_said_where_to_put_the_file(row, cache):
    """The whole message."""
    away = dataclasses.replace(row, url="http://127.0.0.1:9/net.pth")
    with pytest.raises(WeightsError) as error:
        fetch(away)
    assert str(error.value) == (
        "weights: the address cannot be reached.\n"
        "  url       http://127.0.0.1:9/net.pth\n"
        "  reported  [Errno 111] Connection refused\n"
        f"By hand: put the file at {cache / 'net.pth'}\n"
        f"(published at http://127.0.0.1:9/net.pth; its sha256 begins with {row.digest[:8]})."
    )


def archive(path, entries, compression=zipfile.ZIP_DEFLATED):
    """Write an archive."""
    with zipfile.ZipFile(path, "w", compression) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return path.read_bytes()


def packed_row(file, server, content):
    """The row of a file that is published in an archive."""
    return described(file, url=server.publish("net.pth.zip", content))


def test_a_file_in_an_archive_is_taken_out(file, tmp_path, cache, server):
    """As pytorchcv publishes; the digest is the inner file's."""
    row = packed_row(file, server, archive(tmp_path / "net.zip", {"net.pth": file.read_bytes()}))
    kept = fetch(row)
    assert torch.equal(load_file(kept)["C1.weight"], state_dict()["C1.weight"])
    assert listed(cache) == ["lenet5.test.json", "lenet5.test.safetensors"]


@pytest.mark.refusal
def test_by_hand_it_is_the_inner_file_that_is_wanted(file, tmp_path, cache, server):
    """And the message says so."""
    row = packed_row(file, server, b"")
    with pytest.raises(WeightsError, match=rf"By hand: put the file, out of net\.pth\.zip, at {cache / 'net.pth'}"):
        prepared(row)


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"../net.pth": b"x"}, "it holds something else than net.pth"),
        ({"/etc/net.pth": b"x"}, "it holds something else than net.pth"),
        ({"net.pth": b"x", "setup.py": b"x"}, "it holds something else than net.pth"),
        ({"net.pth": b"x"}, "its digest is not the published one"),
        ({"net.pth": bytes(50_000_000)}, "it unpacks to more than the published file"),
    ],
    ids=["up", "root", "two", "other", "bomb"],
)
def test_an_archive_of_anything_else_is_refused_and_removed(file, tmp_path, cache, server, entries, why):
    """Nothing lands outside of the cache, and nothing stays in it."""
    row = packed_row(file, server, archive(tmp_path / "net.zip", entries))
    with pytest.raises(WeightsError, match=why):
        fetch(row)
    assert listed(cache) == []
    assert not (cache.parent / "net.pth").exists()


@pytest.mark.refusal
@pytest.mark.parametrize("where", ["no zip", "crc", "data"])
def test_a_damaged_archive_is_refused_and_removed(file, tmp_path, cache, server, where):
    """Whatever part of it is damaged."""
    content = bytearray(archive(tmp_path / "net.zip", {"net.pth": file.read_bytes()}))
    if where == "no zip":
        content = b"<html>"
    elif where == "crc":
        at = content.rindex(zlib.crc32(file.read_bytes()).to_bytes(4, "little"))
        content[at] ^= 1
    else:
        content[200:300] = bytes(100)
    with pytest.raises(WeightsError, match="it is a damaged archive"):
        fetch(packed_row(file, server, bytes(content)))
    assert listed(cache) == []
