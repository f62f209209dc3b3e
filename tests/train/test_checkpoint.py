"""train.checkpoint: what is read is what was written, or an error; nothing that is read can run."""

import hashlib
import json
import os
import pickle
import shutil
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from striate.errors import CheckpointError, RunError
from striate.train import Checkpoint, Checkpoints, read_checkpoint

OTHER_ONE = "Use another checkpoint of the run, or train again."


def checkpoint_of(number):
    """A checkpoint that can be told from others by `number`."""
    tensors = {"model": {"weight": torch.full((3, 2), float(number)), "steps": torch.tensor(number)}, "optimizer": {}}
    return Checkpoint(tensors, {"step": number}, {"classes": ["caf\udce9", "猫"]})


def number_of(checkpoint):
    return None if checkpoint is None else int(checkpoint.tensors["model"]["steps"])


@pytest.fixture
def checkpoints(tmp_path):
    return Checkpoints(tmp_path / "checkpoints")


@pytest.fixture
def saved(checkpoints):
    """The folder of one checkpoint."""
    return checkpoints.save(checkpoint_of(7), step=7, best=True)


def forge(folder, name, content):
    """Replace a file, and correct the manifest, as someone who means harm would."""
    (folder / name).write_bytes(content)
    sums = json.loads((folder / "manifest.json").read_bytes())
    sums[name] = hashlib.sha256(content).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(sums))


def refusal(folder):
    """The text of the error that reading gives."""
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(folder)
    return str(error.value)


class Marker:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


# What is saved comes back


def test_tensors_come_back_bit_for_bit(checkpoints):
    """Of every type, layout and size, also those that are not numbers, and two that share their memory."""
    shared = torch.randn(4)
    tensors = {
        "layout": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "view": torch.randn(6, 6)[::2, 1:],
        "nothing": torch.empty(0, 3),
        "scalar": torch.tensor(1e-42),
        "count": torch.tensor(2**40),
        "nan": torch.tensor([float("nan"), float("inf"), -0.0]),
        "half": torch.randn(3).bfloat16(),
        "one": shared,
        "same": shared,
        "learnt": torch.randn(3, requires_grad=True),
    }
    checkpoints.save(Checkpoint({"model": tensors, "average": {}}, {}, {}), step=0, best=False)
    found = checkpoints.load("last").tensors
    assert found.keys() == {"model", "average"}
    assert found["model"].keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found["model"][name].dtype == tensor.dtype
        assert found["model"][name].shape == tensor.shape
        as_bytes = [
            t.detach().contiguous().flatten().view(torch.uint8) for t in (found["model"][name][None], tensor[None])
        ]
        assert torch.equal(*as_bytes)


def test_state_and_about_come_back(checkpoints):
    """Plain values, odd file names among them, are what they were."""
    want = checkpoint_of(3)
    checkpoints.save(want, step=3, best=False)
    found = checkpoints.load("last")
    assert (found.state, found.about) == (want.state, want.about)


def test_before_the_first_there_is_none(checkpoints):
    """A run that was cut before its first checkpoint begins anew."""
    assert checkpoints.load("last") is None
    assert checkpoints.load("best") is None
    checkpoints.clean()


def test_the_manifest_sums_every_other_file(saved):
    """Nothing that is read goes unchecked."""
    sums = json.loads((saved / "manifest.json").read_bytes())
    assert {*sums, "manifest.json"} == {path.name for path in saved.iterdir()}
    assert all(hashlib.sha256((saved / name).read_bytes()).hexdigest() == found for name, found in sums.items())


# Which are kept


def test_an_epoch_that_is_kept_stays(checkpoints):
    """With what judges and predicts, without what only training needs; and it is never taken for the last one."""
    for epoch in (7, 2, 7):
        checkpoints.keep(replace(checkpoint_of(epoch), tensors={"model": {}, "optimizer": {}}), epoch=epoch)
    assert checkpoints.load("last") is None
    for step in range(3):
        checkpoints.save(checkpoint_of(step), step=step, best=False)
    assert [epoch for epoch, _ in checkpoints.kept] == [2, 7]
    assert [read_checkpoint(path).tensors.keys() for _, path in checkpoints.kept] == [{"model"}] * 2


def test_last_previous_and_best_are_kept_and_no_others(checkpoints):
    """The previous one stands in should the last be damaged; everything else goes."""
    for step in range(1, 6):
        checkpoints.save(checkpoint_of(step), step=step, best=step == 2)
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == [
        "pointers.json",
        "step-00000002",
        "step-00000004",
        "step-00000005",
    ]
    assert (number_of(checkpoints.load("last")), number_of(checkpoints.load("best"))) == (5, 2)


@pytest.mark.parametrize("damage", [b"{", b"", b"[]"])
def test_damaged_pointers_do_not_lose_the_best(damage, checkpoints):
    """Which one is best is counted in every checkpoint as well, and nothing is removed for not being known."""
    for step, best in ((1, 1), (2, 1)):
        found = checkpoint_of(step)
        content = Checkpoint(found.tensors, {**found.state, "best_step": best}, found.about)
        checkpoints.save(content, step=step, best=step == best)
    (checkpoints.folder / "pointers.json").write_bytes(damage)
    assert number_of(checkpoints.load("best")) == 1
    found = checkpoint_of(3)
    checkpoints.save(Checkpoint(found.tensors, {**found.state, "best_step": 1}, found.about), step=3, best=False)
    assert number_of(checkpoints.load("best")) == 1


@pytest.mark.parametrize("best_step", ["*", None, [1], -1])
def test_an_absurd_count_leaves_the_last_for_the_best(best_step, checkpoints):
    """Where neither the pointers nor the count can say which was best, it is the newest, as before the first best."""
    found = checkpoint_of(1)
    checkpoints.save(Checkpoint(found.tensors, {**found.state, "best_step": best_step}, found.about), step=1, best=True)
    (checkpoints.folder / "pointers.json").unlink()
    assert number_of(checkpoints.load("best")) == 1


def test_until_one_is_the_best_the_last_is(checkpoints):
    """A run that is judged before its first validation is judged by its newest weights."""
    for step in (1, 2, 3):
        checkpoints.save(checkpoint_of(step), step=step, best=False)
        assert number_of(checkpoints.load("best")) == step


def test_a_step_may_be_saved_twice(checkpoints):
    """As at the end of training: the second counts, the first is whole until it is there, and then the previous one."""
    for number in (1, 2, 3):
        checkpoints.save(checkpoint_of(number), step=9, best=number == 1)
    assert (number_of(checkpoints.load("last")), number_of(checkpoints.load("best"))) == (3, 1)
    damage = checkpoints.folder / json.loads((checkpoints.folder / "pointers.json").read_bytes())["last"]
    (damage / "manifest.json").unlink()
    assert number_of(checkpoints.load("last")) == 2


# What a crash leaves


def vanishing(monkeypatch, step):
    """End the process, as `kill -9` does, at the so-and-so-many-th call that touches the disk."""
    calls = iter(range(10**6))
    owners = (os, "fsync"), (Path, "rename"), (Path, "replace"), (Path, "mkdir"), (shutil, "rmtree"), (os, "unlink")
    for owner, name in owners:
        real = getattr(owner, name)

        def guarded(*args, real=real, **kwargs):
            if next(calls) == step:
                os._exit(9)
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, guarded)


@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("again", [True, False], ids=["same step", "next step"])
def test_cut_at_any_instant_there_is_the_old_or_the_new(tmp_path, monkeypatch, best, again):
    """`kill -9` at every call that touches the disk: last and best are whole, and the run goes on from there."""
    status, step = 1, 0
    while os.waitstatus_to_exitcode(status):
        checkpoints = Checkpoints(tmp_path / str(step))
        checkpoints.save(checkpoint_of(1), step=1, best=False)
        checkpoints.save(checkpoint_of(2), step=2, best=True)
        child = os.fork()
        if child == 0:
            vanishing(monkeypatch, step)
            checkpoints.save(checkpoint_of(3), step=2 if again else 3, best=best)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        last, kept = number_of(checkpoints.load("last")), number_of(checkpoints.load("best"))
        assert (last, kept) in {(2, 2), (3, 3) if best else (3, 2)}
        checkpoints.clean()
        assert not list(checkpoints.folder.glob(".unfinished-*"))
        checkpoints.save(checkpoint_of(4), step=3, best=False)
        assert (number_of(checkpoints.load("last")), number_of(checkpoints.load("best"))) == (4, kept)
        assert len(list(checkpoints.folder.glob("step-*"))) <= 3
        step += 1
    assert step > 10


@pytest.mark.refusal
def test_a_write_that_fails_leaves_what_was_there(checkpoints, saved, monkeypatch):
    """A full disk is one clear error, also at the step that is saved already."""

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError) as error:
        checkpoints.save(checkpoint_of(8), step=7, best=True)
    assert str(error.value) == (
        "checkpoint: the system refuses to write: No space left on device.\n"
        f"  path  {checkpoints.folder}/step-00000007-1\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )
    assert sorted(path.name for path in checkpoints.folder.iterdir()) == ["pointers.json", "step-00000007"]
    assert (number_of(checkpoints.load("last")), number_of(checkpoints.load("best"))) == (7, 7)


# Damage


@pytest.mark.refusal
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "state.json", "about.json"])
def test_a_changed_file_is_named(saved, name, damage):
    """One bit, a missing end or nothing left: the sum tells."""
    content = (saved / name).read_bytes()
    changed = {"flip": bytes([content[0] ^ 1]) + content[1:], "cut": content[:-1], "empty": b""}[damage]
    (saved / name).write_bytes(changed)
    assert refusal(saved) == (
        f"checkpoint: {saved}/{name} is damaged: it is not what was written.\n"
        f"  expected  {hashlib.sha256(content).hexdigest()}\n"
        f"  found     {hashlib.sha256(changed).hexdigest()}\n"
        f"{OTHER_ONE}"
    )


@pytest.mark.refusal
@pytest.mark.parametrize("name", ["manifest.json", "model.safetensors", "state.json"])
def test_a_missing_file_is_named(saved, name):
    """The manifest's own, too."""
    (saved / name).unlink()
    assert refusal(saved) == f"checkpoint: {saved}/{name} cannot be read: No such file or directory.\n{OTHER_ONE}"


@pytest.mark.refusal
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"null", b"\xff\xfe\xfd", b"[" * 100_000, b'{"a":' * 100_000], ids=range(7)
)
@pytest.mark.parametrize("name", ["manifest.json", "state.json"])
def test_what_is_not_json_is_named(saved, name, content):
    """Neither is a list, nor a nest too deep to be read."""
    if name == "manifest.json":
        (saved / name).write_bytes(content)
    else:
        forge(saved, name, content)
    assert refusal(saved) == f"checkpoint: {saved}/{name} is not JSON.\n{OTHER_ONE}"


@pytest.mark.refusal
def test_a_checkpoint_without_its_parts_is_refused(saved):
    """A manifest that is whole in itself still has to list what is needed."""
    (saved / "manifest.json").write_text("{}")
    forge(saved, "state.json", b"{}")
    assert refusal(saved) == (f"checkpoint: {saved} holds no model.safetensors.\n  holds  state.json\n{OTHER_ONE}")


def test_a_damaged_last_gives_way_to_the_previous(checkpoints):
    """Training repeats a few steps; what it then writes takes the damaged one's place."""
    for step in (1, 2, 3):
        last = checkpoints.save(checkpoint_of(step), step=step, best=step == 1)
    (last / "model.safetensors").write_bytes(b"torn")
    assert number_of(checkpoints.load("last")) == 2
    checkpoints.save(checkpoint_of(4), step=3, best=False)
    assert number_of(checkpoints.load("last")) == 4


@pytest.mark.refusal
def test_the_best_has_no_substitute(checkpoints):
    """Another one would be judged in its name."""
    best = checkpoints.save(checkpoint_of(1), step=1, best=True)
    checkpoints.save(checkpoint_of(2), step=2, best=False)
    (best / "state.json").unlink()
    with pytest.raises(CheckpointError) as error:
        checkpoints.load("best")
    assert str(error.value) == f"checkpoint: {best}/state.json cannot be read: No such file or directory.\n{OTHER_ONE}"
    assert number_of(checkpoints.load("last")) == 2


@pytest.mark.refusal
def test_if_all_are_damaged_the_newest_is_named(checkpoints):
    """The run does not silently begin anew."""
    paths = [checkpoints.save(checkpoint_of(step), step=step, best=False) for step in (1, 2)]
    for path in paths:
        (path / "about.json").unlink()
    with pytest.raises(CheckpointError) as error:
        checkpoints.load("last")
    assert str(error.value) == (
        f"checkpoint: {paths[1]}/about.json cannot be read: No such file or directory.\n{OTHER_ONE}"
    )


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"last": 3}', b"[" * 100_000, b'{"last": "../../x", "best": null}'], ids=range(6)
)
def test_without_readable_pointers_the_newest_counts(checkpoints, content):
    """The pointers only choose among what is there."""
    for step in (1, 2):
        checkpoints.save(checkpoint_of(step), step=step, best=False)
    (checkpoints.folder / "pointers.json").write_bytes(content)
    assert number_of(checkpoints.load("last")) == 2
    checkpoints.save(checkpoint_of(3), step=3, best=False)
    assert number_of(checkpoints.load("last")) == 3


# Harm


@pytest.mark.refusal
@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_pickle_is_refused_unread(saved, tmp_path, form):
    """Under a safetensors name, with a manifest that vouches for it: the code in it never runs."""
    marker, evil = tmp_path / "ran", tmp_path / "evil"
    if form == "pickle":
        evil.write_bytes(pickle.dumps(Marker(marker)))
    else:
        torch.save(Marker(marker), evil)
    forge(saved, "model.safetensors", evil.read_bytes())
    text = refusal(saved)
    reported = text.splitlines()[1].removeprefix("  reported  ")
    assert reported
    assert text == (
        f"checkpoint: {saved}/model.safetensors is not a safetensors file.\n"
        f"  reported  {reported}\n"
        "Only safetensors and JSON are read here: a pickle could run code."
    )
    assert not marker.exists()
    pickle.loads(pickle.dumps(Marker(marker)))
    assert marker.exists(), "the marker works, so its absence above means something"


@pytest.mark.refusal
def test_a_pickle_in_another_s_place_is_damage(saved, tmp_path):
    """Without a corrected manifest it is not even looked at."""
    (saved / "model.safetensors").write_bytes(pickle.dumps(Marker(tmp_path / "ran")))
    assert "is damaged: it is not what was written." in refusal(saved)
    assert not (tmp_path / "ran").exists()


def header(document, data=b"", length=None):
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return struct.pack("<Q", len(content) if length is None else length) + content + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


ATTACKS = {
    "nothing": b"",
    "half a length": b"\x08\x00\x00",
    "a header longer than the file": header({}, length=1000),
    "a header longer than memory": header({}, length=2**63),
    "a header of 100 MB and more": header({}, length=100_000_001),
    "no JSON": header(b"\xff" * 16),
    "a deep header": header(b'{"a":' * 10_000),
    "overlapping": header({"a": tensor([2], 0, 8), "b": tensor([1], 4, 8)}, bytes(8)),
    "a hole": header({"a": tensor([1], 0, 4), "b": tensor([1], 8, 12)}, bytes(12)),
    "bytes left over": header({"a": tensor([1], 0, 4)}, bytes(8)),
    "past the end": header({"a": tensor([4], 0, 16)}, bytes(4)),
    "backwards": header({"a": tensor([1], 4, 0)}, bytes(4)),
    "negative": header({"a": tensor([-1], 0, 4)}, bytes(4)),
    "a shape that overflows": header({"a": tensor([2**40, 2**40], 0, 4)}, bytes(4)),
    "a shape of nothing that overflows": header({"a": tensor([0, 2**62, 2**62], 0, 0)}),
    "a side that overflows": header({"a": tensor([0, 2**63], 0, 0)}),
    "a shape that is not its size": header({"a": tensor([3], 0, 4)}, bytes(4)),
    "an unknown type": header({"a": tensor([1], 0, 4, "F99")}, bytes(4)),
    "a type that torch lacks": header({"a": tensor([8], 0, 4, "F4")}, bytes(4)),
}


@pytest.mark.refusal
@pytest.mark.parametrize("content", ATTACKS.values(), ids=ATTACKS)
def test_a_forged_safetensors_file_is_refused(saved, content):
    """Whatever its header claims, it is one clear error."""
    forge(saved, "model.safetensors", content)
    text = refusal(saved)
    reported = text.splitlines()[1].removeprefix("  reported  ")
    assert reported
    assert text == (
        f"checkpoint: {saved}/model.safetensors is not a safetensors file.\n"
        f"  reported  {reported}\n"
        "Only safetensors and JSON are read here: a pickle could run code."
    )


NAMES = [
    "../secret.json",
    "/etc/passwd",
    "..",
    "",
    "sub/model.safetensors",
    "a\0b.json",
    "\ud800.json",
    "x" * 300,
    "evil.pkl",
]


@pytest.mark.refusal
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_manifest_leads_nowhere_else(saved, name):
    """Names that are no file of a checkpoint are not opened."""
    (saved.parent / "secret.json").write_text("{}")
    sums = json.loads((saved / "manifest.json").read_bytes())
    (saved / "manifest.json").write_text(json.dumps({name: "0" * 64, **sums}))
    assert refusal(saved) == (
        f"checkpoint: {saved}/manifest.json lists {name!r}, which no checkpoint holds.\n{OTHER_ONE}"
    )


@pytest.mark.parametrize("name", ["../outside", "..", "/", "", ".", "step-1/../../outside"])
def test_the_pointers_lead_nowhere_else(checkpoints, saved, name):
    """A checkpoint outside the folder is not taken for the best."""
    shutil.copytree(saved, checkpoints.folder.parent / "outside")
    checkpoints.save(checkpoint_of(8), step=8, best=False)
    (checkpoints.folder / "pointers.json").write_text(json.dumps({"last": name, "best": name}))
    assert number_of(checkpoints.load("best")) == 8
    assert number_of(checkpoints.load("last")) == 8


@pytest.mark.refusal
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_not_read(saved, kind):
    """A pipe would be waited for, a device never ends."""
    path = saved / "model.safetensors"
    path.unlink()
    {"pipe": os.mkfifo, "device": lambda p: p.symlink_to("/dev/zero"), "folder": os.mkdir}[kind](path)
    assert refusal(saved) == f"checkpoint: {path} cannot be read: It is no file.\n{OTHER_ONE}"


def test_the_forger_can_succeed(saved):
    """A forged file that is safetensors and JSON is read: the tests above fail for their own reasons."""
    forge(saved, "model.safetensors", safetensors.torch.save({"steps": torch.tensor(99)}))
    assert number_of(read_checkpoint(saved)) == 99
