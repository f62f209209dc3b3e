"""train.threads: so many threads within the block, as before after it."""

import pytest
import torch

from striate.train.threads import set_threads


@pytest.fixture(autouse=True)
def two_threads():
    """A number that is neither the block's nor, on most machines, the default."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 3])
def test_it_holds_within_the_block_alone(threads):
    """Set, told, and taken back."""
    with set_threads(threads) as told:
        assert told == torch.get_num_threads() == threads
    assert torch.get_num_threads() == 2


def test_zero_leaves_the_number_as_it_is():
    """And tells what it is."""
    with set_threads(0) as told:
        assert told == torch.get_num_threads() == 2
    assert torch.get_num_threads() == 2


def test_it_is_taken_back_after_an_error():
    """Whatever ends the block."""
    with pytest.raises(KeyboardInterrupt), set_threads(1):
        raise KeyboardInterrupt
    assert torch.get_num_threads() == 2


def test_blocks_nest():
    """The inner one gives back to the outer one."""
    with set_threads(1):
        with set_threads(3):
            assert torch.get_num_threads() == 3
        assert torch.get_num_threads() == 1
