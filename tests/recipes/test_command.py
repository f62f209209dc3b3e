"""recipes.command: the command that a run writes, read by the command line, gives the same recipe."""

import random
import shlex

import pytest
from tests.recipes.test_recipe import CHANGES, OPTIONS

from striate.cli.arguments import parse
from striate.models import MODELS
from striate.recipes import RECIPES, recipe_for, train
from striate.recipes.command import train_command
from striate.train import Where

SOURCES = ["digits", "/data/digits", "/data/cats and dogs", "/data/it's $HOME", "/d/ünï.csv", "/data/-x", "/-h"]


def read(command):
    """The data and the recipe that the command line makes of a command."""
    words = shlex.split(command)
    assert words[:2] == ["striate", "train"]
    settings = parse(words[1:]).keywords
    return settings["data"], settings["recipe"]


def said(recipe, source):
    """The command for a recipe."""
    return train_command(source, recipe, recipe_for(recipe.model, source))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_comes_back(name):
    """On the digits or elsewhere: what differs from the default there is in the command."""
    recipe = RECIPES[name]()
    for source in ("digits", "/data/some"):
        assert read(said(recipe, source)) == (source, recipe)


@pytest.mark.parametrize("name", CHANGES)
def test_every_setting_comes_back(name):
    """Each by itself."""
    recipe = recipe_for("lenet5", "digits").changed(**{name: CHANGES[name]})
    assert read(said(recipe, "digits")) == ("digits", recipe)


@pytest.mark.parametrize("seed", range(30))
def test_random_changes_come_back(seed):
    """Any network, any data, any settings; from another network's recipe, so that settings are taken back as well."""
    dice = random.Random(seed)
    names = dice.sample(sorted(CHANGES), dice.randrange(len(CHANGES)))
    theirs = recipe_for(dice.choice(list(MODELS)), dice.choice(SOURCES)).to_json()
    base = recipe_for(dice.choice(list(MODELS)), dice.choice(SOURCES))
    settings = {name: value for part in ("data", "augment", "train") for name, value in theirs[part].items()}
    recipe = base.changed(**{**settings, **{name: CHANGES[name] for name in names}})
    source = dice.choice(SOURCES)
    assert read(said(recipe, source)) == (source, recipe)


@pytest.mark.parametrize(
    "settings", [{"milestones": ()}, {"image_size": None}, {"flip": False}, {"seed": -1}, {"options": OPTIONS}]
)
def test_what_words_say_badly_comes_back(settings):
    """Nothing, None, no and a minus."""
    recipe = recipe_for("resnet20", "digits").changed(**settings)
    assert read(said(recipe, "digits")) == ("digits", recipe)


def test_flags_may_come_before_the_data():
    """The recipe does not depend on the order of the words."""
    after = parse(["train", "digits", "--model", "resnet20", "--epochs", "3"]).keywords
    before = parse(["train", "--epochs", "3", "--model", "resnet20", "digits"]).keywords
    assert before == after
    assert after["recipe"] == recipe_for("resnet20", "digits").changed(epochs=3)


def test_what_is_not_changed_is_not_said():
    """A run with the network's own recipe is repeated by a short command."""
    assert said(recipe_for("resnet20", "digits"), "digits") == "striate train digits --model resnet20"


def test_a_run_on_a_folder_called_digits_writes_a_true_command(tiny, pictures, tmp_path):
    """Such a folder is not the embedded digits, and what equals only these's recipe has to be said."""
    data = pictures({"cat": 6, "dog": 6}, name="digits")
    recipe = recipe_for("lenet5", "digits").changed(epochs=1, image_size=(16, 16))
    run = train(data, recipe=recipe, out=tmp_path / "runs", where=Where(progress="none", threads=1))
    assert read(run.about["command"]) == (str(data), recipe)


def test_the_comparison_can_fail():
    """A command that lacks a changed setting gives another recipe."""
    recipe = recipe_for("lenet5", "digits").changed(epochs=3)
    assert read(said(recipe, "digits").replace(" --epochs 3", "")) != ("digits", recipe)
