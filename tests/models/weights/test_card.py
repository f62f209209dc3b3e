"""models.weights.card: a card comes back from JSON as it was, or not at all."""

import json

import pytest

from striate.errors import WeightsError
from striate.models.weights import Card, own_weights

CARD = own_weights("lenet5", "digits").card


def test_json_carries_a_card():
    """Text and back."""
    assert Card.from_json(json.loads(json.dumps(CARD.to_json())), "here") == CARD


def test_a_person_reads_what_matters():
    """Network, data and their licence, recipe and seed, metrics with their interval, versions, the file's digest."""
    page = str(CARD)
    assert page.startswith("# lenet5: digits\n")
    for said in (
        "lenet5, for 1 x 32 x 32 images",
        "1,079 train, 359 val, 359 test; CC BY 4.0",
        "seed 0",
        "99.16% of 359 images of the test part, 95 % interval 97.57% to 99.72%",
        "torch 2.",
        CARD.sha256,
        "| licence | Apache-2.0 |",
    ):
        assert said in page


def test_a_name_cannot_break_the_table():
    """Whatever the classes are called, there is one line a row."""
    network = {**CARD.network, "classes": 2}
    page = str(Card.from_json({**CARD.to_json(), "network": network, "classes": ["a|b", "c\n\nd"]}, "here"))
    assert "| classes | a\\|b, c d |\n" in page


@pytest.mark.refusal
@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        ({"classes": None, "steps": "9"}, "classes, steps"),
        ({"metrics": []}, "metrics"),
        ({"sha256": 1}, "sha256"),
        ({"network": {}}, "network"),
        ({"network": {**CARD.network, "image_size": [32]}}, "network"),
        ({"network": {**CARD.network, "in_channels": "1"}}, "network"),
        ({"classes": ["0", "1"]}, "network"),
    ],
)
def test_what_is_no_card_is_refused(change, lacks):
    """What is missing or of another kind is named."""
    with pytest.raises(WeightsError) as error:
        Card.from_json({**CARD.to_json(), **change}, "here.json")
    assert str(error.value) == (
        "weights: here.json is no model card of this version.\n"
        f"  lacks  {lacks}\n"
        "Write it anew, with the weights: striate pack RUN."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("document", [None, [], 3, {}])
def test_no_document_is_no_card(document):
    """Then everything is missing."""
    with pytest.raises(WeightsError, match=r"lacks  model, name, licence, network"):
        Card.from_json(document, "here.json")
