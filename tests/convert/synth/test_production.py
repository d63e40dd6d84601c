"""`convert synth`: resumable, whole files only, one line for mistakes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.cli import main
from convert.errors import ConvertError
from convert.networks.spec import TRAY_CLASSES
from convert.synth.photos import Photos, find_photos
from convert.synth.samples import find_samples

SMALL = ["--seed", "8", "--size", "96x72"]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*.*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synth") / "data"
    assert main(["synth", "--count", "3", *SMALL, "--out", str(out), "--preview"]) == 0
    return out


def test_pictures_read_back(made: Path) -> None:
    samples = find_samples(made)
    assert [str(sample.folder.relative_to(made)) for sample in samples] == [
        "set-up-00000/empty",
        "set-up-00000/full",
        "set-up-00000/return-01",
    ]
    for sample in samples:
        assert sample.picture().shape == (72, 96, 3)
        assert sample.set_up == 0
        shape = (72, 96)
        for field in (
            sample.classes(),
            sample.compartments(),
            sample.height_mm(under=True),
            sample.depth_mm(),
        ):
            assert field.shape == shape
        assert sample.classes().max() < len(TRAY_CLASSES)
        assert 300 < sample.depth_mm().mean() < 700
    assert samples[1].height_mm().max() > 5
    assert cv2.imread(str(made / "preview.png")) is not None
    assert "truth.json" in (made / "README.md").read_text(encoding="utf-8")


def test_a_stopped_run_goes_on_and_ends_the_same(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    assert main(["synth", "--count", "1", *SMALL, "--out", str(out)]) == 0
    leftover = out / "set-up-00000" / ".unfinished-x"
    leftover.mkdir()
    (leftover / "picture.jpg").write_bytes(b"half")
    assert main(["synth", "--count", "3", *SMALL, "--out", str(out)]) == 0
    assert "2 of them new" in capsys.readouterr().out
    expected = contents(made)
    del expected["preview.png"]
    assert contents(out) == expected


def test_finished_pictures_are_left_alone(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(made)
    assert main(["synth", "--count", "3", *SMALL, "--out", str(made)]) == 0
    assert "0 of them new" in capsys.readouterr().out
    assert contents(made) == before


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        (["--seed", "9", "--size", "96x72"], "another seed"),
        (["--seed", "8", "--size", "128x72"], "another size"),
        (["--seed", "8", "--size", "huge"], "WIDTHxHEIGHT"),
        (["--seed", "8", "--size", "96x72", "--textures", "nowhere"], "no such folder"),
        (["--seed", "-1", "--size", "96x72"], "0 or more"),
    ],
)
def test_mistakes_are_one_line(
    made: Path, extra: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", "--count", "3", "--out", str(made), *extra]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert hint in said[0]


@pytest.mark.slow
def test_workers_make_the_same(made: Path, tmp_path: Path) -> None:
    out = tmp_path / "data"
    assert main(["synth", "--count", "12", *SMALL, "--out", str(out), "--workers", "2"]) == 0
    assert len(find_samples(out)) == 12
    expected = contents(made / "set-up-00000")
    assert {
        key: value for key, value in contents(out / "set-up-00000").items() if key in expected
    } == expected


def pictures(folder: Path, names: list[str]) -> None:
    for number, each in enumerate(names):
        path = folder / each
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((120, 100, 3), 9 * number, np.uint8))


def test_textures_are_sorted_by_kind(tmp_path: Path) -> None:
    pictures(tmp_path, ["white-rice/a.jpg", "cabbage_soup/b.png", "pork/c.jpg", "drink/d.jpg", "odd/e.jpg"])
    (tmp_path / "kinds.json").write_text(json.dumps({"odd": "liquid"}))
    found = find_photos([tmp_path], []).food
    assert {kind: [Path(p.path).name for p in known] for kind, known in found.items()} == {
        "rice": ["a.jpg"],
        "liquid": ["b.png", "e.jpg"],
        "solid": ["c.jpg"],
    }


def test_held_out_photographs_are_never_shown_in_training(tmp_path: Path) -> None:
    pictures(tmp_path, [f"pork/{number:02d}.jpg" for number in range(25)])
    photos = find_photos([tmp_path], [tmp_path])
    train, kept = photos.share(10, last=False), photos.share(10, last=True)
    assert (len(train.food["solid"]), len(kept.food["solid"])) == (23, 2)
    assert not set(train.food["solid"]) & set(kept.food["solid"])
    assert not set(train.counters) & set(kept.counters)


def test_a_folder_without_pictures_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    textures = tmp_path / "none"
    textures.mkdir()
    arguments = ["synth", "--count", "1", *SMALL, "--out", str(tmp_path / "o"), "--textures", str(textures)]
    assert main(arguments) == 1
    assert "no pictures" in capsys.readouterr().err
    assert find_photos([], []) == Photos({"rice": [], "liquid": [], "solid": []}, [])


def test_outlined_food_gives_the_disc_within(tmp_path: Path) -> None:
    pictures(tmp_path, ["images/a.jpg"])
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text("nc: 3\nnames: ['Pork', 'Rice', 'Bones']\n")
    square = "0.1 0.2 0.9 0.2 0.9 1.0 0.1 1.0"
    (tmp_path / "labels" / "a.txt").write_text(f"1 {square}\n2 {square}\n0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    found = find_photos([tmp_path], []).food
    assert (found["solid"], len(found["rice"])) == ([], 1)
    assert found["rice"][0].disc == pytest.approx((50, 72, 40), abs=2)


@pytest.mark.parametrize(
    ("file", "text"), [("data.yaml", "names: rice"), ("labels/a.txt", "7 0.1 0.1"), ("kinds.json", "[1]")]
)
def test_labels_that_cannot_be_read_are_one_line(tmp_path: Path, file: str, text: str) -> None:
    pictures(tmp_path, ["images/a.jpg"])
    (tmp_path / "labels").mkdir()
    (tmp_path / "data.yaml").write_text("names: ['Pork', 'Rice']\n")
    (tmp_path / file).write_text(text)
    with pytest.raises(ConvertError):
        find_photos([tmp_path], [])
