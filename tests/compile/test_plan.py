"""Plans: what a run takes, and gives back."""

import torch
from small_graphs import drawn, residual_network

from striate.compile.plan import plan
from striate.compile.weights import Weights


def planned(threads=1, batch=2):
    of = residual_network()
    return plan(of, [(batch, 3, 8, 8)], Weights(of.constants), last=[False], threads=threads)


def test_a_run_allocates_what_it_returns_alone():
    """After the first: memory of a run is used again by the next."""
    found, x = planned(), drawn(2, 3, 8, 8)
    found.run([x])
    kept = found._free[0][1]
    found.run([x])
    assert [memory[1] for memory in found._free] == [kept]


def test_runs_do_not_write_each_others_outputs():
    """What was returned stays."""
    found = planned()
    first = found.run([drawn(2, 3, 8, 8)])
    copies = [y.clone() for y in first]
    found.run([drawn(2, 3, 8, 8, seed=5)])
    assert all(torch.equal(y, copy) for y, copy in zip(first, copies, strict=True))


def test_the_time_of_every_step_is_told():
    """In the order of the steps."""
    found = planned()
    seconds = torch.full((len(found.lowered.steps),), -1.0, dtype=torch.float64)
    found.run([drawn(2, 3, 8, 8)], seconds)
    assert seconds.min() >= 0
    assert found.bytes >= 4 * found.arena.floats


def test_bits_do_not_depend_on_the_batch_or_the_threads():
    """An image's outputs are those that it has alone."""
    x = drawn(5, 3, 8, 8)
    together = planned(threads=2, batch=5).run([x])
    alone = planned(batch=1).run([x[3:4]])
    for all_of_it, one in zip(together, alone, strict=True):
        assert torch.equal(all_of_it[3:4], one)
