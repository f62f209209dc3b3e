"""models.weights.cache: one folder, in which files appear whole or not at all."""

import errno
import hashlib
import os

import pytest
from published_files import described

from striate.errors import WeightsError
from striate.models.weights.cache import card_file, digest_of, folder, placing, published_file, tensors_file, writing


def test_the_folder_is_where_the_user_says(tmp_path, monkeypatch):
    """STRIATE_CACHE, else XDG_CACHE_HOME, else ~/.cache; an empty one says nothing."""
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("STRIATE_CACHE", "~/own")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert str(folder()) == "/home/ada/own/weights"
    monkeypatch.setenv("STRIATE_CACHE", "")
    assert str(folder()) == "/shared/striate/weights"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert str(folder()) == "/home/ada/.cache/striate/weights"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRIATE_CACHE", "near")
    assert folder() == tmp_path / "near" / "weights"


def test_asking_where_makes_nothing(cache, tmp_path):
    """Until something is kept there is no folder."""
    (tmp_path / "net.pth").write_bytes(b"x")
    row = described(tmp_path / "net.pth")
    assert published_file(row) == cache / "net.pth"
    assert tensors_file(row) == cache / "lenet5.test.safetensors"
    assert card_file(row) == cache / "lenet5.test.json"
    assert not cache.exists()


@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
def test_a_digest_is_the_library_s(tmp_path, algorithm):
    """Of the whole file."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 9999)
    assert digest_of(path, algorithm) == hashlib.new(algorithm, path.read_bytes()).hexdigest()


def test_a_placed_file_replaces_the_old_one_in_one_instant(tmp_path):
    """Until the end the old one is there, whole; afterwards nothing else is."""
    path = tmp_path / "new" / "file"
    with placing(path) as temporary:
        temporary.write_text("old")
        assert not path.exists()
    with placing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("moment", ["writing", "syncing"])
def test_after_a_failure_there_is_what_was_there_before(tmp_path, monkeypatch, fault, moment):
    """Whatever fails, at whatever moment."""
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*args):
        raise fault

    def task():
        with placing(path) as temporary:
            temporary.write_text("new")
            if moment == "writing":
                raise fault
            monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(fault):
        task()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.refusal
def test_the_system_s_refusal_is_told_in_three_parts(tmp_path):
    """What was tried, where, and what helps."""
    with pytest.raises(WeightsError) as error, writing("keep weights", tmp_path / "net"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert str(error.value) == (
        "weights: the system refuses to keep weights: No space left on device.\n"
        f"  path  {tmp_path / 'net'}\n"
        "Make room or give write permission, or name another folder in STRIATE_CACHE."
    )
