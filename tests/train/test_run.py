"""train.run: a run's folder appears whole, has its own name, and is trained by one process at a time."""

import errno
import fcntl
import json
import os
import signal
import time

import pytest

from striate.errors import RunError
from striate.train import Run, create_run

ABOUT = {"recipe": {"model": "tiny"}, "source": "caf\udce9"}


def held_by_a_child(run, then=lambda: time.sleep(60)):
    """Lock a run in another process; return its id once it has the lock."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        with run.locked():
            os.write(tell, b"x")
            then()
        os._exit(0)
    os.read(ready, 1)
    os.close(ready)
    os.close(tell)
    return child


def end(child, group=False):
    (os.killpg if group else os.kill)(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_a_run_has_what_it_was_made_with(tmp_path):
    """Its folder holds run.json, and nothing else yet."""
    run = create_run(tmp_path / "runs", "digits-lenet5", ABOUT)
    assert run.path == tmp_path / "runs" / "digits-lenet5"
    assert Run(run.path).about == ABOUT
    assert [path.name for path in run.path.iterdir()] == ["run.json"]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["digits-lenet5"]


def test_a_name_that_is_taken_gets_a_number(tmp_path):
    """By a run, by a file, by whatever is there; nothing is written over."""
    (tmp_path / "x").write_text("a file")
    (tmp_path / "x-3").mkdir()
    (tmp_path / "x-3" / "something").touch()
    assert [create_run(tmp_path, "x", ABOUT).path.name for _ in range(4)] == ["x-2", "x-4", "x-5", "x-6"]
    assert (tmp_path / "x").read_text() == "a file"
    assert (tmp_path / "x-3" / "something").exists()


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("../../etc/passwd", "etc-passwd"),
        ("a b/c\\d:e\n", "a-b-c-d-e"),
        ("", "run"),
        ("...", "run"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("猫-lenet5", "猫-lenet5"),
        ("caf\udce9", "caf"),
        ("\0", "run"),
    ],
)
def test_a_strange_name_becomes_a_plain_one(tmp_path, name, folder):
    """The folder is a direct child, is not hidden, and looks like no option."""
    run = create_run(tmp_path, name, ABOUT)
    assert run.path == tmp_path / folder
    assert run.about == ABOUT


def test_the_lock_ends_with_its_block(tmp_path):
    """Whoever comes after it has it, also after an error."""
    run = create_run(tmp_path, "x", ABOUT)
    with run.locked():
        pass
    with pytest.raises(KeyError), run.locked():
        raise KeyError("x")
    end(held_by_a_child(run))


def test_a_killed_process_leaves_no_lock_though_its_children_live(tmp_path):
    """The loader's workers outlive a parent that was killed by seconds; the run can go on at once."""
    run = create_run(tmp_path, "x", ABOUT)

    def fork():
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        os.kill(os.getpid(), signal.SIGKILL)

    child = held_by_a_child(run, then=fork)
    os.waitpid(child, 0)
    try:
        with run.locked():
            pass
    finally:
        os.killpg(child, signal.SIGKILL)


def test_locking_removes_what_a_crash_left(tmp_path):
    """In the run's folder and among its checkpoints."""
    run = create_run(tmp_path, "x", ABOUT)
    for folder in (run.path, run.path / "checkpoints"):
        (folder / ".unfinished-1").mkdir(parents=True)
        (folder / ".unfinished-2").touch()
    with run.locked():
        assert not list(run.path.rglob(".unfinished-*"))


@pytest.mark.refusal
def test_two_processes_cannot_train_one_run(tmp_path):
    """The second one is told so at once; when the first is gone, it may."""
    run = create_run(tmp_path, "x", ABOUT)
    child = held_by_a_child(run)
    with pytest.raises(RunError) as error, run.locked():
        pass
    assert str(error.value) == f"run: another process is training {run.path}.\nWait for it, or stop it first."
    end(child)
    with run.locked():
        pass


@pytest.mark.refusal
def test_a_lock_that_the_system_refuses_is_not_called_another_process(tmp_path, monkeypatch):
    """Some network file systems know no locks."""

    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    run = create_run(tmp_path, "x", ABOUT)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(RunError) as error, run.locked():
        pass
    assert str(error.value) == (
        "run: the system refuses to write: No locks available.\n"
        f"  path  {run.path}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b"\xff", b"[" * 100_000], ids=range(6))
def test_what_is_no_run_is_refused(tmp_path, content):
    """The message says what a run is."""
    if content is not None:
        (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(RunError) as error:
        _ = Run(tmp_path).about
    assert str(error.value) == (
        f"run: {tmp_path} is no run: it holds no readable run.json.\n"
        "Pass the folder that `striate train` named, such as runs/digits-lenet5."
    )


@pytest.mark.refusal
def test_a_folder_that_cannot_be_made_is_explained(tmp_path):
    """Here because a file stands where the folder should be."""
    (tmp_path / "runs").touch()
    with pytest.raises(RunError) as error:
        create_run(tmp_path / "runs", "x", ABOUT)
    assert str(error.value) == (
        "run: the system refuses to write: Not a directory.\n"
        f"  path  {tmp_path}/runs/x\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


@pytest.mark.refusal
def test_a_read_only_disk_is_explained(disk):
    """It ends in one clear error, not in a search for a name that is free."""
    place = disk.make("1m")
    create_run(place, "x", ABOUT)
    disk.shut()
    for make in (lambda: create_run(place, "x", ABOUT), lambda: Run(place / "x").locked().__enter__()):
        with pytest.raises(RunError) as error:
            make()
        assert str(error.value).startswith("run: the system refuses to write: Read-only file system.\n")
    assert json.loads((place / "x" / "run.json").read_bytes()) == ABOUT
