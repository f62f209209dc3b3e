"""Graphs to test passes with, and how to hold a graph against the model that it was captured from."""

import torch
from torch import nn

from striate.compile.capture import capture
from striate.compile.graph import Given, Graph, Node
from striate.compile.interpret import run
from striate.ops.dry_run import first_tensor

__all__ = ["CONV", "agrees", "chain", "ops_of", "trained"]

CONV = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}


def chain(*nodes: Node, size=(2, 3, 6, 6), constants=None) -> Graph:
    """A graph of one input, x, that returns what its last operation gives."""
    return Graph({"x": Given(size, (0,))}, nodes, (nodes[-1].name,), constants or {})


def ops_of(graph: Graph) -> list[str]:
    """The operations, in their order; of PyTorch's own the name."""
    return [str(node.options.get("target", node.op)).removeprefix("aten.") for node in graph.nodes]


def trained(model: nn.Module) -> nn.Module:
    """In evaluation mode, with averages in its batch normalisations that are no ones and zeros."""
    generator = torch.Generator().manual_seed(0)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) and norm.track_running_stats:
            norm.running_mean.copy_(torch.randn(norm.num_features, generator=generator) * 0.1)
            norm.running_var.copy_(torch.rand(norm.num_features, generator=generator) + 0.5)
            if norm.affine:
                nn.init.uniform_(norm.weight, 0.7, 1.3, generator=generator)
                nn.init.normal_(norm.bias, 0, 0.1, generator=generator)
    return model.eval()


def agrees(model: nn.Module, *sizes, change=lambda graph: graph) -> Graph:
    """Capture for the first of some sizes, change, and compare with the model for each of them.

    Returns:
        The graph.
    """
    graph = change(capture(trained(model), torch.zeros(sizes[0])))
    generator = torch.Generator().manual_seed(1)
    for size in sizes:
        images = torch.randn(size, generator=generator)
        with torch.no_grad():
            torch.testing.assert_close(run(graph, images)[0], first_tensor(model(images.clone())), rtol=1e-3, atol=1e-4)
    return graph
