"""rivals.plain: models in PyTorch's own layers."""

import torch
from torch import nn

from striate.nn import LocalResponseNorm
from striate.rivals.plain import plain


def test_the_answer_is_the_same():
    """Of both scales; the model keeps its own layers."""
    norms = [LocalResponseNorm(5, 0.1, 0.75, 2.0, scale="sum"), LocalResponseNorm(3, 0.2)]
    model = nn.Sequential(norms[0], nn.Sequential(norms[1], nn.ReLU()))
    x = torch.randn(2, 8, 5, 5, generator=torch.Generator().manual_seed(0))
    found = plain(model)
    torch.testing.assert_close(found(x), model(x))
    assert not any(isinstance(module, LocalResponseNorm) for module in found.modules())
    assert model[0] is norms[0]
