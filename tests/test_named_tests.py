"""Pages that name what holds their claims are held to that."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = {page: (ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("threats.md", "field.md")}

pages = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


@pages
def test_files_that_it_names_are_there(page: str) -> None:
    named = set(re.findall(r"`((?:tests|appliance|docs|systemd)/[\w./-]+)`", page))
    assert len(named) > 2
    assert not {name for name in named if not (ROOT / name).exists()}


@pages
def test_tests_that_it_names_are_there(page: str) -> None:
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 5
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    assert not {name for name in named if f"def {name}(" not in tests}


@pages
def test_pages_that_it_links_to_are_there(page: str) -> None:
    linked = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page)}
    assert not {link for link in linked if not (ROOT / "docs" / link).exists()}
