"""The threat model names what holds its claims; here it is held to that."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/threats.md").read_text(encoding="utf-8")


def test_files_that_it_names_are_there() -> None:
    named = set(re.findall(r"`((?:tests|appliance|docs|systemd)/[\w./-]+)`", PAGE))
    assert len(named) > 10
    assert not {name for name in named if not (ROOT / name).exists()}


def test_tests_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 5
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert not {name for name in named if f"def {name}(" not in tests}


def test_pages_that_it_links_to_are_there() -> None:
    linked = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)}
    assert not {link for link in linked if not (ROOT / "docs" / link).exists()}
