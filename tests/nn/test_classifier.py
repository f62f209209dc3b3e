"""nn.classifier: scores become probabilities by a softmax, and by nothing else."""

import pytest
import torch
from torch import nn

from striate.nn import Classifier


class Given(Classifier):
    """Gives as scores what it is given as an image."""

    def forward(self, x):
        return x.flatten(1)


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


def test_a_classifier_has_to_say_how_it_scores():
    """There is no classifier in general."""
    silent = type("Silent", (Classifier,), {})
    with pytest.raises(TypeError, match="forward"):
        silent()
    assert issubclass(Classifier, nn.Module)
