"""engine.packed: one form for as long as the weight is what it was; never a stale one."""

import gc
import threading

import pytest
import torch
from convolutions import problem, tensors

from striate.engine import limit
from striate.engine.core import core
from striate.engine.packed import form, kept_bytes, packed
from striate.engine.parts import parts
from striate.engine.problem import Problem

PROBLEM = problem("3x3")
DIRECT = core().algorithms().index("direct")
FORM = form(DIRECT, PROBLEM)


def drawn():
    return tensors("3x3", grad=False)[1]


def test_a_weight_is_packed_once():
    """The same tensor comes back, for another size of images as well; another weight has its own."""
    weight = drawn()
    first = packed(weight, FORM, 1)
    assert packed(weight, FORM, 1) is first
    larger = problem("3x3").of((1, 8, 40, 40), (16, 8, 3, 3), padding=(1, 1))
    assert packed(weight, form(DIRECT, larger), 1) is first
    other = weight.clone()
    assert packed(other, FORM, 1) is not first
    assert torch.equal(packed(other, FORM, 1), first)


def test_a_gradient_has_a_form_of_its_own():
    """Both are kept."""
    weight = drawn()
    (part,) = parts(PROBLEM)
    turned = form(DIRECT, part.problem, part.taps)
    forward, backward = packed(weight, FORM, 1), packed(weight, turned, 1)
    assert packed(weight, FORM, 1) is forward
    assert packed(weight, turned, 1) is backward
    assert not torch.equal(forward, backward)


CHANGES = {
    "in place": lambda weight: weight.mul_(2),
    "one number": lambda weight: weight[0, 0, 0].fill_(7),
    "copied over": lambda weight: weight.copy_(torch.ones_like(weight)),
    "through data": lambda weight: weight.data.mul_(2),
    "other data": lambda weight: setattr(weight, "data", torch.ones_like(weight)),
    "through numpy": lambda weight: weight.numpy().fill(3),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_weight_that_changes_is_packed_again(change):
    """However it is changed."""
    weight = drawn()
    before = packed(weight, FORM, 1)
    CHANGES[change](weight)
    after = packed(weight, FORM, 1)
    assert after is not before
    assert torch.equal(after, packed(weight.clone(), FORM, 1))


def test_memory_is_used_again_unless_somebody_reads_it():
    """A form that is made anew takes the place of the old, if nobody holds that."""
    weight = drawn()
    address = packed(weight, FORM, 1).data_ptr()
    weight.add_(1)
    held = packed(weight, FORM, 1)
    assert held.data_ptr() == address
    before = held.clone()
    weight.add_(1)
    assert packed(weight, FORM, 1).data_ptr() != address
    assert torch.equal(held, before)


def test_an_optimizers_steps_are_noticed():
    """Of every kind that there is: fused, for each tensor, and plain."""
    for options in ({"fused": True}, {"foreach": True}, {"foreach": False}):
        weight = drawn().requires_grad_()
        optimizer = torch.optim.SGD([weight], lr=1e-3, momentum=0.9, **options)
        for _ in range(3):
            before = packed(weight, FORM, 1)
            weight.grad = torch.randn_like(weight)
            optimizer.step()
            after = packed(weight, FORM, 1)
            assert after is not before
            assert torch.equal(after, packed(weight.detach().clone(), FORM, 1))


def test_a_weight_of_inference_mode_is_packed_every_time():
    """It has no version, so nobody can tell whether it has changed."""
    with torch.inference_mode():
        weight = drawn().clone()
        before = packed(weight, FORM, 1)
        weight[0, 0, 0].fill_(7)
        assert torch.equal(packed(weight, FORM, 1), packed(weight.clone(), FORM, 1))
        assert not torch.equal(packed(weight, FORM, 1), before)


def test_packed_weights_go_with_the_tensor():
    """Nothing keeps them, nor the weight."""
    gc.collect()
    before, weight = kept_bytes(), drawn()
    packed(weight, FORM, 1)
    assert kept_bytes() == before + 4 * FORM.numbers
    del weight
    gc.collect()
    assert kept_bytes() == before


def test_the_limit_is_kept():
    """Those used longest ago make room; what is needed at the moment is kept all the same."""
    gc.collect()
    weights = [drawn() for _ in range(4)]
    before = limit(packed_bytes=kept_bytes() + 8 * FORM.numbers)
    try:
        first = packed(weights[0], FORM, 1)
        packed(weights[1], FORM, 1)
        assert packed(weights[0], FORM, 1) is first
        packed(weights[2], FORM, 1)
        packed(weights[3], FORM, 1)
        assert packed(weights[0], FORM, 1) is not first
    finally:
        limit(**before._asdict())


def test_threads_share_what_is_packed():
    """Many threads at once, weights that change and go meanwhile: every form is its weight's."""
    wrong = []

    def work(seed):
        generator = torch.Generator().manual_seed(seed)
        for _ in range(50):
            weight = torch.randn(16, 8, 3, 3, generator=generator)
            for _ in range(3):
                if not torch.equal(packed(weight, FORM, 1), packed(weight.clone(), FORM, 1)):
                    wrong.append(seed)
                weight.add_(1)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_pytorch_reads_is_laid_once_too():
    """A contiguous weight for images whose channels lie side by side: PyTorch would lay it anew at every call."""
    weight = torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(0))
    wanted = form(-1, Problem.of((1, 8, 9, 9), (16, 8, 3, 3)))
    laid = packed(weight, wanted, 1)
    assert torch.equal(laid, weight)
    assert laid.is_contiguous(memory_format=torch.channels_last)
    assert packed(weight, wanted, 1) is laid
    with torch.no_grad():
        weight.mul_(2)
    assert torch.equal(packed(weight, wanted, 1), weight)


def test_a_weight_whose_numbers_are_taken_in_another_order_is_packed_anew():
    """The memory is the same, and so is its version."""
    weight = torch.nn.Parameter(torch.randn(16, 8, 3, 3, generator=torch.Generator().manual_seed(0)))
    with torch.no_grad():
        before = packed(weight, FORM, 1).clone()
        weight.data = weight.data.transpose(2, 3)
        assert torch.equal(packed(weight, FORM, 1), packed(weight.detach().clone(), FORM, 1))
        assert not torch.equal(packed(weight, FORM, 1), before)
