"""recipes.training: a run from beginning to end, its folder, and going on with it."""

import json
import os
import shutil

import pytest
import torch
from PIL import Image

from striate.data import Preprocess
from striate.data.loader import Loader
from striate.errors import DataError, NonFiniteError, OptionError, RunError, ShapeError
from striate.models import create
from striate.recipes import Recipe, recipe_for, resume, train
from striate.recipes.training import recipe_of
from striate.train import Run, Where, read_epochs

QUIET = Where(progress="none", threads=1)


@pytest.fixture
def trained(tiny, pictures, tmp_path):
    """A run on a few pictures."""
    return train(pictures({"cat": 9, "dog": 9}), model=tiny, out=tmp_path / "runs", where=QUIET, batch_size=4, epochs=1)


def test_the_folder_says_all_that_repeats_the_run(trained, pictures, tmp_path):
    """The recipe, the command, the data, the versions, the machine; as strict JSON."""
    about = json.loads((trained.path / "run.json").read_text(), parse_constant=pytest.fail)
    assert recipe_of(trained) == recipe_for("tiny", "data").changed(batch_size=4, epochs=1)
    assert about["classes"] == ["cat", "dog"]
    assert about["data"]["source"] == str(tmp_path / "data")
    assert (
        about["data"]["samples"] == {"train": 12, "val": 4, "test": 2} or sum(about["data"]["samples"].values()) == 18
    )
    assert about["versions"].keys() == {"python", "striate", "torch", "numpy", "pillow", "safetensors"}
    assert about["threads"] == 1
    assert about["machine"]["usable_cores"] >= 1
    assert trained.path.name == "data-tiny"


def test_the_recipe_rebuilds_the_network(trained):
    """With every checkpoint, without the data and without run.json."""
    checkpoint = trained.checkpoints.load("best")
    about = checkpoint.about
    assert about == trained.about
    network = dict(about["network"])
    model = create(network.pop("name"), **network)
    model.load_state_dict(dict(checkpoint.tensors["model"]))
    assert Recipe.from_json(about["recipe"]).model == "tiny"
    preprocess = Preprocess(**{k: tuple(v) if isinstance(v, list) else v for k, v in about["preprocess"].items()})
    assert model(torch.zeros(1, preprocess.channels, *preprocess.image_size)).shape == (1, 2)


def test_the_same_recipe_gives_the_same_weights(tiny, tmp_path):
    """Twice, bit for bit; another seed gives others."""
    settings = [{"seed": 0}, {"seed": 0}, {"seed": 1}]
    runs = [train("digits", model=tiny, out=tmp_path, where=QUIET, epochs=1, **s) for s in settings]
    one, again, other = (run.checkpoints.load("last").tensors["average"] for run in runs)
    assert all(torch.equal(tensor, again[name]) for name, tensor in one.items())
    assert not all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_training_leaves_the_process_as_it_was(tiny, tmp_path):
    """Random numbers, threads and signal handlers."""
    import signal

    def state():
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        return torch.get_num_threads(), handlers, torch.get_rng_state().tolist()

    before = state()
    train("digits", model=tiny, out=tmp_path, where=QUIET, epochs=1)
    assert state() == before


def test_a_taken_name_is_counted_on(tiny, tmp_path):
    """No run is written over, nor a file."""
    (tmp_path / "digits-tiny-2").write_text("mine")
    runs = [train("digits", model=tiny, out=tmp_path, where=QUIET, overfit=1, epochs=1).path.name for _ in range(2)]
    assert runs == ["digits-tiny", "digits-tiny-3"]
    assert (tmp_path / "digits-tiny-2").read_text() == "mine"


@pytest.mark.parametrize("name", ["[bold]", "-rf", "a b", "ünï", "..hidden", "it's", "x\ny"])
def test_any_name_of_the_data_makes_a_plain_name_of_the_run(name, tiny, pictures, tmp_path):
    """A name that a shell takes for nothing else; the data is found again all the same."""
    data = pictures({"cat": 6, "dog": 6}, name=name)
    run = train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1)
    assert run.path.name.endswith("-tiny")
    assert all(c.isalnum() or c in "-._" for c in run.path.name)
    assert run.path.name[0].isalnum()
    assert resume(run, where=QUIET).path == run.path


def test_relative_paths_are_of_where_one_is(tiny, pictures, tmp_path, monkeypatch):
    """The data is found again from elsewhere; the run is where it was asked for."""
    pictures({"cat": 6, "dog": 6})
    monkeypatch.chdir(tmp_path)
    run = train("data", model=tiny, out="runs", where=QUIET, epochs=1)
    assert str(run.path) == "runs/data-tiny"
    assert run.about["data"]["source"] == str(tmp_path / "data")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(tmp_path / "runs/data-tiny", where=QUIET).about["data"]["source"] == str(tmp_path / "data")


def test_a_few_batches_can_be_learnt_by_heart(tmp_path):
    """The first thing to try when a network does not learn: 100 % of two batches."""
    run = train("digits", out=tmp_path, where=QUIET, overfit=2, epochs=60, average_decay=0.0)
    assert read_epochs(run.path)[-1]["val_accuracy"] == 1.0


def test_rare_classes_count(tiny, pictures, tmp_path):
    """Weights that balance the classes change what is learnt."""
    data = pictures({"cat": 30, "dog": 6})
    runs = [
        train(data, model=tiny, out=tmp_path / "runs", where=QUIET, epochs=1, class_weights=name)
        for name in ("none", "balanced")
    ]
    plain, balanced = (run.checkpoints.load("last").tensors["model"]["fc.bias"] for run in runs)
    assert not torch.equal(plain, balanced)


def test_moved_data_is_taken_where_it_is_now(trained, tmp_path):
    """It is the same data if its bytes are the same."""
    (tmp_path / "data").rename(tmp_path / "moved")
    with pytest.raises(DataError):
        resume(trained, where=QUIET)
    assert resume(trained, data=tmp_path / "moved", where=QUIET) is trained


@pytest.mark.refusal
@pytest.mark.parametrize("change", ["pixel", "added", "removed", "relabelled"])
def test_changed_data_is_refused(change, trained, tmp_path):
    """One picture is enough."""
    first = tmp_path / "data/cat/0.png"
    if change == "pixel":
        Image.new("L", (10, 12), 7).save(first)
    elif change == "added":
        shutil.copy(first, tmp_path / "data/cat/new.png")
    elif change == "removed":
        first.unlink()
    else:
        first.rename(tmp_path / "data/dog/from-cat.png")
    with pytest.raises(RunError) as error:
        resume(trained, where=QUIET)
    found = str(error.value).splitlines()[3].split()[-1]
    assert str(error.value) == (
        f"resume: the data is not what {trained.path} began with.\n"
        f"  data      {tmp_path / 'data'}\n"
        f"  expected  {trained.about['data']['fingerprint'][:16]}\n"
        f"  found     {found}\n"
        "Restore the files as they were, or train anew on what there is now."
    )


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("settings", "refusal"),
    [({"model": "lenet5", "image_size": (8, 8)}, ShapeError), ({"model": "lenet5", "accumulate": 9999}, OptionError)],
)
def test_what_cannot_be_trained_leaves_no_run(settings, refusal, tmp_path):
    """Neither a folder with nothing to go on with, nor the one around it."""
    with pytest.raises(refusal):
        train("digits", out=tmp_path / "runs", where=QUIET, **settings)
    with pytest.raises(OptionError):
        train("digits", out=tmp_path / "runs", where=Where(progress="none", device="tpu"))
    assert not (tmp_path / "runs").exists()


@pytest.mark.refusal
def test_a_place_that_cannot_be_written_gives_one_clear_error(tiny, tmp_path):
    """Here it is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError) as error:
        train("digits", model=tiny, out=tmp_path / "file", where=QUIET)
    assert str(error.value) == (
        "run: the system refuses to write: Not a directory.\n"
        f"  path  {tmp_path / 'file/digits-tiny'}\n"
        "Make room or give write permission, or choose another folder; what was saved before is whole."
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_gives_one_clear_error(tiny, tmp_path):
    """The system's own words."""
    tmp_path.chmod(0o500)
    with pytest.raises(RunError, match="run: the system refuses to write: Permission denied"):
        train("digits", model=tiny, out=tmp_path / "runs", where=QUIET)


def test_a_folder_that_is_taken_away_gives_one_clear_error(tiny, tmp_path, monkeypatch):
    """Training stops with an error of ours, and does not make up a folder that is no run."""
    batches = Loader.batches

    def robbing(self, start, stop, *, parts=1):
        for step, batch in enumerate(batches(self, start, stop, parts=parts)):
            if step == 3:
                shutil.rmtree(tmp_path / "digits-tiny", ignore_errors=True)
            yield batch

    monkeypatch.setattr(Loader, "batches", robbing)
    with pytest.raises(RunError, match="refuses to write: No such file or directory"):
        train("digits", model=tiny, out=tmp_path, where=QUIET)
    assert not (tmp_path / "digits-tiny").exists()


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("change", "reported"),
    [
        (lambda about: about.pop("recipe"), "KeyError: 'recipe'"),
        (lambda about: about.pop("threads"), "KeyError: 'threads'"),
        (lambda about: about.update(threads=10**9), "OptionError: where: threads is out of range."),
        (lambda about: about.update(data=[]), "TypeError: list indices must be integers or slices, not str"),
        (lambda about: about["recipe"].update(model="evil"), "OptionError: recipe: no model is called 'evil'."),
        (lambda about: about["recipe"]["train"].update(warp=9), "OptionError: recipe: no setting is called 'warp'."),
        (lambda about: about["recipe"].update(train=3), "AttributeError: 'int' object has no attribute 'items'"),
    ],
)
def test_a_damaged_description_is_refused(change, reported, trained):
    """The message names the file."""
    about = trained.about
    change(about)
    (trained.path / "run.json").write_text(json.dumps(about))
    with pytest.raises(RunError) as error:
        resume(trained.path, where=Where(progress="none"))
    assert str(error.value) == (
        f"run: {trained.path / 'run.json'} is damaged, or of another version.\n"
        f"  reported  {reported}\n"
        "Use the version of Striate that wrote it, or train again."
    )


def test_a_loss_that_explodes_leaves_a_run_that_can_be_used(tiny, tmp_path):
    """The weights before are saved, and they are finite."""
    with pytest.raises(NonFiniteError):
        train("digits", model=tiny, out=tmp_path, where=QUIET, learning_rate=1e9, clip_norm=0.0, max_skips=1)
    checkpoint = Run(tmp_path / "digits-tiny").checkpoints.load("last")
    assert all(t.isfinite().all() for group in checkpoint.tensors.values() for t in group.values())
