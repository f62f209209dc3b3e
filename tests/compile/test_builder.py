"""compile.builder: names are the model's and the operators', each used once."""

import pytest
import torch
from torch import nn

from striate.compile.builder import Builder, built
from striate.compile.tracing import traced

pytestmark = pytest.mark.traced


def test_names_are_used_once():
    """A second of the same name is counted."""
    builder = Builder({"weight": torch.zeros(1)})
    assert builder.constant("weight", torch.ones(1)) == "weight_2"
    assert builder.emit("y", "activation", ("weight",)) == "y"
    assert builder.emit("y", "activation", ("y",)) == "y_2"
    assert builder.constants["weight"].item() == 0


def test_weights_are_the_models_by_name():
    """The same memory, under the same name; what the code makes itself has PyTorch's name."""

    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x) * torch.tensor([3.0])

    model = Shifted().eval()
    graph = built(traced(model, torch.zeros(1, 2)), dict(model.named_parameters()))
    assert graph.constants["fc.weight"].data_ptr() == model.fc.weight.data_ptr()
    assert [tensor.tolist() for name, tensor in graph.constants.items() if "fc" not in name] == [[3.0]]
    assert not any(tensor.requires_grad for tensor in graph.constants.values())


def test_a_dropout_that_drops_nothing_writes_nothing():
    """Though it is called in place, and what it is given is seen under two shapes: nothing has to be undone."""
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Dropout(inplace=True), nn.ReLU()).eval()
    program = traced(model, torch.zeros(1, 2, 3, 3))
    program.run_decompositions = None
    graph = built(program, dict(model.named_parameters()))
    assert [node.op for node in graph.nodes] == ["conv", "flatten", "activation"]
