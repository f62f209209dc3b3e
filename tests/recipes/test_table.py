"""recipes.table: every recipe holds, and is found by network and data."""

from dataclasses import replace

import pytest

from striate.errors import OptionError
from striate.models import MODELS
from striate.recipes import RECIPES, Recipe, dry_run, recipe_for, table
from striate.recipes.table import alexnet, chosen, resnet_imagenet, zfnet
from striate.train import Where
from striate.train.schedule import learning_rate

recipes = pytest.mark.parametrize("name", RECIPES)


@recipes
def test_a_recipe_is_for_the_network_it_is_named_after(name):
    """And it is the same each time it is asked for."""
    recipe = RECIPES[name]()
    assert recipe.model == name.removesuffix("-digits")
    assert recipe == RECIPES[name]()


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.image_size == (32, 32)])
def test_every_network_for_small_images_has_a_recipe(name):
    """One of its own, and one for the data that comes with the package."""
    assert recipe_for(name, "some/folder") == RECIPES[name]()
    assert recipe_for(name, "digits") == RECIPES[f"{name}-digits"]()
    assert recipe_for(name, "digits") != recipe_for(name, "some/folder")


def test_a_folder_called_digits_is_not_the_digits():
    """Only the word alone means the embedded data."""
    assert recipe_for("lenet5", "./digits") == recipe_for("lenet5", "/data/digits") == RECIPES["lenet5"]()


def test_a_network_without_a_recipe_gets_the_plain_one(monkeypatch):
    """A network that someone adds to the table can be trained at once."""
    monkeypatch.setitem(MODELS, "mine", MODELS["lenet5"])
    assert recipe_for("mine", "digits") == Recipe("mine")


@recipes
def test_every_recipe_trains(name, pictures):
    """Two steps on a few pictures, at the recipe's own size, give a finite loss; the deep networks at fewer pixels."""
    deep = name.removesuffix("-digits").endswith(("56", "110"))
    data = pictures({"cat": 6, "dog": 6}, mode="RGB")
    found = dry_run(
        data,
        recipe=RECIPES[name](),
        where=Where(progress="none", threads=1),
        batch_size=4,
        **({"image_size": (8, 8)} if deep else {}),
    )
    assert 0 < found.loss < 100
    assert found.recipe.model == name.removesuffix("-digits")


def test_the_digits_have_a_left_and_a_right():
    """Nothing mirrors them: a mirrored digit is another sign."""
    assert not any(RECIPES[name]().augment.flip for name in RECIPES if name.endswith("-digits"))


def test_the_cifar_recipe_is_the_paper_s():
    """He et al., section 4.2: 128 a batch, 0.9, 1e-4, 0.1 divided by 10 at half and three quarters, pad 4, mirror."""
    recipe = recipe_for("resnet56", "cifar10")
    assert (recipe.train.batch_size, recipe.train.momentum, recipe.train.weight_decay) == (128, 0.9, 1e-4)
    assert (recipe.train.learning_rate, recipe.train.schedule, recipe.train.milestones) == (0.1, "step", (0.5, 0.75))
    assert (recipe.augment.pad, recipe.augment.flip, recipe.train.optimizer) == (4, True, "sgd")
    assert recipe.train.epochs * 391 == pytest.approx(64_000, rel=0.01)  # steps, of 128 of 50,000 images


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_a_plain_network_is_trained_as_its_residual_one(depth):
    """So that what they differ in is the shortcuts."""
    for data in ("cifar10", "digits"):
        plain, residual = recipe_for(f"plain{depth}", data), recipe_for(f"resnet{depth}", data)
        assert (plain.data, plain.augment, plain.train) == (residual.data, residual.augment, residual.train)


@pytest.mark.refusal
def test_a_recipe_and_another_network_s_name_contradict_each_other():
    """The message names both; either alone, or both in agreement, is fine."""
    recipe = recipe_for("resnet20", "digits")
    assert chosen(recipe, None, "digits") == chosen(recipe, "resnet20", "digits") == recipe
    assert chosen(None, None, "digits") == recipe_for("lenet5", "digits")
    with pytest.raises(OptionError) as error:
        chosen(recipe, "lenet5", "digits")
    assert str(error.value) == (
        "train: the recipe is for another network.\n"
        "  model   lenet5\n"
        "  recipe  resnet20\n"
        "Pass the recipe or the network's name, or a recipe of that network: recipe_for(model, data)."
    )


def entry(size):
    """A network's line in the table, as its own file would have it."""
    return replace(MODELS["resnet20"], image_size=(size, size))


def sides(recipe, size):
    """The shorter sides of its pictures, in pixels: to judge, and the least and most to learn from."""
    return [round(size * times) for times in (recipe.data.enlarge, *(recipe.augment.random_crop or ()))]


def test_the_alexnet_recipe_is_the_paper_s(monkeypatch):
    """Krizhevsky et al., sections 4.1 and 5: pieces of 256 x 256, mirrored, noise; 128, 0.9, 5e-4, 0.01."""
    monkeypatch.setitem(MODELS, "alexnet", entry(227))
    recipe = alexnet("alexnet")
    assert (sides(recipe, 227), recipe.data.resize) == ([256, 256, 256], "crop")
    assert (recipe.augment.flip, recipe.augment.color_noise) == (True, 0.1)
    assert (recipe.train.batch_size, recipe.train.momentum, recipe.train.weight_decay) == (128, 0.9, 5e-4)
    assert (recipe.train.learning_rate, recipe.train.schedule, recipe.train.epochs) == (0.01, "plateau", 90)
    assert recipe.train.filter_rms == 0


def test_the_zfnet_recipe_is_the_paper_s(monkeypatch):
    """Zeiler and Fergus, section 3: as AlexNet, but no colour noise, 70 epochs, and filters of at most 0.1."""
    monkeypatch.setitem(MODELS, "zfnet", entry(224))
    recipe = zfnet("zfnet")
    assert (recipe.train.filter_rms, recipe.train.epochs, recipe.augment.color_noise) == (0.1, 70, 0.0)
    assert (recipe.train.batch_size, recipe.train.momentum, recipe.train.learning_rate) == (128, 0.9, 0.01)
    assert sides(recipe, 224) == [256, 256, 256]


def test_the_resnet_recipe_is_the_paper_s(monkeypatch):
    """He et al., section 3.4: 256 to 480 of all of the picture, mirrored, noise; 256, 0.9, 1e-4, 0.1 by tenths."""
    monkeypatch.setitem(MODELS, "resnet50", entry(224))
    recipe = resnet_imagenet("resnet50")
    assert sides(recipe, 224) == [256, 256, 480]
    assert (recipe.data.resize, recipe.augment.flip, recipe.augment.color_noise) == ("shorter", True, 0.1)
    assert (recipe.train.batch_size, recipe.train.momentum, recipe.train.weight_decay) == (256, 0.9, 1e-4)
    rates = [learning_rate(recipe.train, step, steps_per_epoch=1) for step in (0, 29, 30, 59, 60, 89)]
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


@pytest.mark.parametrize(
    ("name", "size", "epochs"),
    [("alexnet-owt", 224, 90), ("zfnet-b", 224, 70), ("plain34", 224, 90), ("plain20", 32, 164)],
)
def test_a_paper_s_networks_follow_its_recipe(name, size, epochs, monkeypatch):
    """All forms of one, by their names and the size of their images."""
    monkeypatch.setitem(MODELS, name, entry(size))
    monkeypatch.setattr(table, "_CIFAR", [n for n in MODELS if MODELS[n].image_size == (32, 32)])
    found = table._of_paper(name)
    assert found
    recipe = found()
    assert (recipe.model, recipe.train.epochs) == (name, epochs)


@pytest.mark.parametrize("name", ["alexnet", "zfnet", "resnet_imagenet"])
def test_the_papers_recipes_train(name, monkeypatch, pictures):
    """On colour pictures, at a size that a small network takes: two steps and a finite loss."""
    recipe = getattr(table, name)("resnet20").changed(image_size=(16, 16), batch_size=4)
    found = dry_run(pictures({"cat": 6, "dog": 6}, mode="RGB"), recipe=recipe, where=Where(progress="none", threads=1))
    assert 0 < found.loss < 100
