"""explain.layers: the captured network is the model, its layers have their names, and the model does not notice."""

import copy

import pytest
import torch
from explain.networks import STRANGERS, Small, image_for, network_of
from torch import nn
from torchvision_oracle import torchvision

from striate import explain
from striate.errors import DtypeError, OptionError, ShapeError
from striate.explain.deconvnet import deconvnet
from striate.explain.layers import capture, captured
from striate.models import MODELS, create
from striate.ops.dry_run import first_tensor

pytestmark = pytest.mark.traced
# Networks of one kind are made by the same code; the smallest of each stands for all.
OURS = {
    "lenet5": {}, "lenet5-1998": {}, "resnet18": {}, "resnet20": {}, "resnet50": {}, "plain20": {}, "alexnet-owt": {},
    "alexnet": {"image_size": (67, 67)}, "alexnet-two-gpu": {"image_size": (67, 67)},
    "zfnet": {"image_size": (64, 64)}, "zfnet-notes": {"image_size": (64, 64)}, "zfnet-512": {"image_size": (80, 80)},
}  # fmt: skip


def ours(name):
    """A network of the package, and two images for it."""
    options, entry = OURS[name], MODELS[name]
    size = options.get("image_size", entry.image_size if entry.sized else (64, 64))
    return create(name, classes=10, **options).eval(), torch.randn(2, entry.channels, *size)


SLOW = ("resnet50", "zfnet-notes", "densenet121", "mobilenet_v3_small")


def some(names):
    """Names as parameters, those that take long marked."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in names]


@pytest.mark.parametrize("name", some(OURS))
def test_every_network_of_the_package_is_captured(name):
    """What the captured network gives is what the model gives, and every layer has the shape it says."""
    model, images = ours(name)
    network = capture(model, images[:1])
    with torch.no_grad():
        output, values = network.run(images, keep=network.layers)
        torch.testing.assert_close(output, model(images), rtol=1e-4, atol=1e-4)
    assert {name: (2, *layer.shape) for name, layer in network.layers.items()} == {
        name: tuple(value.shape) for name, value in values.items()
    }
    assert network.output == list(network.layers)[-1]


@pytest.mark.parametrize("name", STRANGERS)
def test_every_stranger_is_captured(name):
    """So is what the package has never seen, for one image and for many."""
    model = STRANGERS[name]().eval()
    network = capture(model, image_for(name))
    for count in (1, 5):
        images = image_for(name, count)
        torch.testing.assert_close(network.run(images)[0], first_tensor(model(images)))


@pytest.mark.parametrize("name", some(["squeezenet1_1", "mobilenet_v3_small", "densenet121"]))
def test_other_peoples_networks_are_captured(name):
    """In-place rectifiers, gates, concatenations: what comes out is the same, and a unit's view is within its field."""
    model, images = torchvision.models.get_model(name, num_classes=10).eval(), torch.randn(2, 3, 64, 64)
    network = capture(model, images)
    with torch.no_grad():
        torch.testing.assert_close(network.run(images)[0], model(images))
    layers = [layer for layer in network.layers.values() if layer.has_maps and layer.shape[1] > 7]
    view = deconvnet(network, images, layers[-1].name, unit=(0, 0)).values.clone()
    assert view.any()
    view[:, :, *network.sees(layers[-1].name, (0, 0))] = 0
    assert not view.any()


def test_the_output_is_the_models():
    """Of several answers the first, whichever layer ran last."""
    assert capture(STRANGERS["branches"](), image_for("branches")).output == "fc"


def test_names_are_the_modules_paths():
    """A second run is counted; what a module computes by itself has the function's name."""
    network = capture(STRANGERS["reused"](), image_for("reused"))
    assert list(network.layers) == [
        "conv1", "bn1", "relu", "conv2", "bn2", "add", "relu:2", "norm", "pool", "flatten", "fc",
    ]  # fmt: skip
    functional = capture(STRANGERS["functional"](), image_for("functional")).layers
    assert list(functional) == [
        "conv1", "relu", "max_pool2d", "conv2", "relu:2", "relu:3", "add", "clamp", "mean", "fc",
    ]  # fmt: skip
    assert functional["max_pool2d"].shape == (6, 5, 5)
    block = capture(create("resnet20"), torch.zeros(1, 3, 32, 32)).layers
    assert [name for name in block if name.startswith("stage1.0.")] == [
        "stage1.0.conv1", "stage1.0.bn1", "stage1.0.relu", "stage1.0.conv2", "stage1.0.bn2", "stage1.0.add",
        "stage1.0.relu:2",
    ]  # fmt: skip


def test_a_layer_says_what_it_is():
    """Its class, the kinds of its operations, and whether all that follows is its rectification."""
    layers = capture(Small(), image_for("small")).layers
    assert [layer.kind for layer in layers.values()][:4] == ["Conv2d", "ReLU", "MaxPool2d", "Conv2d"]
    assert layers["0"].operations == ("convolution",)
    assert [layer.rectified for layer in layers.values()][:3] == [True, False, False]


def test_a_module_with_others_in_it_means_its_last():
    """`stage1` is what comes out of it."""
    network = capture(create("resnet20"), torch.zeros(1, 3, 32, 32))
    assert network.layer("stage1").name == "stage1.2.relu:2"
    assert network.layer("stage3.0").shape == (64, 8, 8)


def test_values_stop_behind_the_last_that_is_wanted():
    """What is not needed is not computed: a rule behind it is never called."""
    network = capture(Small(), image_for("small"))
    called = []
    values = network.values(image_for("small"), ["1"], rules={"max_pool": lambda *_: called.append(1)})
    assert values["1"].shape == (2, 6, 16, 16)
    assert not called


def test_a_rule_stands_for_the_operation():
    """It is called with the operation and what that is called with, wherever that kind is found."""
    network, images = capture(STRANGERS["functional"](), image_for("functional")), image_for("functional")
    seen = []

    def noted(operation, *args):
        seen.append(operation.overloadpacket.__name__)
        return operation(*args)

    output, _ = network.run(images, rules={"relu": noted})
    torch.testing.assert_close(output, network.run(images)[0])
    assert seen == ["relu", "relu", "relu", "clamp"]


def test_gradients_are_the_models():
    """With no rules the gradient with respect to the images, and to a layer, is PyTorch's."""
    model, images = Small().eval(), image_for("small").requires_grad_()
    output, kept = capture(model, images).run(images, keep=["4"])
    of_image, of_layer = torch.autograd.grad(output[:, 3].sum(), [images, kept["4"]])
    inside = []
    handle = model[4].register_forward_hook(lambda _m, _i, out: inside.append(out))
    want = torch.autograd.grad(model(images)[:, 3].sum(), [images, inside[0]] if inside else images)
    handle.remove()
    torch.testing.assert_close(of_image, want[0])
    assert of_layer.shape == (2, 8, 6, 6)


def state_of(model):
    """Everything that a model could have changed in it."""
    return {
        "tensors": {
            name: (id(tensor), tensor._version, tensor.requires_grad, tensor.grad)
            for name, tensor in model.state_dict(keep_vars=True).items()
        },
        "flags": [module.training for module in model.modules()],
        "attributes": [{k: id(v) for k, v in vars(module).items()} for module in model.modules()],
        "hooks": [{k: list(v) for k, v in vars(module).items() if "_hooks" in k} for module in model.modules()],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["small", "reused", "branches"])
def test_the_model_does_not_notice(name):
    """Training flags, hooks, tensors and answers are what they were; hooks are not called."""
    model, images, called = STRANGERS[name]().train(), image_for(name), []
    next(model.children()).eval()
    next(model.parameters()).requires_grad_(False)
    for module in model.modules():
        module.register_forward_hook(lambda *_: called.append(1))
    before, weights = state_of(model), copy.deepcopy(model.state_dict())
    network = capture(model, images)
    output, _ = network.run(images.requires_grad_(), keep=network.layers)
    output.sum().backward()
    assert state_of(model) == before
    assert not called
    assert all(torch.equal(weights[name], tensor) for name, tensor in model.state_dict().items())


def test_the_model_does_not_notice_an_interruption():
    """Nor if capturing was stopped in the middle of the model's code."""

    class Stopped(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside = Small()

        def forward(self, x):
            self.inside(x)
            raise KeyboardInterrupt

    model = Stopped().train()
    before = state_of(model)
    with pytest.raises(KeyboardInterrupt):
        capture(model, image_for("small"))
    assert state_of(model) == before


def test_it_computes_with_the_models_own_tensors():
    """What is learnt after capturing shows; other tensors can be put in without touching the model's."""
    model, images = Small().eval(), image_for("small")
    network = capture(model, images)
    with torch.no_grad():
        model[9].bias.add_(1)
        torch.testing.assert_close(network.run(images)[0], model(images))
        other = network.with_tensors({"9.bias": torch.zeros(5), "9.weight": torch.zeros(5, 20)})
        assert not other.run(images)[0].any()
        torch.testing.assert_close(network.run(images)[0], model(images))


def test_what_is_learnt_is_listed_in_the_order_of_its_use():
    """Not in the order in which it was written down; buffers are not learnt."""
    model = STRANGERS["reused"]()
    names = capture(model, image_for("reused")).parameters
    assert [name for name in names if name.endswith("weight")] == [
        "conv1.weight", "bn1.weight", "conv2.weight", "bn2.weight", "fc.weight",
    ]  # fmt: skip
    assert set(names) == dict(model.named_parameters()).keys()


def test_values_can_be_visited(small):
    """Each is handed over once, as it would have been kept, and the rest is not computed."""
    visited = {}
    small.network.visit(small.images, ["4", "1"], visited.__setitem__)
    want = small.network.values(small.images, ["4", "1"])
    assert list(visited) == ["1", "4"]
    assert all(torch.equal(visited[name], want[name]) for name in want)


@pytest.mark.parametrize("name", STRANGERS)
def test_what_a_unit_sees_is_what_moves_it(name):
    """A change of the image outside of what a unit sees leaves it as it is."""
    network, images = capture(STRANGERS[name](), image_for(name)), image_for(name, 1)
    before = network.values(images, network.layers)
    for layer in network.layers.values():
        unit = tuple(n // 2 for n in layer.shape[1:])
        rows, columns = network.sees(layer.name, unit)
        changed = torch.randn_like(images)
        changed[:, :, rows, columns] = images[:, :, rows, columns]
        after = network.values(changed, [layer.name])[layer.name]
        at = (slice(None), slice(None), *unit)
        torch.testing.assert_close(after[at], before[layer.name][at], rtol=1e-4, atol=1e-5)


def test_what_is_captured_is_not_captured_again():
    """A network stands for its model wherever a model is asked for."""
    network = capture(Small(), image_for("small"))
    assert captured(network, image_for("small")) is network
    assert repr(captured(Small(), image_for("small"))) == "Network(Small, 10 layers, input 3 x 16 x 16)"


@pytest.mark.refusal
def test_refusals_say_what_is_wrong():
    """An unknown layer, images of another size, other numbers."""
    network = capture(Small(), image_for("small"))
    with pytest.raises(OptionError) as error:
        network.layer("conv9")
    assert str(error.value) == (
        "explain: Small has no layer called 'conv9'.\nChoose one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9."
    )
    with pytest.raises(ShapeError) as error:
        network.run(torch.zeros(1, 3, 8, 8))
    assert str(error.value) == (
        "explain: Small was captured for images of another size.\n"
        "  images    (1, 3, 8, 8)\n"
        "  captured  ('N', 3, 16, 16)\n"
        "Pass images of that size, or capture the model for these."
    )
    with pytest.raises(DtypeError) as error:
        network.run(torch.zeros(1, 3, 16, 16).double())
    assert str(error.value) == (
        "explain: Small was captured for other numbers.\n"
        "  images    torch.float64\n"
        "  captured  torch.float32\n"
        "Convert the images, or capture the model for these."
    )
    with pytest.raises(OptionError) as error:
        network.with_tensors({"conv9.weight": torch.zeros(3)})
    assert str(error.value) == (
        "explain: Small has no tensor called 'conv9.weight'.\nPass those of a network that is built alike."
    )
    with pytest.raises(ShapeError) as error:
        network.with_tensors({"9.bias": torch.zeros(3)})
    assert str(error.value) == (
        "explain: 9.bias of Small is of another shape.\n"
        "  given   (3,)\n"
        "  needed  (5,)\n"
        "Pass the tensors of a network that is built alike."
    )


@pytest.mark.refusal
@pytest.mark.parametrize("axes", [1, 3])
def test_methods_of_pictures_refuse_sequences_and_volumes(axes):
    """In words."""
    model, images = network_of(axes)
    for method, ask in {
        "occlusion": lambda: explain.occlusion(model, images),
        "invariance": lambda: explain.invariance(model, images, "rotation"),
        "correspondence": lambda: explain.correspondence(model, images, [(0, 0, 1, 1)] * 2, ["0"]),
        "grad_cam": lambda: explain.grad_cam(model, images),
    }.items():
        with pytest.raises(ShapeError) as error:
            ask()
        assert str(error.value) == (
            f"{method}: it takes images with two spatial axes.\n  images  {tuple(images.shape)}\n"
            "Pass images as (N, C, H, W); of sequences and volumes, ask saliency or another method of gradients."
        )


@pytest.mark.refusal
def test_arguments_of_methods_that_cannot_be_are_refused():
    """With what was given, and the way out."""
    model, images = network_of(2)
    network, parts = explain.capture(model, images), [(0, 0, 2, 2), (-1, 0, 2, 2)]
    for ask, said in (
        (lambda: explain.occlusion(network, images[:0]), "occlusion: there is no image."),
        (lambda: explain.correspondence(network, images, parts, ["0"]), "correspondence: a part lies outside"),
        (lambda: explain.invariance(network, images, "rotation", labels=[9, 9]), "this is no class of these images"),
        (
            lambda: explain.sanity(nn.Flatten(), images, explain.saliency),
            "sanity: the network has learnt nothing that could be shuffled.",
        ),
    ):
        with pytest.raises((OptionError, ShapeError), match=said):
            ask()
    assert explain.occlusion(network, images, layer="4", feature=1).values.shape == (2, 1, 8, 8)
