"""Every timeout of the service derives from `appliance/budget.py`: no other file has figures of its own.

Whatever is named like a duration, is given as one, or waits for a literal number of seconds is found in the
source; what remains below has its reason.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "appliance"

FOR_PEOPLE = {
    "commands/demo.py": "a demonstration, without a watchdog",
    "diagnostics": "a command that a person waits for, in a process of its own",
    "doctor": "a command that a person waits for, in a process of its own",
    "publish/demo_broker.py": "part of the demonstration",
    "publish/watch.py": "a command that a person waits for",
    "readings/browse.py": "read by commands only",
    "readings/survey.py": "read by commands only",
    "remote/ask.py": "the operator's side of a command",
}
"""Folders and files that have no part in the service."""

NO_WAITS = {
    "line": "how trays move, in seconds of the frames' own time",
    "camera/simulation": "how simulated trays move",
    "inference/ladder.py": "when to try again; a tray that comes meanwhile is told so at once",
    "health/latency.py": "windows of a statistic",
    "logs/limit.py": "how often a message may be repeated",
    "usb/reset.py": "in a process of its own, which the budget gives `usb_power_s`",
}
"""Figures that say when something is done, not how long anything is waited for."""

POLLS = {
    ("commands/run.py", "_LOOK_S"),
    ("inference/trial.py", "_LOOK_S"),
    ("inference/worker.py", "_LOOK_S"),
    ("inference/worker.py", "_LOOK_WHILE_BUSY_S"),
    ("publish/client.py", "_IDLE_S"),
    ("readings/clock_floor.py", "_SAVE_EVERY_S"),
    ("readings/resilient.py", "_RETRY_FIRST_S"),
    ("readings/resilient.py", "_RETRY_MOST_S"),
    ("remote/desk.py", "_REFUSAL_EVERY_S"),
    ("service/appliance.py", "_IDLE_S"),
    ("service/health_report.py", "CHANGE_S"),
    ("service/next_tray.py", "_LOOK_S"),
    ("service/surroundings.py", "LOOK_EVERY_S"),
    ("usb/care.py", "_LOOK_S"),
}
"""How often somebody looks, or says something, whose wait as a whole ends by another figure."""

HELD = {
    ("health/endpoint.py", "_PATIENCE_S"): "its threads are its own; nobody waits for them",
    ("health/endpoint.py", "_STOP_S"): "held to the budget by a test of its own",
    ("inference/supervisor.py", "_REMEMBERED_S"): "how long a fault is talked of",
    ("logs/journal.py", "_SEND_S"): "held to the budget by a test of its own",
    ("publish/client.py", "_STABLE_S"): "when a connection counts as a success",
    ("publish/delivery.py", "_RESULT_EXPIRY_S"): "how long the broker keeps a message",
    (
        "readings/database.py",
        "_BUSY_TIMEOUT_S",
    ): "readings know nobody; held by a test of its own",
    ("readings/database.py", "_CHECK_S"): "readings know nobody; held by a test of its own",
    ("remote/journal.py", "_WORTH_TELLING_S"): "how long a result is kept",
    ("remote/journal.py", "timeout"): "as the store's",
    ("service/remote_control.py", "_COLLECT_S"): "an operator's command; no tray waits for it",
    (
        "service/remote_control.py",
        "_QUICK_S",
    ): "an operator's command; no tray waits for it",
}
"""The rest, each with its reason."""

WAITS = {"join", "sleep", "sleep_s", "wait", "settimeout", "poll", "wait_for"}
"""Calls whose first argument is a duration."""


def literal(node: ast.AST | None) -> bool:
    """Whether a figure stands there that comes from nowhere else; 0 is no duration."""
    if node is None:
        return False
    names = any(isinstance(part, ast.Name | ast.Attribute | ast.Call) for part in ast.walk(node))
    figures = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return not names and any(isinstance(figure, int | float) and figure > 0 for figure in figures)


def durations(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the name and line of each duration that is a literal."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign) and literal(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id.isupper() and target.id.endswith("_S"):
                    yield target.id, node.lineno
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in WAITS and node.args and literal(node.args[0]):
                yield called, node.lineno
            yield from (
                (word.arg, node.lineno)
                for word in node.keywords
                if word.arg is not None and word.arg.startswith("timeout") and literal(word.value)
            )
        elif isinstance(node, ast.arguments):
            given = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
            pairs = [
                *zip(given, node.defaults, strict=True),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            yield from (
                (argument.arg, argument.lineno)
                for argument, default in pairs
                if argument.arg.startswith("timeout") and literal(default)
            )


def excused(file: str, name: str) -> bool:
    whole = FOR_PEOPLE.keys() | NO_WAITS.keys()
    return (
        any(file == one or file.startswith(f"{one}/") for one in whole)
        or (file, name) in POLLS
        or (file, name) in HELD
    )


def found() -> dict[tuple[str, str], int]:
    return {
        (str(file.relative_to(PACKAGE)), name): line
        for file in sorted(PACKAGE.rglob("*.py"))
        if file != PACKAGE / "budget.py"
        for name, line in durations(ast.parse(file.read_text(encoding="utf-8")))
    }


def test_no_timeout_is_a_figure_of_its_own() -> None:
    assert [
        f"{file}:{line}: {name}" for (file, name), line in found().items() if not excused(file, name)
    ] == []


def test_every_excuse_is_needed() -> None:
    there = found()
    assert (POLLS | HELD.keys()) - there.keys() == set()
    for whole in FOR_PEOPLE.keys() | NO_WAITS.keys():
        assert any(file == whole or file.startswith(f"{whole}/") for file, _ in there), whole


def test_a_figure_would_be_noticed() -> None:
    source = """
_STOP_S = 2 * 5
LIMIT_S: Final = WATCHDOG_S / 3
thread.join(1.0)
thread.join(budget.stop_s)
sock.settimeout(0)
connect(timeout=3, timeout_s=budget.connect_s)
def f(a, timeout_s=4.0, *, timeout: float = 1): ...
"""
    assert sorted(name for name, _ in durations(ast.parse(source))) == [
        "_STOP_S",
        "join",
        "timeout",
        "timeout",
        "timeout_s",
    ]
