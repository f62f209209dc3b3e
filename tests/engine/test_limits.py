"""engine.limits: what is set holds until it is set again."""

import pytest

from striate.engine import limit, limits
from striate.errors import OptionError


def test_setting_one_leaves_the_other():
    """And gives what held before."""
    before = limits()
    try:
        assert limit(packed_bytes=5) == before
        assert limits() == (5, before.workspace_bytes)
    finally:
        limit(**before._asdict())
    assert limits() == before


@pytest.mark.refusal
def test_a_negative_limit_is_explained():
    """The whole text; nothing is changed."""
    before = limits()
    with pytest.raises(OptionError) as error:
        limit(workspace_bytes=-1)
    assert str(error.value) == ("engine: a limit of memory is negative.\n  workspace_bytes  -1\nGive 0 or more bytes.")
    assert limits() == before
