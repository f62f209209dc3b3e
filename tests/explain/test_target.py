"""explain.target: which score is explained."""

import pytest
import torch

from striate.errors import OptionError
from striate.explain.target import class_gradient, classes_of, scores_of, told


def test_the_predicted_class_is_the_default():
    """The greatest score's; one for all, or one for each, if told."""
    output = torch.tensor([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert classes_of(output, None).tolist() == [1, 0]
    assert classes_of(output, 2).tolist() == [2, 2]
    assert classes_of(output, [2, 1]).tolist() == [2, 1]
    assert scores_of(output, torch.tensor([2, 1])).tolist() == [1.0, 2.0]


def test_classes_are_said_in_words():
    """Once, if they are the same."""
    assert told(torch.tensor([3, 3, 3])) == "class 3"
    assert told(torch.tensor([3, 1])) == "classes 3, 1"


def test_the_gradient_is_pytorchs(small):
    """Of each image's own score; the images themselves are left alone."""
    images = small.images.clone()
    gradient, scores, classes = class_gradient(small.network, images, None)
    x = images.clone().requires_grad_()
    output = small.model(x)
    want = torch.autograd.grad(output.amax(1).sum(), x)[0]
    torch.testing.assert_close(gradient, want)
    torch.testing.assert_close(scores, output.detach().amax(1))
    assert classes.tolist() == output.argmax(1).tolist()
    assert not images.requires_grad


def test_it_is_found_without_gradients_too(small):
    """Whoever looks need not know that gradients are used."""
    with torch.no_grad():
        assert class_gradient(small.network, small.images, 1)[0].any()


def test_inference_changes_nothing(small):
    """Neither where it is on nor of images that it made, or of classes."""
    want = class_gradient(small.network, small.images, [1, 2, 3, 0])[0]
    with torch.inference_mode():
        found, _, classes = class_gradient(small.network, small.images + 0, torch.tensor([1, 2, 3, 0]))
        again, *_ = class_gradient(small.network, small.images, classes)
    torch.testing.assert_close(found, want)
    torch.testing.assert_close(again, want)


@pytest.mark.refusal
@pytest.mark.parametrize("target", [True, "cat", [None, 1], 1.0])
def test_what_is_no_number_of_a_class_is_refused(target):
    """The message says what was given."""
    with pytest.raises(OptionError) as error:
        classes_of(torch.zeros(2, 3), target)
    assert str(error.value) == (
        f"explain: this is no class of these images.\n  target  {target}\n"
        "Pass a whole number from 0 to 2, or one for each of the 2 images."
    )


@pytest.mark.refusal
def test_what_is_no_class_is_refused():
    """Out of range, or another number of them than of images; or there are no classes."""
    with pytest.raises(OptionError) as error:
        classes_of(torch.zeros(2, 3), 3)
    assert str(error.value) == (
        "explain: this is no class of these images.\n"
        "  target  3\n"
        "Pass a whole number from 0 to 2, or one for each of the 2 images."
    )
    with pytest.raises(OptionError, match=r"target  \[1, 1, 1\]"):
        classes_of(torch.zeros(2, 3), [1, 1, 1])
    with pytest.raises(OptionError) as error:
        classes_of(torch.zeros(2, 3, 4, 4), 1)
    assert str(error.value) == (
        "explain: the network gives no row of scores for an image, so there is no class to explain.\n"
        "  output  (2, 3, 4, 4)\n"
        "Pass the part of it that classifies; or explain a layer, with deconvnet(model, images, layer)."
    )
