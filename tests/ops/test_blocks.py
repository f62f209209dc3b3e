"""ops.blocks: however the positions are cut into blocks, the sums are the same, and memory stays small."""

import subprocess
import sys

import pytest
import torch
from family import geometry, positions_of, problems, tiles_for
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.ops import blocks


@given(problems(), st.integers(0, 5), st.sampled_from([64, 512, 4096, 4 << 20]), st.sampled_from([1, 6, 100]))
@settings(max_examples=120)
def test_blocks_of_any_size_give_the_same(problem, turn, size, many):
    """Blocks of one position or of all, patches in either layout: the plain loop's numbers and gradients."""
    x, tiles = problem.input().requires_grad_(), tiles_for(problem, turn)
    w, y = problem.weight(tiles).requires_grad_(), problem.output()
    want = positions_of(problem, x, w)
    dx, dw = torch.autograd.grad(want, (x, w), y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        patch.setattr(blocks, "MANY_COLUMNS", many)
        g, x, w = geometry(problem, tiles), x.detach(), w.detach()
        torch.testing.assert_close(blocks.forward(x, w, g), want.detach())
        torch.testing.assert_close(blocks.input_gradient(y, w, g), dx)
        torch.testing.assert_close(blocks.kernel_gradient(x, y, w.shape, g), dw)


# What a fresh process adds to its memory while an operator runs, in bytes: the most that it held, less what it held
# before and less the result. The first, small calls load what is loaded once.
PEAK = """
import sys, torch
from striate.ops.positional import tiled_conv, tiled_conv_kernel_gradient, tiled_conv_transpose
torch.set_num_threads(1)
tiles, batch, channels, kernels, size, stride = map(int, sys.argv[1:])
settings = ([stride] * 2, [1, 1], [1, 1], [1, 1], 1, False)
p = (size - 1) // stride + 1

def status(name):
    return 1024 * int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith(name)))

def peak(call):
    open("/proc/self/clear_refs", "w").write("5")
    before = status("VmRSS")
    size = call().nbytes
    return status("VmHWM") - before - size

def run(t, n, c, k, s, p):
    x, w, y = torch.rand(n, c, s, s), torch.rand(t, t, k, c, 3, 3), torch.rand(n, k, p, p)
    calls = [lambda: tiled_conv(x, w, *settings),
             lambda: tiled_conv_transpose(y, w, [s, s], *settings),
             lambda: tiled_conv_kernel_gradient(x, y, list(w.shape), *settings)]
    return [*map(peak, calls), y.nbytes]

run(1, 2, 8, 8, 8, (8 - 1) // stride + 1)
print(*run(tiles or p, batch, channels, kernels, size, p))
"""

# (tiles (0: one for every position), batch, channels, kernels, size, stride)
MEMORY = [(0, 8, 32, 64, 24, 1), (2, 16, 64, 32, 64, 1), (0, 1, 32, 32, 64, 2), (3, 4, 128, 16, 96, 2)]


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("case", MEMORY, ids=str)
def test_memory_is_at_most_one_output_and_16_megabytes(case):
    """Beyond arguments and result, no more is ever held: there is no unfolded input, forward or backward."""
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, case)], capture_output=True, text=True, check=True)
    *peaks, output = map(int, done.stdout.split())
    assert max(peaks) <= output + (16 << 20), [f"{peak / 2**20:.1f} MB" for peak in peaks]
