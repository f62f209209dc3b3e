"""Resumption: a run that is cut goes on to the weights that it would have had, bit for bit."""

import os
import random
import signal
import sys
import time

import pytest
import torch

from striate.data.loader import Loader
from striate.engine import accelerated
from striate.errors import Interrupted, RunError
from striate.models import create
from striate.recipes import preparation, resume, train
from striate.train import Learner, Run, Where, read_checkpoint

QUIET = {"progress": "none", "threads": 1}
STEPS = 27  # three epochs of nine steps
CUTS = sorted(random.Random(0).sample(range(1, STEPS + 1), 20))
same_epoch = [(2, 6), (10, 17), (19, 26)]


def cut_after(monkeypatch, steps, *, of=STEPS):
    """Send SIGTERM as each of these steps' batches is fetched: the steps are the last before the stops."""
    batches, pending = Loader.batches, list(steps)

    def interrupting(self, start, stop, *, parts=1):
        for step, batch in enumerate(batches(self, start, stop, parts=parts), start=start + 1):
            if stop == of and pending and step == pending[0]:
                pending.pop(0)
                signal.raise_signal(signal.SIGTERM)
            yield batch

    monkeypatch.setattr(Loader, "batches", interrupting)
    return pending


def weights(run: Run):
    """All tensors of the last checkpoint, and what is counted, times left out."""
    checkpoint = run.checkpoints.load("last")
    tensors = {(file, name): t for file, group in checkpoint.tensors.items() for name, t in group.items()}
    return tensors, {key: value for key, value in checkpoint.state.items() if key != "seconds"}


def assert_same(one: Run, other: Run):
    """Every tensor has the same bits, every count the same value."""
    (tensors, state), (tensors_, state_) = weights(one), weights(other)
    assert state == state_
    assert tensors.keys() == tensors_.keys()
    different = [key for key, tensor in tensors.items() if not torch.equal(tensor, tensors_[key])]
    assert not different


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def uncut(runs, tiny):
    """A run that nothing disturbed."""
    path = runs / "digits-tiny"
    return Run(path) if path.exists() else train("digits", model=tiny, out=runs, where=Where(**QUIET))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cuts", [*[(cut,) for cut in CUTS], *same_epoch], ids=str)
def test_a_cut_run_ends_with_the_same_bits(cuts, workers, uncut, tiny, tmp_path, monkeypatch):
    """20 random places, two cuts in one epoch, with and without workers, the last step of an epoch included."""
    where = Where(workers=workers, **QUIET)
    pending = cut_after(monkeypatch, cuts)
    with pytest.raises(Interrupted):
        train("digits", model=tiny, out=tmp_path, where=where)
    run = Run(tmp_path / "digits-tiny")
    while pending:
        with pytest.raises(Interrupted):
            resume(run, where=where)
    assert run.checkpoints.load("last").state["step"] == cuts[-1]
    resume(run, where=where)
    assert_same(run, uncut)
    epochs = [line.split(",")[:7] for line in (run.path / "log.csv").read_text().splitlines()]
    assert epochs == [line.split(",")[:7] for line in (uncut.path / "log.csv").read_text().splitlines()]


# By name: the settings that make it small, two epochs of three steps.
REAL = {
    "lenet5": {"image_size": (16, 16), "batch_size": 360, "epochs": 2},
    "resnet20": {"image_size": (8, 8), "batch_size": 360, "epochs": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize(("cut", "workers"), [(1, 2), (3, 0), (5, 2)])
@pytest.mark.parametrize("model", REAL)
def test_a_real_network_on_two_threads_ends_with_the_same_bits(model, cut, workers, runs, tmp_path, monkeypatch):
    """As its own recipe trains it: within an epoch, at its end, and in the last one."""
    where = Where(workers=workers, threads=2, progress="none")
    whole = Run(runs / f"digits-{model}")
    if not whole.path.exists():
        train("digits", model=model, out=runs, where=where, **REAL[model])
    cut_after(monkeypatch, [cut], of=6)
    with pytest.raises(Interrupted):
        train("digits", model=model, out=tmp_path, where=where, **REAL[model])
    run = Run(tmp_path / f"digits-{model}")
    assert run.checkpoints.load("last").state["step"] == cut
    resume(run, where=Where(workers=workers, progress="none"))
    assert_same(run, whole)


@pytest.mark.parametrize("cut", [4, 9])
def test_a_run_by_the_engine_goes_on_by_the_engine(cut, runs, tiny, tmp_path, monkeypatch):
    """Whoever resumes it need not say so; and what was saved has the names that it always has."""
    where = Where(accelerate=True, **QUIET)
    whole = Run(runs / "engine/digits-tiny")
    if not whole.path.exists():
        train("digits", model=tiny, out=runs / "engine", where=where)
    cut_after(monkeypatch, [cut])
    with pytest.raises(Interrupted):
        train("digits", model=tiny, out=tmp_path, where=where)
    learners = watched(monkeypatch)
    run = resume(Run(tmp_path / "digits-tiny"), where=Where(**QUIET))
    assert accelerated(learners[0].model) == accelerated(learners[0].judged) != []
    assert_same(run, whole)
    assert run.checkpoints.load("last").tensors["model"].keys() == create(tiny, classes=10).state_dict().keys()


def test_epochs_are_kept_as_the_run_began(uncut, tiny, tmp_path, monkeypatch):
    """Cut between them, and resumed by someone who does not say so: the weights of just these epochs are there."""
    cut_after(monkeypatch, [14])
    with pytest.raises(Interrupted):
        train("digits", model=tiny, out=tmp_path, where=Where(keep_epochs=(1, 3), **QUIET))
    run = resume(Run(tmp_path / "digits-tiny"), where=Where(**QUIET))
    kept = run.checkpoints.kept
    assert [epoch for epoch, _ in kept] == [1, 3]
    found, last = read_checkpoint(kept[-1][1]).tensors, run.checkpoints.load("last").tensors
    assert found.keys() == last.keys() - {"optimizer"}
    assert all(torch.equal(found["model"][name], tensor) for name, tensor in last["model"].items())
    assert_same(run, uncut)


def watched(monkeypatch):
    """The learners that are made from here on."""
    made = []

    def make(*arguments, **settings):
        made.append(Learner(*arguments, **settings))
        return made[-1]

    monkeypatch.setattr(preparation, "Learner", make)
    return made


# By name: settings that the tiny network's own recipe leaves alone; each changes what every step does.
NEW = {
    "pieces": {"random_crop": (1.0, 1.5), "enlarge": 1.25},
    "noise": {"color_noise": 0.1},
    "filters": {"filter_rms": 0.1},
    "plateau": {"schedule": "plateau", "plateau_epochs": 1, "learning_rate": 1e-4, "warmup_epochs": 0.0},
}
ALL = {name: value for settings in NEW.values() for name, value in settings.items()} | {"learning_rate": 0.3}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("cut", [4, 9, 14])
@pytest.mark.parametrize("settings", [*NEW.values(), ALL], ids=[*NEW, "all"])
def test_every_setting_of_the_papers_is_resumed(settings, cut, workers, runs, tiny, tmp_path, monkeypatch):
    """Within an epoch and at its end: pieces, colour noise, limited filters, and how often the rate was divided."""
    name = next((name for name, of in NEW.items() if of == settings), "all")
    whole = Run(runs / name / "digits-tiny")
    if not whole.path.exists():
        train("digits", model=tiny, out=runs / name, where=Where(**QUIET), epochs=2, **settings)
    where = Where(workers=workers, **QUIET)
    cut_after(monkeypatch, [cut], of=18)
    with pytest.raises(Interrupted):
        train("digits", model=tiny, out=tmp_path, where=where, epochs=2, **settings)
    run = Run(tmp_path / "digits-tiny")
    resume(run, where=where)
    assert_same(run, whole)


@pytest.mark.parametrize("settings", [NEW["pieces"], NEW["noise"], NEW["filters"]], ids=["pieces", "noise", "filters"])
def test_every_setting_of_the_papers_changes_the_weights(settings, uncut, tiny, tmp_path):
    """So that its resumption is worth testing."""
    with pytest.raises(AssertionError):
        assert_same(train("digits", model=tiny, out=tmp_path, where=Where(**QUIET), **settings), uncut)


def test_the_comparison_can_fail(uncut, tiny, tmp_path):
    """Another seed gives other bits, and the comparison sees it."""
    other = train("digits", model=tiny, out=tmp_path, where=Where(**QUIET), seed=1)
    with pytest.raises(AssertionError):
        assert_same(other, uncut)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
def test_a_killed_run_always_resumes(uncut, tiny, tmp_path):
    """`kill -9` at 50 random instants, most of them while a checkpoint is written: it resumes, to the same bits."""
    where = Where(checkpoint_seconds=0.0, **QUIET)
    run, dice, kills, ended = Run(tmp_path / "digits-tiny"), random.Random(1), 0, 0
    while kills < 50:
        child = os.fork()
        if child == 0:
            try:
                if run.path.exists():
                    resume(run, where=where)
                else:
                    train("digits", model=tiny, out=tmp_path, where=where)
            except BaseException as error:
                print(repr(error), file=sys.stderr)
                os._exit(1)
            os._exit(0)
        time.sleep(dice.uniform(0.0, 0.35))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
        kills += os.WIFSIGNALED(status)
        if not os.WIFSIGNALED(status):
            # It came to its end before it could be killed: begin another, and compare this one.
            assert_same(run, uncut)
            ended += 1
            run.path.rename(tmp_path / f"ended-{ended}")
    if not run.path.exists():
        train("digits", model=tiny, out=tmp_path, where=where)
    resume(run, where=where)
    assert_same(run, uncut)
    assert not list(tmp_path.rglob(".unfinished-*/manifest.json"))


def test_resuming_a_finished_run_does_nothing(uncut):
    """There is nothing to do, and nothing is written."""
    before = {path: path.stat().st_mtime_ns for path in (uncut.path / "checkpoints").rglob("*")}
    resume(uncut, where=Where(**QUIET))
    assert before == {path: path.stat().st_mtime_ns for path in (uncut.path / "checkpoints").rglob("*")}


@pytest.mark.refusal
def test_other_data_is_refused(uncut, tmp_path):
    """A run goes on with the data that it began with, or not at all."""
    about = uncut.about
    document = {**about, "data": {**about["data"], "fingerprint": "0" * 64}}
    run = Run(tmp_path)
    run.__dict__["about"] = document
    with pytest.raises(RunError) as error:
        resume(run, where=Where(**QUIET))
    assert str(error.value) == (
        f"resume: the data is not what {tmp_path} began with.\n"
        "  data      digits\n"
        f"  expected  {'0' * 16}\n"
        f"  found     {about['data']['fingerprint'][:16]}\n"
        "Restore the files as they were, or train anew on what there is now."
    )
