"""cli.arguments: from words to a command that is ready to run, or to why not."""

import pytest

from striate.cli.arguments import parse
from striate.errors import OptionError, RunError
from striate.models import MODELS
from striate.recipes import Recipe, recipe_for, train
from striate.train import Where


def test_parsing_runs_nothing(capsys):
    """The command waits to be called."""
    command = parse(["models"])
    assert capsys.readouterr() == ("", "")
    assert command() == 0
    assert "lenet5" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["digits", "--model", "resnet20", "--batch-size", "8"],
        ["--model", "resnet20", "digits", "--batch-size", "8"],
        ["--batch-size", "8", "--model", "resnet20", "digits"],
        ["--batch-size=8", "--model=resnet20", "digits"],
        ["--model", "lenet5", "--batch_size", "8", "digits", "--model", "resnet20"],
    ],
    ids=" ".join,
)
def test_the_default_recipe_is_the_network_s_and_the_data_s(words):
    """In whatever order the words come."""
    found = parse(["train", *words]).keywords
    assert found["recipe"] == recipe_for("resnet20", "digits").changed(batch_size=8)
    assert found["data"] == "digits"


def test_without_data_the_recipe_is_the_network_s():
    """And the command itself will say that the data is missing."""
    assert parse(["train"]).keywords["recipe"] == recipe_for("lenet5", "")


def test_a_resumed_run_s_recipe_is_its_own(tiny, tmp_path):
    """So that its own settings are no change."""
    quiet = Where(progress="none", threads=1)
    run = train("digits", model=tiny, out=tmp_path, where=quiet, epochs=1, overfit=1)
    found = parse(["train", "--resume", str(run.path), "--epochs", "1"]).keywords["recipe"]
    assert found == Recipe.from_json(run.about["recipe"])


@pytest.mark.parametrize(
    ("command", "shows"),
    [
        (["train", "digits", "--model", "resnet20", "--help"], "(default: 0.1)"),
        (["train", "digits", "--help"], "(default: 0.003)"),
    ],
)
def test_help_shows_the_defaults_that_hold(command, shows, capsys):
    """Those of the network and the data that the line names."""
    with pytest.raises(SystemExit) as stop:
        parse(command)
    assert stop.value.code == 0
    assert shows in capsys.readouterr().out


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--batch-size -1", "train: batch_size is out of range.\n  batch_size  -1\nPass a whole number from 1."),
        ("--learning-rate nan", "train: learning_rate is out of range.\n  learning_rate  nan\nPass a number from 0."),
        (
            "--image-size 0 0",
            "open_dataset: image_size is not a height and a width.\n"
            "  image_size  (0, 0)\n"
            "Pass two of 1 to 4096, in pixels, such as (32, 32).",
        ),
        ("--rotate 999", "augment: rotate is out of range.\n  rotate  999.0\nPass 0 to 180."),
        ("--threads 100000000", "where: threads is out of range.\n  threads  100000000\nPass 0 to 1024."),
        (
            "--model resnet19",
            f"recipe: no model is called 'resnet19'.\n  model  resnet19\nChoose one of: {', '.join(MODELS)}.",
        ),
    ],
)
def test_a_setting_s_own_refusal_is_said_whole(words, said, capsys):
    """With the value and the way out, and nothing of the parser's around it."""
    with pytest.raises(OptionError) as error:
        parse(["train", "digits", *words.split()])
    assert str(error.value) == said
    assert capsys.readouterr() == ("", "")


@pytest.mark.refusal
def test_a_run_that_is_none_cannot_be_resumed(tmp_path):
    """Said before the flags are looked at."""
    with pytest.raises(RunError, match="is no run: it holds no readable"):
        parse(["train", "--resume", str(tmp_path), "--epochs", "3"])


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing subcommand"),
        (["nonsense"], "Unrecognized options: nonsense"),
        (["train", "--nonsense"], "Unrecognized options: --nonsense"),
        (["summary"], "Missing from striate summary"),
        (["train", "--epochs", "1.5"], "--epochs"),
        (["train", "--epochs"], "--epochs"),
        (["evaluate", "x", "--checkpoint", "newest"], "'newest'"),
        (["train", "--optimizer", "adam"], "'sgd'"),
    ],
)
def test_what_is_not_understood_exits_with_2(words, said, capsys):
    """The parser says what, on standard error; what is chosen from is listed."""
    with pytest.raises(SystemExit) as stop:
        parse(words)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert "tyro" not in err
