"""models.weights.head: all the weights fit, or none are taken; a new last stage is said."""

import pytest
import torch

from striate.errors import WeightsError
from striate.models import MODELS, create
from striate.models.weights import WEIGHTS
from striate.models.weights.head import head_tensors, match

SIZE = (1, 16, 16)


def network(**options):
    return create("resnet20", **{"in_channels": 1, "image_size": (16, 16), **options})


def matched(given, model=None, *, new_head=False, size=SIZE):
    model = model or network()
    return match(model, given, source="digits", left_out=head_tensors(model, size) if new_head else ())


def test_all_the_weights_of_the_same_network_are_taken():
    """Under their names, statistics and counters among them; nothing is left out."""
    given = network().state_dict()
    found = matched(given)
    assert found.left_out == ()
    assert found.tensors.keys() == given.keys()
    assert all(found.tensors[name] is tensor for name, tensor in given.items())


@pytest.mark.parametrize("classes", [3, 10])
def test_a_new_last_stage_is_said(classes):
    """It is left out for other classes, also where they are as many."""
    given = network().state_dict()
    found = matched(given, network(classes=classes), new_head=True)
    assert found.left_out == ("fc.weight", "fc.bias")
    assert found.tensors.keys() == given.keys() - {"fc.weight", "fc.bias"}


def test_a_network_without_numbers_is_enough():
    """Its shapes tell."""
    with torch.device("meta"):
        model = network()
    assert matched(network().state_dict(), model).left_out == ()


@pytest.mark.parametrize("name", MODELS)
def test_the_head_is_what_the_number_of_classes_shapes(name):
    """Two networks for other classes differ in the shapes of just these tensors."""
    entry = MODELS[name]
    one, other = (create(name, classes=classes).state_dict() for classes in (7, 9))
    differ = tuple(name for name, tensor in one.items() if tensor.shape != other[name].shape)
    assert set(head_tensors(create(name), (entry.channels, *entry.image_size))) >= set(differ)
    assert differ


@pytest.mark.parametrize("row", WEIGHTS, ids=str)
def test_the_head_of_published_weights_is_the_last_stage(row):
    """What the table says and what the network shows are the same tensors."""
    entry = MODELS[row.model]
    with torch.device("meta"):
        model = create(row.model, **row.options)
    assert head_tensors(model, (entry.channels, *entry.image_size)) == row.head


@pytest.mark.refusal
def test_missing_and_unexpected_tensors_are_named():
    """All of another network's; the long list is cut."""
    given = network().state_dict()
    given["fc.gain"] = given.pop("fc.bias")
    with pytest.raises(WeightsError) as error:
        matched(given)
    assert str(error.value) == (
        "weights: digits does not fit this network.\n"
        "  network     ResNetCifar\n"
        "  missing     fc.bias\n"
        "  unexpected  fc.gain\n"
        "Name the network that they were trained for, with the same options."
    )
    with pytest.raises(WeightsError) as error:
        matched(network().state_dict(), create("resnet32", in_channels=1))
    assert "  missing  stage1.3.conv1.weight, stage1.3.bn1.weight, stage1.3.bn1.bias, " in str(error.value)
    assert " and 66 more\n" in str(error.value)


@pytest.mark.refusal
def test_another_number_of_classes_is_refused_unless_it_is_said():
    """Nothing is left out in silence."""
    with pytest.raises(WeightsError) as error:
        matched(network().state_dict(), network(classes=3))
    assert str(error.value) == (
        "weights: digits does not fit this network.\n"
        "  network      ResNetCifar\n"
        "  other shape  fc.weight 10 x 64, not 3 x 64, fc.bias 10, not 3\n"
        "Name the network that they were trained for, with the same options."
    )


@pytest.mark.refusal
def test_other_channels_are_refused_with_advice():
    """The first convolution cannot be made up."""
    with pytest.raises(WeightsError) as error:
        matched(network().state_dict(), network(in_channels=3), size=(3, 16, 16), new_head=True)
    assert str(error.value) == (
        "weights: digits does not fit this network.\n"
        "  network      ResNetCifar\n"
        "  other shape  conv1.weight 16 x 1 x 3 x 3, not 16 x 3 x 3 x 3\n"
        "The first convolution takes 1 channel: read the images with channels=1."
    )


@pytest.mark.refusal
def test_another_size_is_refused_where_it_shapes_a_kernel():
    """LeNet-5's C5 is as large as the maps before it."""
    with pytest.raises(WeightsError) as error:
        matched(create("lenet5").state_dict(), create("lenet5", image_size=(28, 28)), size=(1, 28, 28))
    assert str(error.value) == (
        "weights: digits does not fit this network.\n"
        "  network      LeNet5\n"
        "  other shape  C5.weight 120 x 16 x 5 x 5, not 120 x 16 x 4 x 4\n"
        "The network was made for images of another size: leave image_size out."
    )


@pytest.mark.refusal
def test_other_numbers_are_refused():
    """A counter is no weight."""
    given = network().state_dict()
    given["bn1.bias"] = given["bn1.bias"].long()
    with pytest.raises(WeightsError) as error:
        matched(given)
    assert str(error.value) == (
        "weights: digits does not fit this network.\n"
        "  network      ResNetCifar\n"
        "  other shape  bn1.bias 16 of whole numbers, not 16\n"
        "Name the network that they were trained for, with the same options."
    )
