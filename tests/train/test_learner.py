"""train.learner: a step is PyTorch's step, or it is nothing at all."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from striate.data.loader import Batch, Loader
from striate.data.order import Order
from striate.tasks import Classification
from striate.train import Learner, TrainOptions

CLASSES = ("a", "b", "c")
WEIGHTS = (1.0, 3.0, 0.5)


def batch_of(size=24, *, seed=1, cut=()):
    """A random batch in parts, cut at these places."""
    dice = np.random.default_rng(seed)
    images = torch.from_numpy(dice.normal(size=(size, 2, 6, 6)).astype(np.float32))
    labels = torch.from_numpy(dice.integers(0, 3, size))
    edges = [0, *cut, size]
    return [Batch(images[a:b].clone(), labels[a:b], np.arange(a, b)) for a, b in pairwise(edges)]


def plain():
    """A network without normalisation or dropout: its gradient is a sum over samples."""
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))


def full():
    """A network with everything that a step touches."""
    convolution = nn.Conv2d(2, 4, 3, bias=False)
    layers = [convolution, nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(64, 3)]
    return nn.Sequential(*layers)


def learner_of(network, task=None, **options):
    torch.manual_seed(0)
    return Learner(network(), task or Classification(CLASSES), TrainOptions(**options), torch.device("cpu"))


def everything(learner):
    """Copy all that a step may change."""
    groups = learner.tensors()
    return {(file, name): value.clone() for file, group in groups.items() for name, value in group.items()}


def changed(before, after):
    """Name what has other bits; a value that is not a number is the same as itself."""
    assert before.keys() == after.keys()
    return [key for key in before if before[key].numpy().tobytes() != after[key].numpy().tobytes()]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_step_is_pytorch_s(optimizer, weights):
    """The gradient of the mean cross-entropy, one step of the optimiser: the same weights as a loop by hand."""
    learner = learner_of(plain, Classification(CLASSES, 0.1, weights), optimizer=optimizer, weight_decay=0.0)
    torch.manual_seed(0)
    model = plain()
    make = {
        "sgd": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
        "adamw": lambda p: torch.optim.AdamW(p, 0.05, weight_decay=0),
    }
    theirs = make[optimizer](model.parameters())
    loss = nn.CrossEntropyLoss(None if weights is None else torch.tensor(weights), label_smoothing=0.1)
    for seed in range(3):
        (batch,) = batch_of(seed=seed)
        done = learner.step([batch], learning_rate=0.05, seed=0)
        theirs.zero_grad()
        want = loss(model(batch.images), batch.labels)
        want.backward()
        theirs.step()
        assert done.loss / done.weight == pytest.approx(want.item(), rel=1e-5)
        assert done.seen == 24
    for one, other in zip(learner.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cut", [(12,), (8, 16), (1, 5, 23)])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_parts_make_the_step_of_their_whole(cut, weights):
    """Gradients that are accumulated over parts, of whatever sizes, are those of one batch."""
    task = Classification(CLASSES, 0.1, weights)
    whole, parts = learner_of(plain, task), learner_of(plain, task)
    for seed in range(3):
        once = whole.step(batch_of(seed=seed), learning_rate=0.1, seed=0)
        often = parts.step(batch_of(seed=seed, cut=cut), learning_rate=0.1, seed=0)
        assert (often.correct, often.seen, often.weight) == (once.correct, once.seen, pytest.approx(once.weight))
        assert often.loss == pytest.approx(once.loss, rel=1e-5)
    for one, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("norm", [1e-3, 0.5, 1e3])
def test_clipping_is_pytorch_s(norm):
    """The gradient that the optimiser sees has at most the norm that was asked for, and its direction."""
    free, clipped = learner_of(plain), learner_of(plain, clip_norm=norm)
    for learner in (free, clipped):
        learner.step(batch_of(cut=(10,)), learning_rate=0.0, seed=0)
    nn.utils.clip_grad_norm_(free.model.parameters(), norm)
    for one, other in zip(clipped.model.parameters(), free.model.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def poison_loss(learner, batch):
    batch[-1].images[0, 0, 0, 0] = math.nan


def poison_gradient(learner, batch):
    """Finite forwards, infinite backwards, in the network's first layer only."""
    handle = learner.model[0].weight.register_hook(lambda gradient: gradient * math.inf)
    learner.cured = handle.remove


def poison_statistics(learner, batch):
    """So bright that the variance overflows: what is divided by it is 0, loss and gradient stay finite."""
    batch[-1].images.mul_(1e25)


poisons = pytest.mark.parametrize("poison", [poison_loss, poison_gradient, poison_statistics])


@poisons
@pytest.mark.parametrize("cut", [(), (8,)])
@pytest.mark.parametrize("options", [{"optimizer": "sgd"}, {"optimizer": "adamw"}, {"clip_norm": 0.1}], ids=str)
def test_what_is_not_finite_changes_nothing(poison, cut, options):
    """Weights, statistics, counters, optimiser and average keep every bit; the next step is as if it had not been."""
    learner, other = (learner_of(full, average_decay=0.9, **options) for _ in range(2))
    for seed in range(2):
        learner.step(batch_of(seed=seed), learning_rate=0.1, seed=seed)
        other.step(batch_of(seed=seed), learning_rate=0.1, seed=seed)
    before, batch = everything(learner), batch_of(seed=5, cut=cut)
    poison(learner, batch)
    done = learner.step(batch, learning_rate=0.1, seed=5)
    assert done.skipped
    assert math.isnan(done.loss)
    assert (done.correct, done.seen) == (0, 24)
    assert changed(before, everything(learner)) == []
    assert learner.updates == 2
    getattr(learner, "cured", lambda: None)()
    for one in (learner, other):
        assert not one.step(batch_of(seed=6), learning_rate=0.1, seed=6).skipped
    assert changed(everything(learner), everything(other)) == []


def test_the_statistics_poison_is_invisible_in_loss_and_gradient():
    """So that the test above shows that the statistics themselves are looked at."""
    learner, batch = learner_of(full), batch_of()
    poison_statistics(learner, batch)
    loss = learner.task.loss(learner.model.train()(batch[0].images), batch[0].labels)
    loss.backward()
    assert loss.isfinite()
    assert all(p.grad.isfinite().all() for p in learner.model.parameters())
    assert not learner.model.get_buffer("1.running_var").isfinite().all()


def test_a_good_step_changes_everything():
    """The comparison of the test above can fail."""
    learner = learner_of(full, average_decay=0.9)
    learner.step(batch_of(), learning_rate=0.1, seed=0)
    before = everything(learner)
    learner.step(batch_of(seed=2), learning_rate=0.1, seed=1)
    assert set(changed(before, everything(learner))) == set(before)


def test_bf16_computes_in_bf16_and_keeps_fp32():
    """The loss is near that of fp32 but not the same; weights, optimiser and average stay fp32."""
    exact, rough = learner_of(plain), learner_of(plain, precision="bf16", average_decay=0.9)
    one, other = (learner.step(batch_of(), learning_rate=0.1, seed=0) for learner in (exact, rough))
    assert other.loss == pytest.approx(one.loss, rel=0.02)
    assert other.loss != one.loss
    assert {value.dtype for value in everything(rough).values()} == {torch.float32}


def test_dropout_follows_the_seed_alone():
    """The same seed drops the same units, whatever came before; another drops others."""
    losses = []
    for before, seed in ((0, 7), (3, 7), (0, 8)):
        learner = learner_of(full)
        torch.rand(before)
        losses.append(learner.step(batch_of(), learning_rate=0.1, seed=seed).loss)
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_restored_it_goes_on_to_the_same_bits(optimizer):
    """What `tensors` lists is all there is."""
    first, second = (learner_of(full, optimizer=optimizer, average_decay=0.9) for _ in range(2))
    for seed in range(3):
        first.step(batch_of(seed=seed), learning_rate=0.1, seed=seed)
    kept = {file: {n: v.clone().contiguous() for n, v in group.items()} for file, group in first.tensors().items()}
    second.restore(kept, updates=first.updates)
    for learner in (first, second):
        learner.step(batch_of(seed=9), learning_rate=0.1, seed=9)
    assert changed(everything(first), everything(second)) == []


def test_the_average_is_judged_if_there_is_one():
    """Otherwise the network itself is."""
    assert (learner := learner_of(plain)).judged is learner.model
    assert (learner := learner_of(plain, average_decay=0.9)).judged is learner.average.model


def test_filters_are_limited_after_every_step(make_learner, part):
    """None is above the limit, whatever the rate; without a limit some are. The average follows the limited ones."""

    def learned(**options):
        learner = make_learner(learning_rate=1.0, average_decay=0.5, **options)
        order = Order(len(part), 8, seed=0)
        for batch in Loader(part, part.preprocess, order).batches(0, 4):
            learner.step([batch], learning_rate=1.0, seed=0)
        return [
            model.conv.weight.flatten(1).square().mean(1).sqrt().max().item()
            for model in (learner.model, learner.judged)
        ]

    assert max(learned(filter_rms=0.1)) <= 0.1 + 1e-6
    assert min(learned()) > 0.11
