"""models: what every network of the table owes its users."""

import pytest
import safetensors.torch
import torch

from striate.errors import OptionError
from striate.models import MODELS, create
from striate.nn import Classifier

# By hand from the papers: LeNet-5 with a full C3; the residual networks of table 1 with option B, those of section 4.2
# with option A; and the plain ones, which have what their residual networks have without projections.
PARAMETERS = {
    "lenet5": 61_706,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "plain18": 11_515_688,
    "plain34": 21_623_848,
    "lenet5-1998": 60_000,
    "alexnet": 62_378_344,
    "alexnet-two-gpu": 60_965_224,
    "alexnet-owt": 61_100_840,
    "zfnet": 62_357_608,
    "zfnet-notes": 61_964_392,
    "zfnet-b": 107_627_624,
    "zfnet-512": 87_250_536,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "plain20": 269_722,
    "plain32": 464_154,
    "plain44": 658_586,
    "plain56": 853_018,
    "plain110": 1_727_962,
}
# Small images: of the size with which all that a network does still happens.
SMALL = {
    **dict.fromkeys(("resnet18", "resnet50", "plain18"), (32, 32)),
    **dict.fromkeys(("alexnet", "alexnet-two-gpu", "alexnet-owt"), (64, 64)),
    **dict.fromkeys(("zfnet", "zfnet-notes", "zfnet-b"), (47, 47)),
    "zfnet-512": (59, 59),
}
# More of the same blocks than another network: left out where a law would take them seconds.
DEEPER = {"resnet34", "resnet101", "resnet152", "plain34"}.union(
    f"{kind}{depth}" for kind in ("resnet", "plain") for depth in (32, 44, 56, 110)
)
models = pytest.mark.parametrize("name", MODELS)
kinds = pytest.mark.parametrize("name", [name for name in MODELS if name not in DEEPER])
larger = pytest.mark.parametrize("larger", [(0, 0), (12, 4), (17, 48)], ids=str)
channels = pytest.mark.parametrize("in_channels", [1, 3, 5])


def size_of(name):
    """Height and width of small images."""
    return SMALL.get(name, (16, 16))


def small(name, **options):
    """Build the network for small images, with seeded weights."""
    torch.manual_seed(0)
    return create(name, **{"classes": 4, "in_channels": 2, "image_size": size_of(name), **options})


def images(name, count):
    """Draw so many small images."""
    return torch.randn(count, 2, *size_of(name))


@models
def test_parameter_count_is_pinned(name):
    """As many as the paper has, with the paper's images and classes."""
    with torch.device("meta"):
        assert sum(p.numel() for p in create(name).parameters()) == PARAMETERS[name]


@kinds
@larger
@channels
def test_scores_have_one_number_per_image_and_class(name, larger, in_channels):
    """Any stated size and number of channels is taken."""
    size = tuple(a + b for a, b in zip(size_of(name), larger, strict=True))
    with torch.device("meta"):
        network = small(name, classes=7, in_channels=in_channels, image_size=size).eval()
        assert network(torch.randn(2, in_channels, *size)).shape == (2, 7)


@kinds
def test_probabilities_sum_to_one(name):
    """Each network has its softmax."""
    network = small(name).eval()
    assert isinstance(network, Classifier)
    with torch.no_grad():
        found = network.probabilities(images(name, 5))
    torch.testing.assert_close(found.sum(1), torch.ones(5))


@models
def test_every_parameter_receives_a_finite_gradient(name):
    """No layer is left out of the computation of the paper's images, and none blows up."""
    torch.manual_seed(0)
    network, entry = create(name), MODELS[name]
    scores = network(torch.randn(2, entry.channels, *entry.image_size))
    torch.nn.functional.cross_entropy(scores, torch.arange(2)).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name
        assert parameter.grad.any(), parameter_name


@kinds
def test_an_image_s_scores_do_not_depend_on_its_batch(name):
    """In evaluation mode each image is judged by itself."""
    network, x = small(name).eval(), images(name, 3)
    with torch.no_grad():
        torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-5)


@kinds
def test_saved_and_loaded_it_is_the_same(name):
    """Weights that went through a file give the same scores, bit for bit; other weights do not."""
    network, x = small(name), images(name, 2)
    network(x)  # so that the running statistics are not the first ones
    content = safetensors.torch.save(network.state_dict())
    torch.manual_seed(1)
    other = create(name, classes=4, in_channels=2, image_size=size_of(name)).eval()
    with torch.no_grad():
        want = network.eval()(x)
        assert not torch.equal(other(x), want)
        other.load_state_dict(safetensors.torch.load(content))
        assert torch.equal(other(x), want)


@kinds
def test_exported_it_is_the_same(name):
    """torch.export sees the whole network: no branch depends on the numbers."""
    network, x = small(name).eval(), images(name, 2)
    exported = torch.export.export(network, (x,)).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(x), network(x))


@models
def test_the_paper_s_images_are_the_default(name):
    """Without a word about images, the network is the paper's."""
    entry = MODELS[name]
    with torch.device("meta"):
        assert create(name)(torch.zeros(2, entry.channels, *entry.image_size)).shape == (2, entry.classes)


@pytest.mark.refusal
def test_an_unknown_name_lists_the_known_ones():
    """The message shows what there is."""
    with pytest.raises(OptionError) as error:
        create("resnet19")
    assert str(error.value) == (
        f"create: no model is called 'resnet19'.\n  name  resnet19\nChoose one of: {', '.join(MODELS)}."
    )


@pytest.mark.refusal
def test_an_option_that_a_network_does_not_have_is_refused():
    """A slip of the hand builds no other network than was meant."""
    with pytest.raises(OptionError) as error:
        create("plain20", depth=20)
    assert str(error.value) == (
        "create: plain20 has no option called 'depth'.\n  depth  20\nIt has none; leave it out."
    )
    with pytest.raises(OptionError) as error:
        create("resnet20", depth=20)
    assert str(error.value) == ("create: resnet20 has no option called 'depth'.\n  depth  20\nChoose from: shortcut.")
    with pytest.raises(OptionError) as error:
        create("lenet5", depth=5)
    assert str(error.value) == "create: lenet5 has no option called 'depth'.\n  depth  5\nIt has none; leave it out."
    with pytest.raises(OptionError) as error:
        create("zfnet-b", depth=8)
    assert str(error.value) == "create: zfnet-b has no option called 'depth'.\n  depth  8\nChoose from: conv2, norm."


@kinds
def test_every_stage_is_named(name):
    """The stages, one after the other, are the network; each can be stopped at."""
    network, x = small(name).eval(), images(name, 2)
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
