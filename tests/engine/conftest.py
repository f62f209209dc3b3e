"""Wisdom that is a test's own."""

import pytest

from striate.engine import wisdom
from striate.engine.plan import forget


@pytest.fixture
def wisdom_file(tmp_path, monkeypatch):
    """The user's file, empty; nothing is known, and nothing stays known."""
    path = tmp_path / "wisdom.jsonl"
    monkeypatch.setenv("STRIATE_WISDOM", str(path))
    monkeypatch.setattr(wisdom, "_LEARNT", {})
    monkeypatch.setattr(wisdom, "SHIPPED", tmp_path / "shipped.jsonl")
    forget()
    yield path
    forget()
