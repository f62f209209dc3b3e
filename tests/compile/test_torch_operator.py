"""compile.torch_operator: operators as data, and which ones data may name."""

import operator

import pytest
import torch

from striate.compile.torch_operator import UnwritableError, call, function, name_of, written
from striate.errors import OptionError

ATEN = torch.ops.aten


def test_arguments_survive_being_written():
    """Tensors become places, kinds of numbers their names, infinities words; reading gives all of it back."""
    x = torch.tensor([[1.0, -2.0], [3.0, 4.0]])
    args = written([x, float("-inf"), 2.0], lambda value: 0 if value is x else None)
    assert args == ({"input": 0}, {"float": "-inf"}, 2.0)
    torch.testing.assert_close(call(x, target="aten.clamp.default", args=args, kwargs={}), x.clamp(max=2.0))
    kwargs = {"dtype": written(torch.int64, lambda value: None)}
    assert call(x, target="aten.sum.default", args=({"input": 0},), kwargs=kwargs).dtype == torch.int64


def test_one_of_several_results_is_taken():
    """As a graph has one value an operation."""
    x = torch.arange(6.0).view(2, 3)
    args = ({"input": 0}, 1, 1)
    torch.testing.assert_close(call(x, target="aten.split.Tensor", args=args, kwargs={}, item=2), x[:, 2:])


@pytest.mark.parametrize("target", [ATEN.bmm.default, ATEN.view.default, ATEN.arange.start_step, operator.floordiv])
def test_names_are_found_again(target):
    """Of operators and of the arithmetic of sizes."""
    assert function(name_of(target)) is target


@pytest.mark.refusal
@pytest.mark.parametrize(
    "target",
    ["aten.from_file.default", "aten.relu_.default", "aten.bernoulli.default", "aten.nonsense.default", "aten.view",
     "os.system", "size.eval", "aten.__class__.default", "aten._backend.x"],
)  # fmt: skip
def test_other_names_are_refused(target):
    """What reads files, writes into its inputs or draws numbers is none that a graph may have."""
    with pytest.raises(OptionError) as error:
        function(target)
    assert str(error.value) == (
        f"graph: {target!r} is no operator that a graph may have.\n  torch  {torch.__version__}\n"
        "Capture the model with this version of PyTorch, or use the one that wrote the graph."
    )


def test_what_a_graph_may_not_have_has_no_name():
    """So capture can say so."""
    assert name_of(ATEN.from_file.default) is None
    assert name_of(ATEN.relu_.default) is None
    assert name_of(print) is None
    with pytest.raises(UnwritableError, match="object"):
        written(object(), lambda value: None)
