"""The rooms of the house: which package may know which, and how large a file may grow."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "appliance"

GROUND = {"errors", "clock", "files", "picture", "toml_text"}
"""What every room may stand on."""

MAY_KNOW = {
    "errors": set[str](),
    "secret_files": set[str](),
    "clock": set[str](),
    "backoff": set[str](),
    "bucket": set[str](),
    "patience": set[str](),
    "budget": set[str](),
    "files": set[str](),
    "picture": {"errors", "files"},
    "redact": set[str](),
    "toml_text": set[str](),
    "image_version": {"files"},
    "tray": GROUND,
    "estimate": GROUND | {"tray"},
    "readings": {"backoff", "clock", "errors", "files"},
    "usb": {"clock", "files"},
    "inference": GROUND | {"backoff", "budget", "patience", "readings", "usb"},
    "menu": GROUND | {"readings"},
    "artifacts": GROUND | {"estimate", "image_version", "inference", "menu", "readings"},
    "camera": GROUND | {"budget", "logs", "tray"},
    "health": {"files", "readings", "usb"},
    "logs": {"bucket", "redact"},
    "line": GROUND | {"camera"},
    "publish": {"backoff", "budget", "clock", "errors", "files", "readings", "secret_files"},
    "remote": {"bucket", "errors", "clock", "readings", "publish"},
    "config_keys": set[str](),
    "config_faults": {"config_keys"},
    "config": GROUND
    | {"budget", "config_keys", "config_faults", "camera", "line", "estimate", "readings", "publish"}
    | {"artifacts", "inference", "remote"},
    "config_reference": {"config", "config_keys"},
    "provision": GROUND | {"camera", "config", "config_keys", "remote"},
    "tune": GROUND | {"config_keys", "tray", "estimate", "readings", "service"},
    "doctor": GROUND
    | {"budget", "config", "camera", "tray", "estimate", "readings", "publish", "inference", "service"}
    | {"artifacts", "health", "menu", "provision", "remote", "secret_files"},
    "diagnostics": GROUND | {"config", "doctor", "inference", "readings", "redact", "service"},
    "update": {"artifacts", "budget", "clock", "doctor", "errors", "files"},
    "service": GROUND
    | {"budget", "config", "camera", "line", "tray", "estimate", "readings", "publish"}
    | {"artifacts", "backoff", "health", "inference", "menu", "patience", "remote", "usb"},
}
"""Room (package or module of `appliance`) → other rooms that it may import; who is absent may know all."""

NEVER = {"torch", "tensorflow", "convert", "benchmarks", "tests"}
"""Not for the device."""

NATIVE = {"picamera2", "libcamera", "pycoral", "tflite_runtime", "ai_edge_litert"}
"""Libraries that can take their process down, or are not everywhere: imported only where they are used."""

TEXT = {"", ".py", ".md", ".toml", ".json", ".service", ".conf", ".rules"}
FILES = [
    file
    for pattern in (
        *("appliance/**/*.py", "convert/**/*.py", "tests/**/*.py", "benchmarks/**/*.py"),
        *("image/**/*", "systemd/**/*", "docs/**/*", "training/*"),
        *("Makefile", "README.md", "pyproject.toml", ".ci/run"),
    )
    for file in ROOT.glob(pattern)
    if file.is_file() and "__pycache__" not in file.parts and file.suffix in TEXT
]
GENERATED = {"docs/configuration.md"}
LONGEST_FILE = 400


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


def test_imports_point_one_way() -> None:
    wrong = []
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = set(imported(tree))
        rooms = {name.split(".")[1] for name in names if name.startswith("appliance.")}
        unknown = rooms - MAY_KNOW.get(room(file), rooms) - {room(file), "__version__"}
        never = {name.split(".")[0] for name in names} & NEVER
        native = {name.split(".")[0] for name in at_import(tree)} & NATIVE
        if unknown | never | native:
            wrong.append(f"{file.relative_to(ROOT)}: {', '.join(sorted(unknown | never | native))}")
    assert not wrong


def test_a_wrong_import_would_be_noticed() -> None:
    tree = ast.parse("from appliance import camera\ndef f():\n    import picamera2.request\n")
    assert set(imported(tree)) == {"appliance.camera", "picamera2.request"}
    assert set(at_import(tree)) == {"appliance.camera"}


def test_every_room_has_its_rule() -> None:
    """A package or module that is new has to be thought about; only the commands may know everything."""
    there = {room(file) for file in PACKAGE.rglob("*.py")}
    assert there - set(MAY_KNOW) <= {"__init__", "__main__", "cli", "commands"}
    assert set(MAY_KNOW) <= there


def test_files_are_small() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in FILES
        if str(file.relative_to(ROOT)) not in GENERATED and file.suffix != ".json"
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long


def test_files_know_no_machine_on_which_they_were_written() -> None:
    telling = {
        str(file.relative_to(ROOT)): found
        for file in FILES
        if (found := re.findall(r"/(?:home|root|Users|work)/\w+", file.read_text(encoding="utf-8")))
    }
    assert not telling
