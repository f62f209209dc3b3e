"""nn.classifier: scores become probabilities by a softmax, and by nothing else."""

import pytest
import torch
from torch import nn

from striate.errors import OptionError
from striate.nn import Classifier


class Given(Classifier):
    """Gives as scores what it is given as an image."""

    maps = "given"

    def stages(self):
        return {"given": lambda x: x, "scores": lambda x: x.flatten(1)}


@pytest.fixture
def scores():
    return 5 * torch.randn(6, 1, 1, 7)


def test_probabilities_are_a_distribution(scores):
    """They are above 0, and each image's sum to 1."""
    found = Given().probabilities(scores)
    assert (found > 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(6))


def test_the_order_is_that_of_the_scores(scores):
    """The softmax never changes which class comes first."""
    assert torch.equal(Given().probabilities(scores).argsort(1), Given()(scores).argsort(1))


def test_odds_are_the_exponential_of_the_difference(scores):
    """The definition: log p_i - log p_j = score_i - score_j."""
    logs, given = Given().probabilities(scores.double()).log(), scores.double().flatten(1)
    torch.testing.assert_close(logs[:, 1:] - logs[:, :1], given[:, 1:] - given[:, :1])


def test_a_common_constant_changes_nothing(scores):
    """Scores count only against each other, however large they are."""
    torch.testing.assert_close(Given().probabilities(scores), Given().probabilities(scores + 1000), atol=1e-4, rtol=0)


def test_nothing_is_left_out_where_nothing_was_loaded():
    """What a network says of weights is no weight: it is not saved."""
    network = Given()
    assert (network.left_out, len(network.state_dict())) == ((), 0)


def test_a_classifier_has_to_say_what_it_does():
    """There is no classifier in general."""
    silent = type("Silent", (Classifier,), {})
    with pytest.raises(TypeError, match="stages"):
        silent()
    assert issubclass(Classifier, nn.Module)


def test_features_are_what_a_stage_gives(scores):
    """By default the last feature maps; by name any stage, the last of which gives the scores."""
    network = Given()
    assert torch.equal(network.features(scores), scores)
    assert torch.equal(network.features(scores, until="scores"), network(scores))


@pytest.mark.refusal
def test_a_stage_that_is_not_there_is_refused(scores):
    """The message lists the stages there are."""
    with pytest.raises(OptionError) as error:
        Given().features(scores, until="conv9")
    assert str(error.value) == (
        "features: no stage is called 'conv9'.\n  network  Given\nChoose one of: given, scores."
    )
