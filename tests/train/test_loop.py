"""train.loop: an orderly end whatever ends it, and a checkpoint that goes on from there."""

import errno
import json
import math
import os
import signal
from dataclasses import replace

import pytest
import torch

from striate.data.loader import Loader
from striate.errors import CheckpointError, DataError, Interrupted, NonFiniteError, RunError
from striate.train import Score, State, create_run, fit, progress_for, read_epochs

QUIET = progress_for("none")
OPTIONS = {"batch_size": 8, "epochs": 3, "learning_rate": 0.1, "warmup_epochs": 0.0}  # six steps an epoch


@pytest.fixture
def go(run, make_learner, make_plan):
    """Give `go(scores, **options)`: train the run, from where it stands."""

    def go(scores=None, *, run=run, plan=None, checkpoint_seconds=60.0, workers=0, part=None, **options):
        learner = make_learner(**{**OPTIONS, **options})
        more = {} if part is None else {"part": part}
        made = make_plan(learner, scores, checkpoint_seconds=checkpoint_seconds, workers=workers, **more)
        return fit(run, learner, plan(made) if plan else made, QUIET)

    return go


@pytest.fixture
def poison(monkeypatch):
    """Give `poison(*steps)`: a value that is no number in these steps' batches."""
    batches = Loader.batches

    def arm(*steps):
        def poisoned(self, start, stop, *, parts=1):
            for item, batch in enumerate(batches(self, start, stop, parts=parts)):
                if start + item // parts in steps:
                    batch.images[0, 0, 0, 0] = math.nan
                yield batch

        monkeypatch.setattr(Loader, "batches", poisoned)

    return arm


def weights(run, which="last"):
    return {(f, n): t for f, group in run.checkpoints.load(which).tensors.items() for n, t in group.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []


def rows(run, kind):
    found = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    return [row for row in found if row["kind"] == kind]


def stop_at(number, plan, nth=1):
    """Make the plan's n-th validation the moment at which a signal comes."""
    calls = iter(range(1, 100))

    def validate(model, *, should_stop):
        if next(calls) == nth:
            signal.raise_signal(number)
        return None if should_stop() else plan.validate(model, should_stop=should_stop)

    return replace(plan, validate=validate)


def go_until(step, go, **options):
    """Train from the start, and send SIGTERM as this step's batch is fetched: it is the last before the stop."""
    batches, parts_of_step = Loader.batches, options.get("accumulate", 1)

    def interrupting(self, start, stop, *, parts=1):
        for item, batch in enumerate(batches(self, start, stop, parts=parts), start=1):
            if item == step * parts_of_step:
                signal.raise_signal(signal.SIGTERM)
            yield batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "batches", interrupting)
        with pytest.raises(Interrupted):
            go(**options)


# Training trains


def test_it_learns(go, run):
    """The loss falls, and the accuracy rises to nearly all."""
    state = go(epochs=15)
    first, *_, last = read_epochs(run.path)
    assert last["train_loss"] < 0.5 * first["train_loss"]
    assert last["train_accuracy"] > 0.9
    assert (state.step, state.updates, state.epochs, state.finished) == (90, 90, 15, True)


def test_the_log_counts_what_happened(go, run):
    """One row an epoch: its step, its rate, the scores that validation gave."""
    go([Score(0.9, 0.25), Score(0.8, 0.5), Score(0.7, 0.75)])
    found = [
        (row["epoch"], row["step"], row["val_loss"], row["val_accuracy"], row["skipped"])
        for row in read_epochs(run.path)
    ]
    assert found == [(1, 6, 0.9, 0.25, 0), (2, 12, 0.8, 0.5, 0), (3, 18, 0.7, 0.75, 0)]
    rates = [row["learning_rate"] for row in read_epochs(run.path)]
    assert rates == sorted(rates, reverse=True)
    assert all(row["images_per_second"] > 0 for row in read_epochs(run.path))


def test_the_best_is_by_accuracy_and_then_by_loss(go, run):
    """More that are right wins; of equals the surer; of the same the earlier."""
    scores = [Score(0.5, 0.5), Score(0.9, 0.75), Score(0.8, 0.75), Score(0.8, 0.75), Score(0.1, 0.5)]
    state = go(scores, epochs=5)
    assert (state.best_step, state.best_accuracy, state.best_loss, state.epochs_since_best) == (18, 0.75, 0.8, 2)
    assert run.checkpoints.load("best").state["step"] == 18
    assert run.checkpoints.load("last").state["step"] == 30


def test_without_improvement_it_stops_early(go, run):
    """After so many epochs without a better validation; the best is kept."""
    state = go([Score(0.5, 0.9), *[Score(0.6, 0.8)] * 9], epochs=10, patience=2)
    assert (state.epochs, state.step, state.finished) == (3, 18, True)
    assert run.checkpoints.load("best").state["step"] == 6
    assert go(epochs=10, patience=2).step == 18, "it is finished, and stays so"


def test_patience_begins_anew_with_every_improvement(go):
    """Only epochs in a row count."""
    accuracies = [0.1, 0.0, 0.2, 0.0, 0.3, 0.0, 0.0, 0.9]
    assert go([Score(1.0, a) for a in accuracies], epochs=8, patience=2).epochs == 7


def test_the_rate_falls_when_validation_does_not_improve(go, run):
    """After two epochs without a better one, since the best or the last fall; three times, and then no more."""
    accuracies = [0.1, 0.2, 0.2, 0.2, 0.3, 0.0, 0.0, *[0.0] * 6]
    settings = {"schedule": "plateau", "plateau_epochs": 2, "learning_rate": 1.0, "warmup_epochs": 0.0}
    go([Score(1.0, a) for a in accuracies], epochs=13, **settings)
    rates = [row["learning_rate"] for row in read_epochs(run.path)]
    assert rates == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001, 0.001])


def test_overfit_sees_the_same_few_batches(go, run):
    """Two batches, again and again, until they are known by heart."""
    state = go(epochs=60, overfit=2)
    assert state.step == 120
    assert read_epochs(run.path)[-1]["train_accuracy"] > 0.8
    assert read_epochs(run.path)[-1]["train_loss"] < 0.5 * read_epochs(run.path)[0]["train_loss"]


def test_accumulation_counts_steps_of_whole_batches(go, run):
    """Three parts a step, so two steps an epoch, which see all samples."""
    state = go(accumulate=3, epochs=2)
    assert (state.step, state.updates) == (4, 4)
    assert len(read_epochs(run.path)) == 2


def test_random_numbers_are_left_as_they_were(run, make_learner, make_plan):
    """Who trains in a notebook draws what they would have drawn."""
    learner = make_learner(**OPTIONS)
    torch.manual_seed(5)
    want = torch.rand(3)
    torch.manual_seed(5)
    fit(run, learner, make_plan(learner, workers=1), QUIET)
    assert torch.equal(torch.rand(3), want)


def test_the_judged_network_is_the_one_that_is_validated(run, make_learner, make_plan):
    """The average, if there is one."""
    learner, seen = make_learner(**OPTIONS, average_decay=0.9), []
    plan = replace(make_plan(learner), validate=lambda model, should_stop: seen.append(model) or Score(1.0, 0.5))
    fit(run, learner, plan, QUIET)
    assert seen == [learner.average.model] * 3


# What is not finite


def test_a_step_that_is_not_finite_is_skipped_counted_and_named(go, run, poison, part):
    """Training goes on; the log has the samples' names; accuracy and loss are those of the others."""
    poison(2, 3, 9)
    state = go(max_skips=2)
    assert (state.step, state.updates, state.skipped_in_a_row) == (18, 15, 0)
    assert [row["skipped"] for row in read_epochs(run.path)] == [2, 1, 0]
    assert [row["step"] for row in rows(run, "skip")] == [3, 4, 10]
    named = [name for row in rows(run, "skip") for name in row["samples"]]
    assert len(named) == 24
    assert set(named) <= set(part.names)
    assert all(tensor.isfinite().all() for tensor in weights(run).values() if tensor.is_floating_point())


def test_skipped_samples_count_as_neither_right_nor_wrong(go, run, poison):
    """With all but one step skipped, the epoch's accuracy is that step's."""
    poison(0, 1, 2, 3, 4)
    go(epochs=1, max_skips=5, learning_rate=0.0)
    row = read_epochs(run.path)[0]
    assert (8 * row["train_accuracy"]) % 1 == 0
    assert row["train_accuracy"] > 0


def test_an_epoch_without_one_finite_step_is_logged(go, run, poison):
    """Nothing is divided by 0; what is not known is null."""
    poison(*range(6))
    state = go(epochs=2, max_skips=6)
    assert (state.step, state.updates) == (12, 6)
    row = read_epochs(run.path)[0]
    assert (row["train_loss"], row["train_accuracy"], row["skipped"]) == (None, None, 6)


@pytest.mark.refusal
def test_too_many_in_a_row_stop_with_their_names(go, run, poison):
    """The names are of the steps in a row alone; the weights before them are saved, and training can go on."""
    poison(1, 7, 8, 9)
    with pytest.raises(NonFiniteError) as error:
        go(max_skips=2, epochs=3, clip_norm=1.0)
    suspects = [name for row in rows(run, "skip")[1:] for name in row["samples"]]
    assert len(suspects) == 24
    assert str(error.value) == (
        "train: loss or gradient was not finite in 3 steps in a row.\n"
        "  step           10\n"
        f"  learning_rate  {0.05 * (1 + math.cos(math.pi * 9 / 18)):g}\n"
        f"  samples        {', '.join(suspects[:12])} and 12 more, all in log.jsonl\n"
        "Look at these samples, lower the learning rate, or limit the gradient (clip_norm); "
        "the weights before these steps are saved."
    )
    saved = run.checkpoints.load("last")
    assert (saved.state["step"], saved.state["updates"]) == (10, 6)
    assert all(tensor.isfinite().all() for tensor in weights(run).values() if tensor.is_floating_point())
    poison()
    assert go(max_skips=2, epochs=3, clip_norm=1.0).updates == 14


@pytest.mark.refusal
def test_few_samples_are_all_named(go, poison, part):
    """Where they fit into the message."""
    poison(0)
    with pytest.raises(NonFiniteError) as error:
        go(max_skips=0)
    named = error.value.received["samples"].split(", ")
    assert len(named) == 8
    assert set(named) <= set(part.names)


def test_skipped_steps_leave_no_trace(go, run, poison, tmp_path):
    """A run whose last three steps are skipped ends with the weights that it had before them."""
    poison(15, 16, 17)
    go(max_skips=3)
    short = create_run(tmp_path, "short", {})
    go_until(15, go, run=short, max_skips=3)
    assert short.checkpoints.load("last").state["step"] == 15
    assert_same(weights(run), weights(short))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_validation_that_is_not_finite_is_never_the_best(go, run, loss):
    """Not the first, not a later one, however many it has right; the log says null."""
    state = go([Score(loss, 1.0), Score(0.9, 0.25), Score(loss, 1.0)])
    assert (state.best_step, state.best_accuracy) == (12, 0.25)
    assert run.checkpoints.load("best").state["step"] == 12
    assert [row["val_loss"] for row in read_epochs(run.path)] == [None, 0.9, None]


def test_if_no_validation_is_finite_there_is_no_best(go, run):
    """Then the last checkpoint stands in."""
    state = go([Score(math.nan, 1.0)] * 3)
    assert state.best_step == -1
    assert run.checkpoints.load("best").state["step"] == 18


# Being stopped


@pytest.mark.refusal
@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT")])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_signal_during_validation_is_obeyed(go, run, tmp_path, number, name, nth):
    """A checkpoint is written; resumed, the epoch's end is done first, and all is as if nothing had been."""
    with pytest.raises(Interrupted) as error:
        go(plan=lambda plan: stop_at(number, plan, nth))
    assert str(error.value) == (
        f"train: stopped by {name} after step {6 * nth}; everything is saved.\n"
        f"Go on with: striate train --resume {run.path}"
    )
    assert error.value.signal_number == number
    assert run.checkpoints.load("last").state["epochs"] == nth - 1
    go()
    assert [row["epoch"] for row in read_epochs(run.path)] == [1, 2, 3]
    uncut = create_run(tmp_path, "uncut", {})
    go(run=uncut)
    assert_same(weights(run), weights(uncut))


@pytest.mark.refusal
def test_the_way_on_can_be_pasted(go, tmp_path):
    """A folder whose name a shell would cut is quoted."""
    run = replace(create_run(tmp_path, "x", {}), path=tmp_path / "my runs")
    (tmp_path / "x").rename(run.path)
    with pytest.raises(Interrupted) as error:
        go(run=run, plan=lambda plan: stop_at(signal.SIGTERM, plan))
    assert error.value.remedy == f"Go on with: striate train --resume '{tmp_path}/my runs'"


def test_killed_between_an_epoch_s_row_and_its_checkpoint_the_row_comes_once(go, run, monkeypatch):
    """The row is written, the process ends, and the checkpoint of that very step does not know of it."""

    class Killed(BaseException):
        pass

    def killed(self, *, best=False):
        save(self, best=best)
        if self.state.epochs == 0 and self.state.step == 6:
            monkeypatch.setattr(type(self), "_save", lambda self, *, best=False: (_ for _ in ()).throw(Killed))

    from striate.train.loop import _Training

    save = _Training._save
    monkeypatch.setattr(_Training, "_save", killed)
    with pytest.raises(Killed):
        go([Score(0.9, 0.5)], checkpoint_seconds=0.0)
    assert [row["epoch"] for row in read_epochs(run.path)] == [1]
    monkeypatch.setattr(_Training, "_save", save)
    go([Score(0.9, 0.5)])
    assert [row["epoch"] for row in read_epochs(run.path)] == [1, 2, 3]
    assert len((run.path / "log.csv").read_text().splitlines()) == 4


def test_a_finished_run_is_left_alone(go, run):
    """There is nothing to do, and nothing is written."""
    go()
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    assert go().finished
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


# Being refused


@pytest.mark.refusal
@pytest.mark.parametrize("number", range(0, 60, 7))
def test_a_full_disk_is_one_clear_error(go, run, tmp_path, monkeypatch, number):
    """Whenever it fills up: the last checkpoint still loads, and with room again it goes on to the same bits."""
    calls, sync = iter(range(10**6)), os.fsync

    def full(descriptor):
        if next(calls) >= number:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunError) as error:
            go(checkpoint_seconds=0.0)
    assert str(error.value) == (
        f"{error.value.rule.split(':')[0]}: the system refuses to write: No space left on device.\n"
        f"  path  {error.value.received['path']}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )
    assert str(error.value.received["path"]).startswith(str(run.path))
    saved = run.checkpoints.load("last")
    assert number < 14 or saved.state["step"] > 0
    assert not list(run.path.rglob(".unfinished-*"))
    go()
    uncut = create_run(tmp_path, "uncut", {})
    go(run=uncut)
    assert_same(weights(run), weights(uncut))


@pytest.mark.refusal
def test_a_disk_that_is_really_full_is_one_clear_error(go, disk, tmp_path):
    """A file system of 256 kB, filled up in the middle of training."""
    place = disk.make("256k")
    run = create_run(place, "run", {})
    with pytest.raises(Interrupted):
        go(run=run, plan=lambda plan: stop_at(signal.SIGTERM, plan))
    ballast = place / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(2**20))
    before = weights(run)
    with pytest.raises(RunError) as error:
        go(run=run)
    assert "the system refuses to write: No space left on device." in error.value.rule
    assert_same(weights(run), before)
    ballast.unlink()
    go(run=run)
    uncut = create_run(tmp_path, "uncut", {})
    go(run=uncut)
    assert_same(weights(run), weights(uncut))


@pytest.mark.refusal
def test_a_read_only_disk_is_one_clear_error(go, disk):
    """The run is still there to be used."""
    place = disk.make("1m")
    run = create_run(place, "run", {})
    with pytest.raises(Interrupted):
        go(run=run, plan=lambda plan: stop_at(signal.SIGTERM, plan))
    disk.shut()
    with pytest.raises(RunError) as error:
        go(run=run)
    assert error.value.rule == "log: the system refuses to write: Read-only file system."
    assert run.checkpoints.load("last").state["step"] == 6


@pytest.mark.refusal
@pytest.mark.parametrize("change", ["network", "optimiser", "counts"])
def test_a_checkpoint_of_something_else_is_refused(go, run, change):
    """It is whole, but not of this network and these options."""
    go(epochs=1, optimizer="adamw" if change == "optimiser" else "sgd")
    found = run.checkpoints.load("last")
    tensors, state = {**found.tensors}, {**found.state, "finished": False}
    if change == "network":
        tensors["model"] = {"weight": torch.zeros(1)}
    if change == "optimiser":
        tensors["optimizer"] = {"99.exp_avg": torch.zeros(1)}
    if change == "counts":
        state["steps_of_old"] = 3
    run.checkpoints.save(replace(found, tensors=tensors, state=state), step=6, best=False)
    with pytest.raises(CheckpointError) as error:
        go()
    reported = error.value.received["reported"]
    assert reported
    assert str(error.value) == (
        f"train: the last checkpoint of {run.path} is not one of this network and these options.\n"
        f"  reported  {reported}\n"
        "Use the version of Striate that wrote it, or train again."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("workers", [0, 1])
def test_a_sample_that_goes_bad_is_named_and_what_was_saved_is_whole(go, run, part, workers):
    """Files can vanish in the middle of training."""
    gone = replace(part, held=None)
    with pytest.raises(DataError) as error:
        go(part=gone, workers=workers)
    assert "/nowhere/" in str(error.value)
    assert run.checkpoints.load("last") is None


@pytest.mark.refusal
def test_a_worker_s_death_is_explained_while_the_network_computes(run, make_learner, make_plan, monkeypatch):
    """PyTorch raises it in the middle of a step, far from the loader."""
    learner = make_learner(**OPTIONS)

    def step(*args, **kwargs):
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")

    monkeypatch.setattr(learner, "step", step)
    with pytest.raises(DataError) as error:
        fit(run, learner, make_plan(learner), QUIET)
    assert error.value.rule == "load: a worker process died."


# Resuming


@pytest.mark.parametrize("options", [{}, {"optimizer": "adamw", "average_decay": 0.9, "accumulate": 2}], ids=str)
def test_cut_anywhere_it_ends_with_the_same_bits(go, tmp_path, options):
    """After every step once, with the cut in the middle of the epoch's sums too."""
    uncut = create_run(tmp_path, "uncut", {})
    total = go(run=uncut, **options).step
    for cut in range(1, total, 2):
        run = create_run(tmp_path, f"cut-{cut}", {})
        go_until(cut, go, run=run, **options)
        assert run.checkpoints.load("last").state["step"] == cut
        go(run=run, **options)
        assert_same(weights(run), weights(uncut))
        timeless = [{k: v for k, v in row.items() if "second" not in k} for row in read_epochs(run.path)]
        assert timeless == [{k: v for k, v in row.items() if "second" not in k} for row in read_epochs(uncut.path)]


def test_checkpoints_come_often_enough(go, run):
    """With no time between them allowed, every step is saved; otherwise what is best so far, and the end."""
    saved, save = [], type(run.checkpoints).save
    with pytest.MonkeyPatch.context() as patch:

        def noted(self, checkpoint, *, step, best):
            saved.append((step, best))
            return save(self, checkpoint, step=step, best=best)

        patch.setattr(type(run.checkpoints), "save", noted)
        go([Score(1.0, 0.5)] * 2, epochs=2, checkpoint_seconds=0.0)
    assert {step for step, _ in saved} == set(range(1, 13))
    assert [step for step, best in saved if best] == [6]


def test_the_state_is_json(go, run):
    """All that training counts fits into a checkpoint, and comes back as it was."""
    state = go([Score(0.1 + 0.2, 1 / 3)] * 3)
    assert State(**run.checkpoints.load("last").state) == state


def test_the_comparison_can_fail(go, run, tmp_path):
    """Another seed gives other bits."""
    go(epochs=1)
    other = create_run(tmp_path, "other", {})
    go(run=other, epochs=1, seed=1)
    with pytest.raises(AssertionError):
        assert_same(weights(run), weights(other))
