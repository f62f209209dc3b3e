"""models: what every network of the table owes its users."""

import pytest
import safetensors.torch
import torch

from striate.errors import OptionError
from striate.models import MODELS, create
from striate.nn import Classifier

# By hand from the papers: LeNet-5 with a full C3, and the residual networks of section 4.2 with option A.
PARAMETERS = {
    "lenet5": 61_706,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
}
models = pytest.mark.parametrize("name", MODELS)
sizes = pytest.mark.parametrize("image_size", [(16, 16), (28, 20), (33, 64)], ids=str)
channels = pytest.mark.parametrize("in_channels", [1, 3, 5])


def small(name, **options):
    """Build the network for small images, with seeded weights."""
    torch.manual_seed(0)
    return create(name, **{"classes": 4, "in_channels": 2, "image_size": (16, 16), **options})


@models
def test_parameter_count_is_pinned(name):
    """As many as the paper has, with the paper's images and ten classes."""
    assert sum(p.numel() for p in create(name).parameters()) == PARAMETERS[name]


@models
@sizes
@channels
def test_scores_have_one_number_per_image_and_class(name, image_size, in_channels):
    """Any stated size and number of channels is taken."""
    network = small(name, classes=7, in_channels=in_channels, image_size=image_size).eval()
    with torch.no_grad():
        assert network(torch.randn(2, in_channels, *image_size)).shape == (2, 7)


@models
def test_probabilities_sum_to_one(name):
    """Each network has its softmax."""
    network = small(name).eval()
    assert isinstance(network, Classifier)
    with torch.no_grad():
        found = network.probabilities(torch.randn(5, 2, 16, 16))
    torch.testing.assert_close(found.sum(1), torch.ones(5))


@models
def test_every_parameter_receives_a_finite_gradient(name):
    """No layer is left out of the computation, and none blows up."""
    network = small(name)
    torch.nn.functional.cross_entropy(network(torch.randn(4, 2, 16, 16)), torch.arange(4)).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@models
def test_an_image_s_scores_do_not_depend_on_its_batch(name):
    """In evaluation mode each image is judged by itself."""
    network, x = small(name).eval(), torch.randn(3, 2, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)


@models
def test_saved_and_loaded_it_is_the_same(name):
    """Weights that went through a file give the same scores, bit for bit; other weights do not."""
    network, x = small(name), torch.randn(2, 2, 16, 16)
    network(x)  # so that the running statistics are not the first ones
    content = safetensors.torch.save(network.state_dict())
    torch.manual_seed(1)
    other = create(name, classes=4, in_channels=2, image_size=(16, 16)).eval()
    with torch.no_grad():
        want = network.eval()(x)
        assert not torch.equal(other(x), want)
        other.load_state_dict(safetensors.torch.load(content))
        assert torch.equal(other(x), want)


@models
def test_exported_it_is_the_same(name):
    """torch.export sees the whole network: no branch depends on the numbers."""
    network, x = small(name).eval(), torch.randn(2, 2, 16, 16)
    exported = torch.export.export(network, (x,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(x), network(x))


@models
def test_the_paper_s_images_are_the_default(name):
    """Without a word about images, the network is the paper's."""
    entry = MODELS[name]
    assert create(name)(torch.zeros(2, entry.channels, *entry.image_size)).shape == (2, entry.classes)


@pytest.mark.refusal
def test_an_unknown_name_lists_the_known_ones():
    """The message shows what there is."""
    with pytest.raises(OptionError) as error:
        create("resnet19")
    assert str(error.value) == (
        "create: no model is called 'resnet19'.\n"
        "  name  resnet19\n"
        "Choose one of: lenet5, resnet20, resnet32, resnet44, resnet56, resnet110."
    )


@pytest.mark.refusal
def test_an_option_that_a_network_does_not_have_is_refused():
    """A slip of the hand builds no other network than was meant."""
    with pytest.raises(OptionError) as error:
        create("resnet20", depth=20)
    assert str(error.value) == (
        "create: resnet20 has no option called 'depth'.\n  depth  20\nIt has none; leave it out."
    )


@models
def test_every_stage_is_named(name):
    """The stages, one after the other, are the network; each can be stopped at."""
    network, x = small(name).eval(), torch.randn(2, 2, 16, 16)
    with torch.no_grad():
        *_, last = network.stages()
        assert torch.equal(network.features(x, until=last), network(x))
        assert network.features(x).ndim == 4
        for stage in network.stages():
            assert len(network.features(x, until=stage)) == 2


@pytest.mark.refusal
@pytest.mark.parametrize(
    "numbers",
    [{"classes": 0}, {"classes": -1}, {"in_channels": 0}, {"image_size": (-5, 32)}, {"classes": 10**7}],
    ids=str,
)
def test_a_number_out_of_range_is_refused(numbers):
    """Before anything is built: a slip of the hand does not fill the memory."""
    received = {"classes": 10, "in_channels": 3, "image_size": (32, 32), **numbers}
    with pytest.raises(OptionError) as error:
        create("resnet20", **received)
    assert str(error.value) == (
        "create: a number is out of range.\n"
        f"  classes      {received['classes']}\n"
        f"  in_channels  {received['in_channels']}\n"
        f"  image_size   {received['image_size']}\n"
        "Pass 1 to 1,000,000 each."
    )
