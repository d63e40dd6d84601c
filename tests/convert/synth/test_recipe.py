"""`convert synth --config`: a recipe says what to make, options override it, mistakes are one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.cli import main
from convert.commands import synth
from convert.synth.shot import Order

RECIPE = """
count = 40
seed = 8
size = "96x72"
[[textures]]
folder = "crops"
licence = "MIT"
origin = "example.org/crops"
[[backgrounds]]
folder = "counters"
"""


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Order, int]]:
    """What was to be made; nothing is."""
    orders: list[tuple[Order, int]] = []

    def note(order: Order, count: int, _out: Path, _workers: int) -> int:
        orders.append((order, count))
        return 0

    monkeypatch.setattr(synth, "produce", note)
    return orders


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("crops/rice/a.png", "counters/b.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        cv2.imwrite(str(path), np.zeros((120, 100, 3), np.uint8))
    path = tmp_path / "trays.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_a_recipe_says_what_to_make(recipe: Path, ordered: list[tuple[Order, int]]) -> None:
    assert main(["synth", "--config", str(recipe), "--out", "trays"]) == 0
    order, count = ordered[0]
    assert (order.seed, order.size, count) == (8, (96, 72), 40)
    assert [Path(photo.path).name for photo in order.photos.food["rice"]] == ["a.png"]
    assert [Path(photo.path).name for photo in order.photos.counters] == ["b.png"]


def test_options_override_the_recipe(recipe: Path, ordered: list[tuple[Order, int]]) -> None:
    base = ["synth", "--config", str(recipe), "--out", "trays"]
    assert main([*base, "--count", "3", "--seed", "0", "--size", "128x96", "--without-photographs"]) == 0
    order, count = ordered[0]
    assert (order.seed, order.size, count) == (0, (128, 96), 3)
    assert not any(order.photos.food.values())
    assert not order.photos.counters


def test_photographs_may_lie_elsewhere(
    recipe: Path, ordered: list[tuple[Order, int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = tmp_path / "training" / "trays.toml"
    moved.parent.mkdir()
    recipe.rename(moved)
    assert main(["synth", "--config", str(moved), "--out", "trays"]) == 1
    said = capsys.readouterr().err
    assert "no such folder; fetch it from example.org/crops" in said
    assert "--photographs" in said
    assert said.count("\n") == 1
    assert main(["synth", "--config", str(moved), "--photographs", str(tmp_path), "--out", "trays"]) == 0
    assert len(ordered) == 1


@pytest.mark.parametrize("given", [[], ["--count", "3"], ["--seed", "3"]])
def test_without_a_recipe_count_and_seed_are_needed(
    given: list[str], ordered: list[tuple[Order, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", *given, "--out", "trays"]) == 1
    said = capsys.readouterr().err
    assert "--config" in said
    assert said.count("\n") == 1
    assert not ordered
