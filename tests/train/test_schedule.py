"""train.schedule: PyTorch's schedules, as functions of the step."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from striate.train import TrainOptions
from striate.train.schedule import learning_rate

EPOCHS, STEPS = 10, 7
TOTAL = EPOCHS * STEPS


def rates(**options):
    chosen = TrainOptions(epochs=EPOCHS, learning_rate=0.3, **options)
    return [learning_rate(chosen, step, steps_per_epoch=STEPS) for step in range(TOTAL)]


def torch_rates(scheduler, **settings):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule, found = scheduler(optimizer, **settings), []
    for _ in range(TOTAL):
        found.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return found


def test_cosine_is_pytorch_s():
    """Without warm-up it is CosineAnnealingLR down to 0 over all steps."""
    assert rates(schedule="cosine", warmup_epochs=0) == pytest.approx(torch_rates(CosineAnnealingLR, T_max=TOTAL))


@pytest.mark.parametrize("milestones", [(0.5, 0.75), (0.1, 0.3, 0.9), (0.5, 0.5), ()])
def test_steps_are_pytorch_s(milestones):
    """Without warm-up they are MultiStepLR with the same places and a tenth."""
    places = [math.ceil(round(part * TOTAL, 6)) for part in milestones]  # the first step that is past it
    want = torch_rates(MultiStepLR, milestones=places, gamma=0.1)
    assert rates(schedule="step", warmup_epochs=0, milestones=milestones) == pytest.approx(want)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine"])
@pytest.mark.parametrize("warmup_epochs", [0.0, 0.5, 3.0])
def test_the_rate_rises_evenly_to_the_highest_and_then_never_again(schedule, warmup_epochs):
    """Warm-up is a straight line from 0 to the highest rate; from there it only falls, and never below 0."""
    warmup = round(warmup_epochs * STEPS)
    found = rates(schedule=schedule, warmup_epochs=warmup_epochs)
    assert found[:warmup] == pytest.approx([0.3 * (step + 1) / warmup for step in range(warmup)])
    assert found[warmup] == pytest.approx(0.3)
    assert all(0 < later <= earlier for earlier, later in zip(found[warmup:], found[warmup + 1 :], strict=False))


def test_warmup_puts_the_schedule_off_not_ahead():
    """After warm-up the schedule runs in full over the steps that are left."""
    late = rates(schedule="cosine", warmup_epochs=4)[4 * STEPS :]
    short = TrainOptions(epochs=6, learning_rate=0.3, schedule="cosine", warmup_epochs=0)
    assert late == pytest.approx([learning_rate(short, step, steps_per_epoch=STEPS) for step in range(6 * STEPS)])


def test_a_warmup_longer_than_the_training_is_a_warmup():
    """Nothing is divided by 0, and the highest rate is not reached."""
    found = rates(warmup_epochs=20)
    assert found == pytest.approx([0.3 * (step + 1) / (20 * STEPS) for step in range(TOTAL)])


def test_a_plateau_divides_by_ten():
    """After so many divisions; the step does not matter once warm-up is over."""
    chosen = TrainOptions(epochs=EPOCHS, learning_rate=0.3, schedule="plateau", warmup_epochs=0)
    found = [learning_rate(chosen, 50, steps_per_epoch=STEPS, divisions=n) for n in range(4)]
    assert found == pytest.approx([0.3, 0.03, 0.003, 0.0003])
