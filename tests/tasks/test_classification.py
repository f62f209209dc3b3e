"""tasks.classification: PyTorch's mean cross-entropy, made of sums; scikit-learn's balanced weights."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from striate.errors import OptionError
from striate.tasks import Classification, Prediction
from striate.tasks.classification import balanced_weights

CLASSES = ("ant", "bee", "cat", "dog", "eel")
WEIGHTS = (0.5, 2.0, 1.0, 0.25, 3.0)
tasks = pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
weighted = pytest.mark.parametrize("weights", [None, WEIGHTS])


@pytest.fixture
def batch():
    return torch.randn(40, 5), torch.randint(0, 5, (40,))


@tasks
@weighted
def test_loss_over_weight_is_the_mean_cross_entropy(batch, smoothing, weights):
    """Divided by what the samples count, the sum is PyTorch's mean, smoothing and weights included."""
    task, (logits, labels) = Classification(CLASSES, smoothing, weights), batch
    weight = None if weights is None else torch.tensor(weights)
    want = F.cross_entropy(logits, labels, weight, label_smoothing=smoothing)
    torch.testing.assert_close(task.loss(logits, labels) / task.weight(labels), want)


@tasks
@weighted
def test_parts_add_up(batch, smoothing, weights):
    """Loss, weight and count of a batch are the sums of those of its parts, of whatever sizes."""
    task, (logits, labels) = Classification(CLASSES, smoothing, weights), batch
    parts = [slice(0, 3), slice(3, 30), slice(30, 40)]
    for measure in (task.loss, task.correct):
        whole = measure(logits, labels)
        torch.testing.assert_close(sum(measure(logits[p], labels[p]) for p in parts), whole)
    assert sum(task.weight(labels[p]) for p in parts) == pytest.approx(task.weight(labels))


def test_smoothing_is_the_loss_against_softened_targets(batch):
    """Its definition: each target keeps 1 - e, and e is spread over all classes."""
    logits, labels = batch
    targets = F.one_hot(labels, 5) * 0.8 + 0.2 / 5
    torch.testing.assert_close(
        Classification(CLASSES, 0.2).loss(logits, labels), -(targets * logits.log_softmax(1)).sum()
    )


def test_correct_counts_the_highest_scores():
    """Only the highest score counts, not by how much."""
    logits = torch.tensor([[0.0, 1.0], [5.0, 4.9], [-2.0, -1.0]])
    assert int(Classification(("no", "yes")).correct(logits, torch.tensor([1, 0, 0]))) == 2


def test_balanced_weights_are_scikit_learn_s(batch):
    """For the classes that have samples."""
    _, labels = batch
    want = compute_class_weight("balanced", classes=np.arange(5), y=labels.numpy())
    np.testing.assert_allclose(balanced_weights(labels, 5), want)


def test_balanced_weights_count_all_classes_alike():
    """What the samples of each class count together is the same; all together count as many as they are."""
    labels = torch.tensor([0] * 7 + [1] * 2 + [2] * 3)
    weights = torch.tensor(balanced_weights(labels, 3))[labels]
    torch.testing.assert_close(torch.zeros(3).index_add_(0, labels, weights), torch.full((3,), 4.0))


def test_a_class_without_samples_weighs_nothing():
    """It cannot be divided by, and nothing is lost by it."""
    assert balanced_weights(torch.tensor([0, 0, 2]), 4) == (0.375, 0.0, 0.75, 0.0)


def test_decoding_names_the_likeliest_first():
    """Classes and probabilities come in step, best first, as many as asked for or as there are."""
    probabilities = torch.tensor([[0.1, 0.2, 0.3, 0.25, 0.15], [0.5, 0.0, 0.25, 0.25, 0.0]])
    first, second = Classification(CLASSES).decode(probabilities, top=2)
    assert first == Prediction(("cat", "dog"), (float(probabilities[0, 2]), 0.25))
    assert second.classes[0] == "ant"
    assert len(Classification(CLASSES).decode(probabilities)[0].classes) == 5
    assert len(Classification(CLASSES).decode(probabilities, top=9)[0].classes) == 5


@pytest.mark.refusal
@pytest.mark.parametrize("smoothing", [-0.1, 1, 1.5, float("nan")])
def test_smoothing_out_of_range_is_refused(smoothing):
    """At 1 nothing would be left of the label."""
    with pytest.raises(OptionError) as error:
        Classification(CLASSES, smoothing)
    assert str(error.value) == (
        "classification: label smoothing is a part of the target.\n"
        f"  label_smoothing  {smoothing}\n"
        "Pass a number from 0 to below 1; 0.1 is usual."
    )


@pytest.mark.refusal
def test_weights_that_are_not_one_per_class_are_refused():
    """They are matched by place, so a missing one would shift the others."""
    with pytest.raises(OptionError) as error:
        Classification(CLASSES, class_weights=(1.0, 2.0))
    assert str(error.value) == (
        "classification: there is not one weight per class.\n"
        "  class_weights  2\n"
        "  classes        5\n"
        "Pass as many weights as classes, in their order."
    )
