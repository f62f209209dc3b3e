"""train.durable: whatever happens, at any instant, there is the old state or the new one."""

import errno
import json
import os
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from striate.errors import RunError
from striate.train.durable import (
    TEMPORARY,
    explained,
    json_bytes,
    make_folder,
    remove_leftovers,
    replace_file,
    write_folder,
)

OLD, NEW = {"a": b"old a", "b": b"old b"}, {"a": b"new a", "b": b"new b" * 1000, "c": b""}


# Calls that touch the disk, and one more at which all is done.
FILE_CALLS, FOLDER_CALLS = 5, 16


class PowerCut(BaseException):
    """What no handler of ours expects."""


def no_space():
    return OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def failing(step, fault):
    """Within it, the so-and-so-many-th call that touches the disk calls `fault` instead."""
    calls = iter(range(10**6))
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in ((os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (Path, "open")):
            real = getattr(owner, name)

            def guarded(*args, real=real, **kwargs):
                if next(calls) == step:
                    raise fault()
                return real(*args, **kwargs)

            patch.setattr(owner, name, guarded)
        yield


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def in_a_child(task):
    """Run `task` in a process of its own, which may vanish in the middle of it."""
    child = os.fork()
    if child == 0:
        try:
            task()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def vanish():
    os._exit(1)


@pytest.mark.parametrize("step", range(FILE_CALLS))
@pytest.mark.parametrize("fault", [no_space, PowerCut, KeyboardInterrupt, vanish])
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, step, fault):
    """A failure, an interruption or a sudden end at any call leaves the old content or the new."""
    path = tmp_path / "pointer"
    path.write_bytes(b"old")

    def task():
        with suppress(OSError, PowerCut, KeyboardInterrupt), failing(step, fault):
            replace_file(path, b"new")

    in_a_child(task) if fault is vanish else task()
    assert path.read_bytes() in (b"old", b"new")
    if fault is not vanish:
        assert list(contents(tmp_path)) == ["pointer"]
    remove_leftovers(tmp_path)
    assert list(contents(tmp_path)) == ["pointer"]


@pytest.mark.parametrize("step", range(FOLDER_CALLS))
@pytest.mark.parametrize("fault", [no_space, PowerCut, vanish])
def test_a_folder_appears_whole_or_not_at_all(tmp_path, step, fault):
    """A failure, an interruption or a sudden end at any call leaves no folder or all of it."""
    path = tmp_path / "deep" / "er" / "checkpoint"

    def task():
        with suppress(OSError, PowerCut, KeyboardInterrupt), failing(step, fault):
            write_folder(path, NEW)

    in_a_child(task) if fault is vanish else task()
    assert not path.exists() or contents(path) == NEW
    remove_leftovers(path.parent)
    assert not path.parent.exists() or set(contents_of(path.parent)) <= {"checkpoint"}


def contents_of(folder):
    return [path.name for path in folder.iterdir()]


def test_every_call_is_tried(tmp_path):
    """The ranges of the two tests above end just past the last call."""
    with failing(FILE_CALLS - 1, PowerCut):
        replace_file(tmp_path / "file", b"new")
    with failing(FOLDER_CALLS - 1, PowerCut):
        write_folder(tmp_path / "deep" / "er" / "checkpoint", NEW)
    with pytest.raises(PowerCut), failing(FILE_CALLS - 2, PowerCut):
        replace_file(tmp_path / "file", b"new")
    with pytest.raises(PowerCut), failing(FOLDER_CALLS - 2, PowerCut):
        write_folder(tmp_path / "deeper" / "er" / "checkpoint", NEW)


def test_everything_is_synced_before_it_is_named(tmp_path, monkeypatch):
    """The order that survives a loss of power: every file, its folder, the name, the folder of the name."""
    seen = []
    sync, rename = os.fsync, Path.rename

    def fsync(descriptor):
        seen.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        sync(descriptor)

    def renamed(self, target):
        seen.append(f"rename to {target.name}")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", renamed)
    write_folder(tmp_path / "checkpoint", NEW)
    top, files, folder, named, last = seen[0], seen[1:4], seen[4], seen[5], seen[6]
    assert top == last == tmp_path.name
    assert files == ["a", "b", "c"]
    assert folder.startswith(TEMPORARY)
    assert named == "rename to checkpoint"


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    """Whoever comes second is refused, and leaves nothing behind."""
    write_folder(tmp_path / "x", OLD)
    with pytest.raises(OSError, match="not empty"):
        write_folder(tmp_path / "x", NEW)
    assert contents(tmp_path / "x") == OLD
    assert contents_of(tmp_path) == ["x"]


def test_make_folder_makes_what_is_missing(tmp_path):
    """As `mkdir -p` does; what is there is left alone."""
    make_folder(tmp_path / "a" / "b" / "c")
    (tmp_path / "a" / "file").touch()
    make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert (tmp_path / "a" / "file").exists()


def test_leftovers_are_removed_and_nothing_else(tmp_path):
    """Files and folders that were never finished go; what has a name stays; a folder that is not there has none."""
    (tmp_path / f"{TEMPORARY}1").mkdir()
    (tmp_path / f"{TEMPORARY}1" / "half").touch()
    (tmp_path / f"{TEMPORARY}2").touch()
    (tmp_path / "kept").touch()
    remove_leftovers(tmp_path)
    assert contents_of(tmp_path) == ["kept"]
    remove_leftovers(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["plain", "naïve 猫", 'quote " and \\ slash', "caf\udce9", "line\nbreak"])
def test_json_carries_every_file_name(name):
    """Also one with bytes that are no UTF-8; and what is written is UTF-8."""
    content = json_bytes({"source": name, name: [1, 2.5, None, True]})
    content.decode("utf-8")
    assert json.loads(content) == {"source": name, name: [1, 2.5, None, True]}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_json_does_not_know(value):
    """A number that is not finite would be read by Python alone."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"loss": value})


@pytest.mark.refusal
def test_a_refusal_to_write_is_one_clear_error(tmp_path):
    """The message says what, where, why and what is left."""
    with pytest.raises(RunError) as error, explained("checkpoint", tmp_path):
        raise no_space()
    assert str(error.value) == (
        "checkpoint: the system refuses to write: No space left on device.\n"
        f"  path  {tmp_path}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


def test_other_errors_are_not_explained_away(tmp_path):
    """Only the system's refusals are turned."""
    with pytest.raises(KeyError), explained("log", tmp_path):
        raise KeyError("x")
