"""family: the definition that the tests compare with is itself right, and its comparison can fail."""

import pytest
import torch
from family import Problem, by_definition
from scipy.signal import correlate

PROBLEM = Problem(2, 1, 1, 1, 1, (5, 6), (3, 2), (1, 1), ((0, 0), (0, 0)), (1, 1), False, 0)


def test_the_definition_is_correlation_as_scipy_has_it():
    """One channel, one kernel, no padding: scipy's valid correlation."""
    x, w = PROBLEM.input(), PROBLEM.weight()
    want = correlate(x[0, 0].numpy(), w[0, 0].numpy(), mode="valid", method="direct")
    torch.testing.assert_close(by_definition(PROBLEM, x, w)[0, 0], torch.from_numpy(want))


def test_a_wrong_kernel_is_noticed():
    """One kernel number off by a thousandth is another answer."""
    x, w = PROBLEM.input(), PROBLEM.weight()
    wrong = w.clone()
    wrong[0, 0, 0, 0] += 1e-3
    with pytest.raises(AssertionError):
        torch.testing.assert_close(by_definition(PROBLEM, x, wrong), by_definition(PROBLEM, x, w))
