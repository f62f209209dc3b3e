"""bench.engine_training: who convolves is as it says, and noise is what Student's test calls so."""

import pytest
import torch
from bench.engine_training import DATA, NETWORK, WAYS, WHERE, compared, learner_of
from scipy.stats import ttest_ind

import striate
from striate.engine import accelerated
from striate.engine.choice import chosen
from striate.recipes.preparation import open_for


@pytest.mark.parametrize("way", WAYS)
def test_who_convolves_is_as_it_says(way):
    """Each of the 19 convolutions, in the network and in its running average; the first weights are the same."""
    recipe = striate.recipe_for(NETWORK, DATA)
    dataset = open_for(DATA, recipe, WHERE)
    learner, _ = learner_of(way, dataset, recipe)
    plain, _ = learner_of("PyTorch", dataset, recipe)
    count = 0 if way == "PyTorch" else 19
    assert learner.judged is not learner.model
    assert [len(accelerated(model)) for model in (learner.model, learner.judged)] == [count, count]
    for ours, theirs in zip(learner.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_only_one_way_leaves_pytorchs_out():
    """The engine's own algorithms alone."""
    allows: dict[str, bool] = {}
    for way, (_, asking) in WAYS.items():
        with asking():
            allows[way] = chosen().torch
    assert allows == {"PyTorch": True, "engine": True, "engine, ours alone": False}


@pytest.mark.parametrize("shift", [0.0, 0.01, 0.02, 0.03, 0.05])
def test_noise_is_what_students_test_calls_so(shift):
    """A difference is over it where SciPy's test says less than 5 %."""
    these, those = [0.97 + shift, 0.98 + shift, 0.96 + shift, 0.99 + shift], [0.97, 0.985, 0.95, 0.96]
    difference, noise = compared(these, those)
    assert (abs(difference) > noise) == (ttest_ind(these, those).pvalue < 0.05)
