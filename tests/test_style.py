"""The rules of CONVENTIONS.md that a machine can check."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src/striate").rglob("*.py"))
CORE = sorted(path for path in (ROOT / "core").rglob("*") if path.suffix in {".cpp", ".h"})
MAX_FILE, MAX_BODY = 400, 50
BANNED_NAMES = {"utils", "helpers", "common", "misc", "base", "manager", "util", "helper"}
by_file = pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / "src")))


def functions(path):
    """All functions of a file, methods included."""
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", [*SOURCES, *CORE], ids=lambda p: str(p.relative_to(ROOT)))
def test_file_is_one_screenful_of_one_idea(path):
    """No file is over 400 lines, and none is named after nothing in particular."""
    lines = path.read_text().count("\n")
    assert lines <= MAX_FILE, f"{path} has {lines} lines; the most is {MAX_FILE}. Which two ideas does it hold?"
    assert path.stem not in BANNED_NAMES, f"{path} is named after no idea"


@by_file
def test_functions_are_short(path):
    """No body is over 50 lines."""
    for node in functions(path):
        first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0].lineno
        assert (node.end_lineno or 0) - first < MAX_BODY, f"{path}:{node.lineno} {node.name} is over {MAX_BODY} lines"


@by_file
def test_file_has_its_mirror(path):
    """Every source file has a test file of the same place and name."""
    if path.name in {"__init__.py", "__main__.py"}:
        return
    mirror = ROOT / "tests" / path.relative_to(ROOT / "src/striate").with_name(f"test_{path.name}")
    assert mirror.exists(), f"{path} is tested nowhere; expected {mirror}"


@by_file
def test_public_names_are_listed_and_documented(path):
    """A file says what it offers, and every one of these names says what it is."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} does not say what it is about"
    public = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in public:
            if "overload" in map(ast.unparse, node.decorator_list):
                continue  # a signature only: the function itself comes last
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name} has no docstring"
    listed = re.search(r"^__all__(?:: [^=]+)? = \[", path.read_text(), re.MULTILINE)
    assert listed or not public or path.name == "__main__.py", f"{path} has no __all__"


@pytest.mark.parametrize("path", sorted((ROOT / "src/striate/nn").glob("[!_]*.py")), ids=lambda p: p.stem)
def test_layers_are_thin(path):
    """A layer's `forward` is at most five lines, and `nn` does not know the engine."""
    for node in functions(path):
        if node.name == "forward":
            body = [statement for statement in node.body if not isinstance(statement, ast.Expr)]
            assert sum((s.end_lineno or 0) - s.lineno + 1 for s in body) <= 5, f"{path}:{node.lineno}"
    assert "striate.engine" not in path.read_text()


def is_network(path):
    """Whether the file defines a network of the table."""
    classes = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    return any(ast.unparse(base) == "Classifier" for node in classes for base in node.bases)


MODELS = [path for path in sorted((ROOT / "src/striate/models").glob("[!_]*.py")) if is_network(path)]


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_model_states_its_source_and_departures(path):
    """Anyone can hold the paper beside it."""
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert "Source:" in doc
    assert "Departs from the paper:" in doc


def test_the_command_line_is_thin():
    """Commands only: no arithmetic, and no file over 200 lines."""
    for path in (ROOT / "src/striate/cli").glob("*.py"):
        text = path.read_text()
        assert text.count("\n") <= (240 if path.stem == "show" else 200), path
        if path.stem == "commands":
            operators = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.BinOp)]
            assert all(isinstance(n.op, ast.BitOr) for n in operators), f"{path}:{operators[0].lineno}"


def test_every_example_is_short_and_numbered():
    """An example is under 40 lines, and its number is its own."""
    examples = sorted((ROOT / "examples").glob("*.py"))
    assert [path.name[:2] for path in examples] == [f"{i:02}" for i in range(1, len(examples) + 1)]
    for path in examples:
        assert path.read_text().count("\n") < 40, path


def test_every_room_has_a_page():
    """docs/ has one page for each room that a user meets."""
    assert {"data", "models", "train", "evaluate", "explain", "engine"} <= {
        path.stem for path in (ROOT / "docs").glob("*.md")
    }


def test_the_architecture_page_names_every_room():
    """ARCHITECTURE.md is one page, and true."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.name for path in (ROOT / "src/striate").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert all(f"`{room}/`" in page or f"`{room}`" in page for room in rooms), rooms
