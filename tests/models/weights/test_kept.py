"""models.weights.kept: what is kept is proven whenever it is read."""

import json

import pytest
import torch
from published_files import described, state_dict, write_torch

from striate.errors import WeightsError
from striate.models.weights.kept import forget, is_kept, keep, prove_kept, read_kept


@pytest.fixture
def row(tmp_path):
    """Weights that are kept."""
    file = write_torch(tmp_path / "net.pth", state_dict())
    found = described(file)
    keep(found, state_dict(), file)
    return found


def test_what_is_kept_is_read_again(row):
    """Every bit."""
    assert is_kept(row)
    found, content = read_kept(row), state_dict()
    assert found.keys() == content.keys()
    assert all(torch.equal(found[name], content[name]) for name in content)


@pytest.mark.refusal
def test_a_changed_byte_is_noticed(row, cache):
    """Before anything of it is used."""
    path, card = cache / "lenet5.test.safetensors", json.loads((cache / "lenet5.test.json").read_text())
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError) as error:
        read_kept(row)
    found = str(error.value).splitlines()[3].split()[1]
    assert found != card["sha256"]
    assert str(error.value) == (
        "weights: lenet5.test.safetensors is damaged: it is not what was converted.\n"
        f"  path   {path}\n"
        f"  card   {card['sha256']} of sha256 {row.digest}\n"
        f"  found  {found} of sha256 {row.digest}\n"
        "Fetch it again: striate weights get lenet5 test"
    )


@pytest.mark.refusal
@pytest.mark.parametrize(
    "card", ["", "[]", "{}", '{"sha256": "x"}', "[" * 9999], ids=["empty", "list", "dict", "half", "deep"]
)
def test_a_card_that_is_none_is_noticed(row, cache, card):
    """Whatever it is."""
    (cache / "lenet5.test.json").write_text(card)
    with pytest.raises(WeightsError, match=r"lenet5\.test\.json is damaged: it is not what was converted"):
        prove_kept(row)


@pytest.mark.refusal
def test_what_came_from_another_published_file_is_not_taken(row):
    """When the table names a new one under the old name."""
    import dataclasses

    with pytest.raises(WeightsError, match=f"of sha256 {row.digest}\n  found .* of sha256 abc"):
        prove_kept(dataclasses.replace(row, digest="abc"))


@pytest.mark.refusal
def test_a_file_that_is_no_safetensors_is_noticed(row, cache):
    """Even if its card vouches for it."""
    import hashlib

    (cache / "lenet5.test.safetensors").write_bytes(b"none")
    card = json.loads((cache / "lenet5.test.json").read_text()) | {"sha256": hashlib.sha256(b"none").hexdigest()}
    (cache / "lenet5.test.json").write_text(json.dumps(card))
    with pytest.raises(WeightsError, match=r"lenet5\.test\.safetensors is damaged"):
        read_kept(row)


def test_a_half_written_pair_is_not_kept(row, cache):
    """The card comes last: without it there is nothing."""
    (cache / "lenet5.test.json").unlink()
    assert not is_kept(row)


def test_what_is_forgotten_is_gone(row, cache):
    """Both files; and to forget again is no error."""
    forget(row)
    assert list(cache.iterdir()) == []
    forget(row)


@pytest.mark.refusal
def test_a_cache_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    """Here a file is where its folder should be."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "file"))
    file = write_torch(tmp_path / "net.pth", state_dict())
    with pytest.raises(WeightsError) as error:
        keep(described(file), state_dict(), file)
    assert str(error.value) == (
        "weights: the system refuses to keep weights: Not a directory.\n"
        f"  path  {tmp_path / 'file/weights/lenet5.test.safetensors'}\n"
        "Make room or give write permission, or name another folder in STRIATE_CACHE."
    )
