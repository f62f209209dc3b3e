"""recipes.recipe: one frozen value that JSON can carry, whose settings are changed by name."""

import dataclasses
import json
from collections import Counter

import pytest

from striate.data import DataOptions
from striate.errors import OptionError
from striate.models import MODELS
from striate.recipes import RECIPES, Recipe
from striate.recipes.recipe import words_for
from striate.train import TrainOptions

# One other value for every setting that a recipe has.
CHANGES = {
    "image_size": (20, 24),
    "channels": 3,
    "resize": "stretch",
    "enlarge": 256 / 224,
    "split": (0.5, 0.25, 0.25),
    "split_seed": -7,
    "skip_bad": True,
    "flip": True,
    "pad": 3,
    "rotate": 7.5,
    "zoom": 0.25,
    "shift": 1e-05,
    "color": 0.3,
    "erase": 0.125,
    "random_crop": (256 / 224, 480 / 224),
    "color_noise": 0.1,
    "epochs": 7,
    "batch_size": 48,
    "accumulate": 3,
    "optimizer": "adamw",
    "learning_rate": 1e-07,
    "momentum": 0.5,
    "weight_decay": 0.3333333333333333,
    "schedule": "constant",
    "warmup_epochs": 0.25,
    "milestones": (0.1, 0.2, 0.9),
    "plateau_epochs": 2,
    "label_smoothing": 0.05,
    "class_weights": "balanced",
    "clip_norm": 2.5,
    "precision": "bf16",
    "filter_rms": 0.1,
    "average_decay": 0.75,
    "patience": 4,
    "seed": -9223372036854775808,
    "max_skips": 0,
    "overfit": 2,
    "weights": "runs/some cats",
    "freeze": ("conv1", "stage1"),
    "layer_decay": 0.65,
}


def settings(recipe):
    """All settings of a recipe, by name."""
    parts = recipe.to_json()
    return {name: value for part in ("data", "augment", "train") for name, value in parts[part].items()}


def test_a_setting_s_name_belongs_to_one_part():
    """So a name alone says what is changed; and the table above misses none."""
    counts = Counter(field.name for part in ("data", "augment", "train") for field in fields_of(part))
    assert set(counts.values()) == {1}
    assert counts.keys() == CHANGES.keys()
    assert "model" not in counts


def fields_of(part):
    """The fields of a part of a recipe."""
    return dataclasses.fields(getattr(Recipe(), part))


@pytest.mark.parametrize("name", CHANGES)
def test_changed_changes_that_and_nothing_else(name):
    """One setting differs afterwards, and the recipe that was changed is as it was."""
    before = Recipe()
    after = before.changed(**{name: CHANGES[name]})
    assert settings(after) == {**settings(before), name: CHANGES[name]}
    assert before == Recipe()


def test_changes_add_up():
    """Two changes are the change of both, in any order."""
    one, other = {"epochs": 3, "flip": True}, {"image_size": (8, 8), "epochs": 4}
    assert Recipe().changed(**one).changed(**other) == Recipe().changed(**{**one, **other})
    assert Recipe().changed() == Recipe()


@pytest.mark.parametrize("recipe", [*(build() for build in RECIPES.values()), Recipe().changed(**CHANGES)])
def test_json_carries_a_recipe(recipe):
    """It comes back equal from text, tuples and all, and so does its hash."""
    found = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
    assert found == recipe
    assert hash(found) == hash(recipe)


def test_a_recipe_that_lacks_settings_gets_their_defaults():
    """A later version may read what an earlier one wrote."""
    assert Recipe.from_json({"model": "resnet20", "train": {"epochs": 2}}) == Recipe("resnet20").changed(epochs=2)


def test_it_is_frozen():
    """A recipe cannot change under a run's feet."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().model = "resnet20"  # pyright: ignore[reportGeneralTypeIssues]


OPTIONS = ("stride_on=3x3", "width=2", 'version="1"', "sizes=[3, 5]", "bias=false")


def test_a_network_s_own_options_are_words_with_a_value():
    """As JSON where it is JSON, as text where it is not; words and values are each other's inverse."""
    recipe = Recipe("resnet20").changed(options=OPTIONS)
    found = {"stride_on": "3x3", "width": 2, "version": "1", "sizes": (3, 5), "bias": False}
    assert recipe.network_options == found
    assert words_for(found) == OPTIONS
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert recipe.changed(epochs=2).options == OPTIONS


@pytest.mark.refusal
@pytest.mark.parametrize("word", ["stride_on", "=3x3", "="])
def test_an_option_without_a_name_or_a_value_is_refused(word):
    """Where the recipe is made."""
    with pytest.raises(OptionError) as error:
        Recipe(options=("width=2", word))
    assert str(error.value) == (
        f"recipe: an option is a name and a value.\n  options  {word}\nWrite it with = and no space: stride_on=3x3."
    )


@pytest.mark.refusal
def test_an_unknown_network_lists_the_known_ones():
    """Where the recipe is made, not where it is first used."""
    with pytest.raises(OptionError) as error:
        Recipe("resnet19")
    assert str(error.value) == (
        f"recipe: no model is called 'resnet19'.\n  model  resnet19\nChoose one of: {', '.join(MODELS)}."
    )
    assert "resnet19" not in MODELS


@pytest.mark.refusal
def test_unknown_settings_list_the_known_ones():
    """All that are unknown, and every one that there is."""
    with pytest.raises(OptionError) as error:
        Recipe().changed(epoch=3, flip=True, lr=1.0)
    assert str(error.value) == (
        "recipe: no setting is called 'epoch', 'lr'.\n"
        "  model  lenet5\n"
        "Choose from: image_size, channels, resize, enlarge, split, split_seed, skip_bad, flip, pad, rotate, zoom, "
        "shift, color, erase, random_crop, color_noise, epochs, batch_size, accumulate, optimizer, learning_rate, "
        "momentum, weight_decay, schedule, warmup_epochs, milestones, plateau_epochs, label_smoothing, class_weights, "
        "clip_norm, precision, filter_rms, average_decay, patience, seed, max_skips, overfit, "
        "weights, freeze, layer_decay, options."
    )


@pytest.mark.refusal
def test_a_setting_out_of_range_is_refused_by_its_own_part():
    """The parts check themselves, however they are made."""
    with pytest.raises(OptionError) as error:
        Recipe.from_json({"model": "lenet5", "train": {"epochs": 0}})
    with pytest.raises(OptionError) as direct:
        TrainOptions(epochs=0)
    assert (
        str(error.value)
        == str(direct.value)
        == "train: epochs is out of range.\n  epochs  0\nPass a whole number from 1."
    )
    with pytest.raises(OptionError):
        Recipe().changed(image_size=(0, 0))
    assert Recipe().data == DataOptions()
