"""What the documents say is so."""

import ast
import re
import textwrap
from pathlib import Path

import pytest
import torch

from striate.models import MODELS, create

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
by_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: p.name)


@by_document
def test_every_link_leads_somewhere(path):
    """A link to a file of the repository leads to one."""
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


@by_document
def test_every_example_that_is_named_is_there(path):
    """Examples are numbered, and a number may change hands."""
    for named in re.findall(r"examples/\w+\.py", path.read_text()):
        assert (ROOT / named).exists(), named


@by_document
def test_every_snippet_of_python_is_python_and_names_what_exists(path):
    """It parses, and every `striate.x` in it is public."""
    import striate

    for snippet in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        tree = ast.parse(textwrap.dedent(snippet))
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "striate":
                assert hasattr(striate, node.attr), f"{path.name}: striate.{node.attr}"


def test_the_table_of_models_is_true():
    """docs/models.md lists every network with its parameters."""
    page = (ROOT / "docs/models.md").read_text()
    for name in MODELS:
        with torch.device("meta"):
            parameters = sum(p.numel() for p in create(name).parameters())
        assert re.search(rf"^\| `{name}` \|.*\| {parameters:,} \|", page, re.MULTILINE), name
