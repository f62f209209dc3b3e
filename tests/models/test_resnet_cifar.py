"""models.resnet_cifar: the sizes of the paper's table, with its shortcuts, with others, and without."""

import pytest
import torch
from torch import nn

from striate.models import ResNetCifar, create

STAGES = [("conv1", (16, 32, 32)), ("stage1", (16, 32, 32)), ("stage2", (32, 16, 16)), ("stage3", (64, 8, 8))]


@pytest.mark.parametrize("n", [1, 3, 5])
def test_there_are_6n_plus_2_layers_with_weights(n):
    """The paper's count: 2n convolutions in each of three stages, the first convolution, the last layer."""
    weighted = [m for m in ResNetCifar(n=n).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 6 * n + 2


@pytest.mark.parametrize(("name", "shape"), STAGES)
def test_stages_are_the_paper_s(name, shape):
    """Each row of the paper's table has the size it says, for an image of 32 x 32."""
    network, seen = ResNetCifar(n=1), []
    module = network.get_submodule(name)
    module.register_forward_hook(lambda *given: seen.append(tuple(given[2].shape[1:])))
    network(torch.zeros(2, 3, 32, 32))
    assert seen == [shape]


@pytest.mark.parametrize(("option", "extra"), [("A", 0), ("B", 2_752), ("C", 14_240), ("none", 0)])
def test_the_options_parameters(option, extra):
    """The paper's A has none of its own; B has a projection at each of the two changes of size, C nine."""
    found = sum(p.numel() for p in ResNetCifar(n=3, shortcut=option).parameters())
    assert found == 269_722 + extra


@pytest.mark.parametrize("n", [3, 5, 7, 9, 18])
def test_a_plain_network_is_its_residual_one_without_shortcuts(n):
    """The same names and shapes, and other scores."""
    residual, plain = create(f"resnet{6 * n + 2}").eval(), create(f"plain{6 * n + 2}").eval()
    plain.load_state_dict(residual.state_dict())
    x = torch.randn(1, 3, 8, 8)
    assert not torch.allclose(plain(x), residual(x), rtol=0.01)


def test_the_last_layer_sees_an_average_over_all_positions():
    """The scores are the last layer's, of the mean of the last feature maps."""
    network = ResNetCifar(n=1).eval()
    x = torch.randn(2, 3, 20, 12)
    assert network.features(x).shape == (2, 64, 5, 3)
    torch.testing.assert_close(network(x), network.fc(network.features(x).mean((2, 3))))
