"""data.order: every epoch visits every sample once, and the place in a run is one integer."""

import numpy as np
import pytest

from striate.data.order import Order

SIZES = [(10, 4), (64, 64), (5, 100), (1, 1), (1079, 32), (97, 8)]
sizes = pytest.mark.parametrize(("samples", "batch_size"), SIZES)


@sizes
def test_an_epoch_visits_every_sample_once(samples, batch_size):
    """Over the steps of each epoch, every sample comes exactly once."""
    order = Order(samples, batch_size, seed=3)
    for epoch in range(3):
        steps = range(epoch * order.steps_per_epoch, (epoch + 1) * order.steps_per_epoch)
        seen = np.concatenate([order.batch(step) for step in steps])
        assert sorted(seen) == list(range(samples))


@sizes
def test_batches_are_of_one_size(samples, batch_size):
    """No batch is larger than asked for, and none smaller than the largest by more than one."""
    order = Order(samples, batch_size, seed=0)
    found = [len(order.batch(step)) for step in range(order.steps_per_epoch)]
    assert max(found) <= batch_size
    assert max(found) - min(found) <= 1
    assert min(found) == order.smallest


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_make_up_the_batch(parts):
    """What the ranks or the accumulation steps get, one after the other, is the batch."""
    order = Order(50, 20, seed=5)
    for step in range(6):
        cut = [order.batch(step, part=i, parts=parts) for i in range(parts)]
        np.testing.assert_array_equal(np.concatenate(cut), order.batch(step))
        assert max(map(len, cut)) - min(map(len, cut)) <= 1


def test_any_step_can_be_asked_for_alone():
    """A step's batch does not depend on the steps that were asked for before."""
    here = [Order(100, 7, seed=1).batch(step) for step in range(40)]
    for step in (39, 0, 22, 14):
        np.testing.assert_array_equal(Order(100, 7, seed=1).batch(step), here[step])


def test_epochs_and_seeds_differ():
    """Each epoch and each seed has an order of its own."""
    orders = {tuple(Order(50, 50, seed=seed).batch(step)) for seed in (0, 1) for step in (0, 1, 2)}
    assert len(orders) == 6


def test_without_a_seed_the_order_is_the_data_s():
    """Judging goes through a part from its first sample to its last."""
    order = Order(10, 4, seed=None)
    assert np.concatenate([order.batch(step) for step in range(3)]).tolist() == list(range(10))


def test_a_limit_repeats_the_first_batches():
    """Overfitting sees the same few samples in every epoch."""
    order = Order(100, 10, seed=0, limit=2)
    assert order.steps_per_epoch == 2
    np.testing.assert_array_equal(order.batch(0), order.batch(2))
    np.testing.assert_array_equal(order.batch(0), Order(100, 10, seed=0).batch(0))
