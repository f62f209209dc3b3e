"""engine.accelerate: any model, faster, and the same model in everything else."""

import copy
import io
import pickle
import threading

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from striate.engine import accelerate, accelerated, reproducible, restore


def network():
    """Convolutions of every setting, in a model like others."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding="same", dilation=2, groups=2, bias=False),
        nn.Conv2d(8, 8, (3, 2), stride=2, padding=(1, 0), padding_mode="reflect"),
        nn.Conv2d(8, 8, 4, padding="same", padding_mode="circular"),
        nn.Conv2d(8, 4, 1, padding="valid"),
        nn.Flatten(),
        nn.Linear(4 * 6 * 5, 5),
    )


@pytest.fixture
def pair():
    """The same network twice, the second accelerated."""
    first = network()
    return first, accelerate(copy.deepcopy(first))


X = torch.randn(2, 3, 11, 11, generator=torch.Generator().manual_seed(1))
quiet = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, of its copy
pytestmark = quiet


def test_outputs_and_gradients_are_the_same(pair):
    """To rounding, of every parameter and the input, in both layouts, by our algorithms alone."""
    for layout in (torch.contiguous_format, torch.channels_last):
        inputs = [X.clone(memory_format=layout).requires_grad_() for _ in pair]
        with reproducible():
            outputs = [model(x) for model, x in zip(pair, inputs, strict=True)]
            for model, output in zip(pair, outputs, strict=True):
                model.zero_grad()
                output.square().sum().backward()
        torch.testing.assert_close(outputs[1], outputs[0], rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad, rtol=1e-3, atol=1e-3)
        grads = [{name: p.grad for name, p in model.named_parameters()} for model in pair]
        torch.testing.assert_close(grads[1], grads[0], rtol=1e-3, atol=1e-3)


def test_nothing_else_of_the_model_changes(pair):
    """What it prints, holds and is; its names and numbers; and it can be undone."""
    first, second = pair
    assert repr(first) == repr(second)
    assert accelerated(second) == ["0", "3", "4", "5", "6"]
    assert accelerated(first) == []
    assert all(isinstance(second[i], nn.Conv2d) for i in (0, 3, 4, 5, 6))
    assert list(first.state_dict()) == list(second.state_dict())
    second.load_state_dict(first.state_dict())
    assert restore(second) is second
    assert [type(m) for m in second.modules()] == [type(m) for m in first.modules()]
    assert [vars(m).keys() for m in second.modules()] == [vars(m).keys() for m in first.modules()]


def test_other_classes_are_left_alone():
    """A subclass may convolve in another way; a parametrized layer has a class of its own, and works as before."""

    class Mine(nn.Conv2d):
        pass

    model = accelerate(
        nn.Sequential(Mine(3, 4, 3), parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), nn.ConvTranspose2d(4, 4, 2))
    )
    assert accelerated(model) == []
    first = accelerate(nn.Conv2d(3, 4, 3))
    parametrizations.spectral_norm(first)
    assert accelerated(first) == []
    first(X)


def test_it_is_copied_and_pickled(pair):
    """A copy is accelerated as well, has weights of its own, and computes the same."""
    _, second = pair
    second.eval()
    saved = io.BytesIO()
    torch.save(second, saved)
    saved.seek(0)
    copies = [copy.deepcopy(second), pickle.loads(pickle.dumps(second)), torch.load(saved, weights_only=False)]
    want = second(X)
    for copied in copies:
        assert accelerated(copied) == accelerated(second)
        assert torch.equal(copied(X), want)
    with torch.no_grad():
        copies[0][0].weight.mul_(2)
    assert torch.equal(second(X), want)
    assert not torch.equal(copies[0](X), want)


def test_training_follows_pytorchs(pair):
    """Ten steps of Adam: the losses are those of PyTorch's own convolution."""

    def losses(model):
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        found = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = model(X).square().mean()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    with reproducible():
        want, found = map(losses, pair)
    assert found == pytest.approx(want, rel=1e-2)
    assert found[-1] < found[0]


def test_hooks_are_called(pair):
    """Of the layer, before and after, forward and backward."""
    _, second = pair
    seen = []
    second[3].register_forward_pre_hook(lambda *_: seen.append("before"))
    second[3].register_forward_hook(lambda *_: seen.append("after"))
    second[3].register_full_backward_hook(lambda *_: seen.append("backward"))
    with reproducible():
        second(X).sum().backward()
    assert seen == ["before", "after", "backward"]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_it_predicts_without_gradients(pair, mode):
    """Also with a weight that was made so, which has no version."""
    first, second = (model.eval() for model in pair)
    with mode(), reproducible():
        torch.testing.assert_close(second(X), first(X), rtol=1e-3, atol=1e-4)
        made = accelerate(nn.Conv2d(3, 4, 3))
        before = made(X)
        made.weight.add_(1)
        torch.testing.assert_close(made(X), nn.functional.conv2d(X, made.weight, made.bias))
        assert not torch.equal(made(X), before)


def test_autocast_is_pytorchs(pair):
    """The same dtype and the same numbers."""
    first, second = (model.eval() for model in pair)
    with torch.autocast("cpu"):
        assert torch.equal(second(X), first(X))
        assert second(X).dtype == torch.bfloat16


def test_moving_and_converting_work(pair):
    """To double precision and back, and to other weights through state_dict, the next output is theirs."""
    first, second = (model.eval() for model in pair)
    with reproducible():
        second(X)
        torch.testing.assert_close(second.double()(X.double()), first.double()(X.double()))
        first.float()
        second.float()
        other = network().eval()
        second.load_state_dict(other.state_dict())
        torch.testing.assert_close(second(X), other(X), rtol=1e-3, atol=1e-4)


def test_settings_may_change_after_it_was_made():
    """Whoever sets a layer's stride, dilation or padding gets it."""
    layer = accelerate(nn.Conv2d(3, 4, 3))
    for stride, padding, dilation in ((1, 0, 1), (2, (1, 1), 1), ((1, 2), "valid", (2, 2))):
        layer.stride, layer.padding, layer.dilation = stride, padding, dilation
        want = nn.functional.conv2d(X, layer.weight, layer.bias, stride, padding, dilation)
        torch.testing.assert_close(layer(X), want)


def test_two_models_in_two_threads():
    """Each trains by itself, one of them with the other's layer in it."""
    shared = accelerate(nn.Conv2d(3, 8, 3, padding=1))
    models = [nn.Sequential(shared, accelerate(nn.Conv2d(8, 8, 3))) for _ in range(2)]
    want = [model(X).detach() for model in models]
    wrong = []

    def work(model, expected):
        with reproducible():
            for _ in range(30):
                output = model(X)
                torch.autograd.grad(output.sum(), list(model.parameters()))
                if not torch.allclose(output, expected, atol=1e-4):
                    wrong.append(model)

    threads = [threading.Thread(target=work, args=both) for both in zip(models, want, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.traced
def test_export_holds_the_operator(pair):
    """Every accelerated layer is one operator of the program, which computes the same."""
    first, second = (model.eval() for model in pair)
    program = torch.export.export(second, (X,))
    targets = [str(node.target) for node in program.graph.nodes]
    assert targets.count("striate.conv2d.default") == 5
    torch.testing.assert_close(program.module()(X), first(X), rtol=1e-3, atol=1e-4)


@pytest.mark.traced
def test_a_compiled_model_trains(pair):
    """In one graph, with the gradients that it has without."""
    first, second = (model.eval() for model in pair)
    torch._dynamo.reset()
    compiled = torch.compile(second, fullgraph=True, backend="aot_eager")
    compiled(X).square().sum().backward()
    first(X).square().sum().backward()
    grads = [{name: p.grad for name, p in model.named_parameters()} for model in pair]
    torch.testing.assert_close(grads[1], grads[0], rtol=1e-3, atol=1e-3)
