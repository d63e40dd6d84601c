"""The calibration folder: references with a matching checksum, edited layouts, any manifest."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import CalibrationError
from appliance.tray.calibration_folder import load_calibration, save_calibration
from appliance.tray.rectify import rectified_size
from appliance.tray.references import Calibration
from tests.fuzz.effort import effort
from tests.fuzz.hostile import damaged, edited
from tests.fuzz.pictures import png
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.samples import LAYOUT
from tests.fuzz.test_layout_file import layouts

PX_PER_MM = 0.3
WIDTH, HEIGHT = rectified_size(LAYOUT.tray_mm, PX_PER_MM)
VIEW = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
NAMES = ["layout.toml", "manifest.json", "reference-empty.png", "reference-full.png"]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrations") / "good"
    save_calibration(Calibration(LAYOUT, PX_PER_MM, VIEW, VIEW), folder)
    return folder


def load(good: Path, **changed: bytes) -> Calibration | None:
    """Load a copy of the folder with other contents of files, told by their names without the ending."""
    folder = good.with_name("edited")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(good, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for stem, content in changed.items():
        [file] = folder.glob(f"{stem}.*")
        file.write_bytes(content)
        if stem.startswith("reference-"):
            manifest["pictures"][stem.removeprefix("reference-")]["sha256"] = hashlib.sha256(
                content
            ).hexdigest()
            (folder / "manifest.json").write_text(json.dumps(manifest))
    found = result_or_refusal(lambda: load_calibration(folder), CalibrationError, str(folder))
    assert sorted(file.name for file in folder.iterdir()) == NAMES
    if found is not None:
        width, height = rectified_size(found.layout.tray_mm, found.px_per_mm)
        assert found.empty.shape == (height, width, 3)
    return found


def test_the_sample_is_good(good: Path) -> None:
    assert load(good) is not None


@effort(60)
@given(layouts())
def test_layouts(good: Path, text: str) -> None:
    load(good, layout=text.encode())


@effort(100)
@given(st.data())
def test_manifests(good: Path, data: st.DataObject) -> None:
    sample = (good / "manifest.json").read_bytes()
    load(good, manifest=data.draw(damaged(sample) | edited(json.loads(sample)).map(str.encode)))


BOMB = png(60_000, 60_000, b"\0" * 1000)


@effort(60)
@given(damaged(png(WIDTH, HEIGHT, bytes(HEIGHT * (1 + 3 * WIDTH))), png(8, 8, bytes(8 * 25))))
@example(BOMB)
@example(b"")
@example(png(WIDTH, HEIGHT, b"")[:24])
def test_references(good: Path, content: bytes) -> None:
    load(good, **{"reference-full": content})
