"""The rooms of the house: which package may know which, and how large a file may grow."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "appliance"

GROUND = {"errors", "clock", "picture"}
"""What every room may stand on."""

MAY_KNOW = {
    "errors": set[str](),
    "clock": set[str](),
    "budget": set[str](),
    "picture": {"errors"},
    "tray": GROUND,
    "estimate": GROUND | {"tray"},
    "readings": {"errors", "clock"},
    "camera": GROUND | {"tray"},
    "line": GROUND | {"camera"},
    "publish": {"errors", "clock", "readings"},
    "config_keys": set[str](),
    "config_faults": {"config_keys"},
    "config": GROUND
    | {"budget", "config_keys", "config_faults", "camera", "line", "estimate", "readings", "publish"},
    "config_reference": {"config", "config_keys"},
    "service": GROUND | {"budget", "config", "camera", "line", "tray", "estimate", "readings", "publish"},
}
"""Room (package or module of `appliance`) → other rooms that it may import; who is absent may know all."""

NEVER = {"torch", "tensorflow", "convert", "benchmarks", "tests"}
"""Not for the device."""

NATIVE = {"picamera2", "libcamera", "pycoral", "tflite_runtime", "ai_edge_litert"}
"""Libraries that can take their process down, or are not everywhere: imported only where they are used."""

FILES = [
    file
    for pattern in (
        *("appliance/**/*.py", "tests/**/*.py", "benchmarks/**/*.py", "systemd/**/*", "docs/**/*"),
        *("Makefile", "README.md", "pyproject.toml", ".ci/run"),
    )
    for file in ROOT.glob(pattern)
    if file.is_file() and "__pycache__" not in file.parts
]
GENERATED = {"docs/configuration.md"}
TEXT = {"", ".py", ".md", ".toml", ".json", ".service", ".conf", ".rules"}


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere below `tree`, by its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            # `from appliance import tray` names a room as its second part.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree: ast.Module) -> Iterator[str]:
    """What importing the module imports: all but what functions import when they are called."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_point_one_way(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = list(imported(tree))
    assert not {name.split(".")[0] for name in names} & NEVER
    assert not {name.split(".")[0] for name in at_import(tree)} & NATIVE
    if room(file) in MAY_KNOW:
        known = {name.split(".")[1] for name in names if name.startswith("appliance.")}
        assert known <= MAY_KNOW[room(file)] | {room(file), "__version__"}


def test_a_wrong_import_would_be_noticed() -> None:
    tree = ast.parse("from appliance import camera\ndef f():\n    import picamera2.request\n")
    assert list(imported(tree)) == ["appliance.camera", "picamera2.request"]
    assert list(at_import(tree)) == ["appliance.camera"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_are_small_and_know_no_machine(file: Path) -> None:
    if file.suffix not in TEXT:
        return
    text = file.read_text(encoding="utf-8")
    if str(file.relative_to(ROOT)) not in GENERATED and file.suffix != ".json":
        assert len(text.splitlines()) <= 400
    # Of the machine on which something was written, nothing stays behind.
    assert not re.findall(r"/(?:home|root|Users|work)/\w+", text)
