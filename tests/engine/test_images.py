"""engine.images: which images the core takes, and how they lie."""

import pytest
import torch

from striate import ops
from striate.engine.images import LEAST, along_depth, empty, is_worth, laid_alike, of_slices, pool, slices, stacked

LAST = torch.channels_last


def test_only_plain_images_that_are_large_enough_are_worth_it():
    """By their number of samples; other numbers, transforms, and autocast are PyTorch's."""
    large = torch.zeros(1, 1, LEAST // 8, 8)
    assert is_worth(large)
    assert not is_worth(large[:, :, 1:])
    assert is_worth(large[:, :, 1:], 8)
    assert not is_worth(large.double())
    with torch.autocast("cpu"):
        assert not is_worth(large)


@pytest.mark.parametrize("last", [True, False])
def test_all_lie_as_the_first_one_does(last):
    """What lies so is not copied; what lies otherwise, or nowhere in order, is."""
    first, layout = torch.randn(2, 3, 4, 5), LAST if last else torch.contiguous_format
    first = first.contiguous(memory_format=layout)
    other = torch.randn(2, 3, 8, 5)[:, :, ::2]
    found, (a, b) = laid_alike(first, other)
    assert found == last
    assert a is first
    assert b.is_contiguous(memory_format=layout)
    assert b.equal(other)
    assert empty(first.shape, channels_last=last).stride() == first.stride()


def test_a_problem_is_written_down_once():
    """The same sizes are the same problem; other layouts are others."""
    given = (torch.Size((1, 2, 5, 5)), (2, 2), ((3, 3), (2, 2), (0, 0), (1, 1)))
    assert pool(*given, True)[1] is pool(*given, True)[1]
    assert pool(*given, True)[1] is not pool(*given, False)[1]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("shape", [(2, 3, 4, 5, 6), (1, 1, 4, 5, 6), (2, 3, 1, 5, 6), (2, 3, 4, 1, 1), (0, 3, 4, 5, 6)])
def test_slices_are_views_and_lie_as_volumes_do(shape, layout):
    """Each is one image, planes of it or pixels; stacked, they are the volumes again."""
    volumes = torch.randn(shape, generator=torch.Generator().manual_seed(0)).contiguous(memory_format=layout)
    images = slices(volumes)
    assert images.data_ptr() == volumes.data_ptr()
    assert images.shape[2:] == volumes.shape[3:]
    assert stacked(images, *shape[1:3]).equal(volumes)
    found = images.is_contiguous() or images.is_contiguous(memory_format=LAST)
    assert found


def test_a_window_is_one_of_a_slice_and_one_along_the_depth():
    """Together they have all its numbers."""
    steps = ((3, 2, 1), (1, 2, 3), (1, 0, 0), (2, 1, 1))
    inside, along = of_slices(steps), along_depth(steps)
    assert tuple((deep[0], *flat) for deep, flat in zip(along, inside, strict=True)) == steps
    assert [deep[1] for deep in along] == [1, 1, 0, 1]


OPERATIONS = {
    "max": lambda x: ops.max_pool2d(x, 3, 2),
    "average": lambda x: ops.avg_pool2d(x, 3, 2, 1),
    "max of a volume": lambda x: ops.max_pool3d(x.unflatten(-1, (4, -1)), 3, 2).flatten(-2),
    "average of a volume": lambda x: ops.avg_pool3d(x.unflatten(-1, (4, -1)), 3, 2, 1).flatten(-2),
    "response norm": lambda x: ops.local_response_norm(x, 5, 1.0),
    "contrast norm": lambda x: ops.local_contrast_norm(x, 5),
}
operations = pytest.mark.parametrize("name", OPERATIONS)


@operations
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # PyTorch's own, about its slopes
def test_whoever_watches_gets_pytorchs(name):
    """Slopes in forward mode, a batch of images, Jacobians' rows: as in double precision, which is never ours."""
    run, generator = OPERATIONS[name], torch.Generator().manual_seed(0)
    x, tangent = torch.randn(2, 2, 3, 40, 40, generator=generator)
    several = torch.stack([x, tangent])
    found = torch.func.jvp(run, (x,), (tangent,))
    want = torch.func.jvp(run, (x.double(),), (tangent.double(),))
    torch.testing.assert_close([each.double() for each in found], list(want), rtol=1e-4, atol=1e-4)
    assert found[1].any()
    each, exact = torch.vmap(run)(several), torch.vmap(run)(several.double())
    torch.testing.assert_close(each.double(), exact, rtol=1e-5, atol=1e-5)
    leaf = x.clone().requires_grad_()
    arriving = torch.randn(2, *run(x).shape, generator=generator)
    (rows,) = torch.autograd.grad(run(leaf), leaf, arriving, is_grads_batched=True)
    one_by_one = [torch.autograd.grad(run(leaf), leaf, one)[0] for one in arriving]
    torch.testing.assert_close(rows, torch.stack(one_by_one), rtol=1e-4, atol=1e-4)


@operations
@pytest.mark.traced
def test_an_exported_program_holds_pytorchs_functions(name):
    """It needs nothing of ours where it runs, and gives the same."""

    class Module(torch.nn.Module):
        def forward(self, x):
            return OPERATIONS[name](x)

    x = torch.randn(1, 4, 40, 40, generator=torch.Generator().manual_seed(0))
    program = torch.export.export(Module(), (x,))
    assert "striate" not in program.graph_module.code
    torch.testing.assert_close(program.module()(x), OPERATIONS[name](x), rtol=1e-5, atol=1e-5)


@operations
@pytest.mark.traced
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler itself
def test_a_compiled_function_is_one_graph_with_its_gradient(name):
    """Output and gradient as without."""
    run = OPERATIONS[name]
    torch._dynamo.reset()
    compiled = torch.compile(run, fullgraph=True, backend="aot_eager")
    x = torch.randn(1, 4, 40, 40, generator=torch.Generator().manual_seed(0)).requires_grad_()
    found, want = compiled(x), run(x)
    torch.testing.assert_close(found, want, rtol=1e-5, atol=1e-5)
    slopes = (torch.autograd.grad(output.square().sum(), x) for output in (found, want))
    torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4)
