import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import CalibrationError
from appliance.tray.calibration import Calibration, load_calibration, save_calibration
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Compartment, Layout
from tests.fuzz.pictures import png


@pytest.fixture
def calibration() -> Calibration:
    rng = np.random.default_rng(1)
    outline, floor = rounded_rectangle(20, 20, 150, 150, 20), rounded_rectangle(40, 40, 130, 130, 5)
    layout = Layout((375.0, 290.0), 40.0, (Compartment(1, "well 1", outline, floor, 25.0),))
    empty, full = (rng.integers(0, 256, (464, 600, 3), dtype=np.uint8) for _ in range(2))
    return Calibration(layout, 1.6, empty, full)


def test_what_is_saved_is_loaded(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "deep" / "site", empty_source="e.jpg")
    again = load_calibration(tmp_path / "deep" / "site")
    np.testing.assert_array_equal(again.empty, calibration.empty)
    assert again.full is not None
    assert calibration.full is not None
    np.testing.assert_array_equal(again.full, calibration.full)
    assert again.px_per_mm == calibration.px_per_mm
    assert again.layout.compartments[0].name == "well 1"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["site"]


def test_a_source_whose_name_is_no_text_is_noted(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "site", empty_source="\udcff.jpg")
    assert r'"\\udcff.jpg"' in (tmp_path / "site" / "manifest.json").read_text()
    load_calibration(tmp_path / "site")


def test_a_second_calibration_replaces_the_first_as_a_whole(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "site")
    save_calibration(Calibration(calibration.layout, 1.6, calibration.empty, None), tmp_path / "site")
    assert load_calibration(tmp_path / "site").full is None
    assert not (tmp_path / "site" / "reference-full.png").exists()


def test_the_layout_may_be_corrected_by_hand(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "site")
    file = tmp_path / "site" / "layout.toml"
    file.write_text(file.read_text().replace('"well 1"', '"rice"').replace("25.00", "30.00"))
    compartment = load_calibration(tmp_path / "site").layout.compartments[0]
    assert (compartment.name, compartment.depth_mm) == ("rice", 30.0)


@pytest.mark.parametrize(
    "name", ["reference-empty.png", "reference-full.png", "manifest.json", "layout.toml"]
)
@pytest.mark.parametrize("harm", ["missing", "edited", "cut off", "a folder"])
def test_a_harmed_folder_is_refused_in_one_line(
    calibration: Calibration, tmp_path: Path, name: str, harm: str
) -> None:
    save_calibration(calibration, tmp_path / "site")
    file = tmp_path / "site" / name
    content = bytearray(file.read_bytes())
    file.unlink()
    if harm == "edited":
        content[len(content) // 2] ^= 0xFF
        file.write_bytes(content)
    elif harm == "cut off":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "a folder":
        file.mkdir()
    with pytest.raises(CalibrationError) as caught:
        load_calibration(tmp_path / "site")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tray_size_that_no_longer_fits_the_references(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "site")
    file = tmp_path / "site" / "layout.toml"
    file.write_text(file.read_text().replace("[375.00, 290.00]", "[400.00, 290.00]"))
    with pytest.raises(CalibrationError, match="tray_mm"):
        load_calibration(tmp_path / "site")


def test_a_reference_that_claims_to_be_huge_is_not_decoded(calibration: Calibration, tmp_path: Path) -> None:
    save_calibration(calibration, tmp_path / "site")
    file, manifest = tmp_path / "site" / "reference-full.png", tmp_path / "site" / "manifest.json"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_bytes(png(60_000, 60_000, b""))
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(file.read_bytes()).hexdigest()))
    with pytest.raises(CalibrationError, match="no longer fits"):
        load_calibration(tmp_path / "site")


@pytest.mark.parametrize("use", [load_calibration, lambda folder: save_calibration(None, folder)])
def test_a_name_that_no_folder_can_have(tmp_path: Path, use: Callable[[Path], object]) -> None:
    with pytest.raises(CalibrationError, match="File name too long"):
        use(tmp_path / ("a" * 300))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="no such folder"):
        load_calibration(tmp_path / "none")


def test_a_folder_of_something_else_is_left_alone(calibration: Calibration, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("important")
    with pytest.raises(CalibrationError, match="something else"):
        save_calibration(calibration, tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "important"


def test_nothing_is_left_half_written(
    calibration: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_calibration(calibration, tmp_path / "site")

    def full_disk(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("appliance.tray.calibration_folder.os.fsync", full_disk)
    with pytest.raises(CalibrationError, match="No space left"):
        save_calibration(Calibration(calibration.layout, 1.6, calibration.empty, None), tmp_path / "site")
    monkeypatch.undo()
    assert load_calibration(tmp_path / "site").full is not None
    assert [p.name for p in tmp_path.iterdir()] == ["site"]
