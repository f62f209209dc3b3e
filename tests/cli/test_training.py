"""cli.training: a new run, one that goes on, or a rehearsal; and nothing of two of them at once."""

import pytest

from striate.cli.training import OUT, train_with
from striate.errors import OptionError
from striate.recipes import Recipe, recipe_for
from striate.train import Run, Where

QUIET = Where(progress="none", threads=1)


@pytest.fixture
def command(tiny):
    """The command that trains the tiny network."""
    return train_with(recipe_for(tiny, "digits").changed(epochs=1))


@pytest.fixture
def recipe(tiny):
    """What it trains."""
    return recipe_for(tiny, "digits").changed(epochs=1)


def test_it_trains_and_says_where(command, recipe, tmp_path, capsys):
    """And what comes next, ready to be pasted."""
    assert command("digits", out=str(tmp_path / "a b"), recipe=recipe, where=QUIET) == 0
    path = tmp_path / "a b/digits-tiny"
    best, run, following = capsys.readouterr().out.splitlines()
    assert best.startswith("best validation accuracy ")
    assert run == f"run       {path}"
    assert following == f"next      striate evaluate '{path}'"
    assert Run(path).checkpoints.load("last").state["finished"]


def test_a_rehearsal_trains_nothing(command, recipe, tmp_path, monkeypatch, capsys):
    """It says so."""
    monkeypatch.chdir(tmp_path)
    assert command("digits", dry_run_=True, recipe=recipe, where=QUIET) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing was written"
    assert not list(tmp_path.iterdir())


def test_a_finished_run_is_resumed_to_its_end(command, recipe, tmp_path, capsys):
    """There is nothing to do, and that is no error."""
    command("digits", out=str(tmp_path), recipe=recipe, where=QUIET)
    first = capsys.readouterr().out
    assert command(resume_=str(tmp_path / "digits-tiny"), recipe=recipe, where=QUIET) == 0
    assert capsys.readouterr().out == first


@pytest.mark.refusal
def test_nothing_to_train_on(command, recipe):
    """The shortest command that trains is shown."""
    with pytest.raises(OptionError) as error:
        command(recipe=recipe, where=QUIET)
    assert str(error.value) == "train: there is nothing to train on.\nName the data: striate train digits"


@pytest.mark.refusal
def test_a_resumed_run_keeps_its_recipe(tiny):
    """What would be changed is shown as the command that a new run would take."""
    default = recipe_for(tiny, "digits")
    with pytest.raises(OptionError) as error:
        train_with(default)(resume_="run", recipe=default.changed(epochs=9, flip=False), where=QUIET)
    assert str(error.value) == (
        "train: a run that is resumed keeps its recipe.\n"
        "  changed  striate train DATA --model tiny --no-flip --epochs 9\n"
        "Leave the recipe's flags out, or train a new run."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("settings", [{"out": "elsewhere"}, {"dry_run_": True}])
def test_a_resumed_run_is_neither_moved_nor_rehearsed(settings):
    """A dry run must not train for real."""
    with pytest.raises(OptionError) as error:
        train_with(Recipe())(resume_="run", recipe=Recipe(), where=QUIET, **settings)
    assert str(error.value) == (
        "train: a run that is resumed stays where it is, and is not rehearsed.\n"
        f"  out      {settings.get('out', OUT)}\n"
        f"  dry_run  {settings.get('dry_run_', False)}\n"
        "Leave --out and --dry-run out."
    )
