"""recipes.preparation: data, network, task, batches and validation, as the recipe says."""

import pytest
import torch

from striate.data.transforms import Augment
from striate.errors import OptionError, ShapeError
from striate.models import MODELS
from striate.recipes import Recipe, recipe_for
from striate.recipes.preparation import network_of, open_for, prepare
from striate.train import Where

QUIET = Where(progress="none", device="cpu")


def prepared(recipe, data="digits"):
    """What the recipe makes of the data."""
    dataset = open_for(data, recipe, QUIET)
    return dataset, *prepare(dataset, recipe, QUIET)


def weights(learner):
    """All weights, as one vector."""
    return torch.cat([p.detach().flatten() for p in learner.model.parameters()])


def test_the_seed_decides_the_first_weights(tiny):
    """The same seed gives the same, another others; and the caller's random numbers go on as if nothing was."""
    torch.manual_seed(5)
    before = torch.get_rng_state()
    one, again, other = (weights(prepared(Recipe(tiny).changed(seed=seed))[1]) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("size", [None, (20, 24)])
def test_the_recipe_s_size_comes_before_the_network_s(size):
    """Whatever reads the data reads it at the size that the network is made for."""
    dataset = open_for("digits", Recipe("lenet5").changed(image_size=size), QUIET)
    assert dataset.preprocess.image_size == (size or MODELS["lenet5"].image_size)
    assert network_of(dataset, Recipe("lenet5")) == {
        "classes": 10,
        "in_channels": 1,
        "image_size": dataset.preprocess.image_size,
    }


def test_validation_is_without_augmentation_on_the_validation_part(tiny):
    """It gives the mean loss and the part that is right of just these images, each time the same."""
    recipe = recipe_for(tiny, "digits")
    dataset, learner, plan = prepared(recipe)
    part = dataset.parts["val"]
    images = torch.stack([torch.from_numpy(part.read(i)) for i in range(len(part))])
    mean, std = (torch.tensor(x).view(-1, 1, 1) for x in (dataset.preprocess.mean, dataset.preprocess.std))
    labels = torch.from_numpy(part.labels)
    learner.judged.eval()
    with torch.no_grad():
        logits = learner.judged((images - mean) / std)
    score = plan.validate(learner.judged, should_stop=lambda: False)
    assert score.loss == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), abs=1e-5)
    assert score.accuracy == pytest.approx((logits.argmax(1) == labels).double().mean().item(), abs=1e-12)
    assert plan.validate(learner.judged, should_stop=lambda: False) == score


def test_validation_stops_when_asked(tiny):
    """Then it has no result, and the network is as it was."""
    _, learner, plan = prepared(recipe_for(tiny, "digits"))
    learner.model.train()
    assert plan.validate(learner.model, should_stop=lambda: True) is None
    assert learner.model.training


def test_overfitting_judges_what_it_trains_on(tiny):
    """The same few batches, not augmented, without the others."""
    _, _, plan = prepared(recipe_for(tiny, "digits").changed(overfit=2))
    assert plan.loader.augment == Augment()
    assert plan.steps_per_epoch == 2
    seen = [set(b.indices.tolist()) for b in plan.loader.batches(0, 4)]
    assert seen[:2] == seen[2:]


def test_augmentation_is_the_recipe_s(tiny):
    """Where nothing is overfitted."""
    _, _, plan = prepared(recipe_for(tiny, "digits"))
    assert plan.loader.augment == Augment(rotate=10.0, flip=True)


def test_balanced_classes_count_alike(tiny, pictures):
    """Every class's samples together weigh the same."""
    dataset, learner, _ = prepared(Recipe(tiny).changed(class_weights="balanced"), pictures({"cat": 20, "dog": 10}))
    labels = torch.from_numpy(dataset.parts["train"].labels)
    weight = [learner.task.weight(labels[labels == k]) for k in range(2)]
    assert weight[0] == pytest.approx(weight[1])
    assert prepared(Recipe(tiny))[1].task.class_weights is None


@pytest.mark.refusal
def test_too_few_samples_for_the_parts_of_a_batch(tiny, pictures):
    """A part without a sample has no gradient."""
    with pytest.raises(OptionError) as error:
        prepared(Recipe(tiny).changed(batch_size=2, accumulate=20), pictures({"cat": 10, "dog": 10}))
    assert str(error.value) == (
        "train: there are too few samples for so many parts of a batch.\n"
        "  samples     12\n"
        "  batch_size  2\n"
        "  accumulate  20\n"
        "Lower accumulate or the batch size."
    )


@pytest.mark.refusal
def test_a_size_that_the_network_cannot_take():
    """Said by the network."""
    with pytest.raises(ShapeError):
        prepared(recipe_for("lenet5", "digits").changed(image_size=(8, 8)))
