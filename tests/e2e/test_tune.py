"""Experiments as a site makes them: label, tune, try beside what counts, compare."""

import json
import signal
from pathlib import Path

import pytest

from appliance.config import load_estimate
from appliance.picture import load_picture
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.readings.variant import Variant, VariantCompartment
from tests.e2e.processes import appliance, refused, start
from tests.readings.examples import draft, outcome


@pytest.fixture(scope="module")
def labels(calibration: Path, pictures: Path) -> Path:
    """Labels of the empty and the full tray, begun by the appliance and filled in."""
    file = pictures / "labels.csv"
    images = [pictures / name for name in ("empty.png", "full.png")]
    result = appliance("tune", "--calibration", calibration, "--labels", file, "--start", *images)
    assert result.returncode == 0, result.stderr
    head, *rows = file.read_text().splitlines()
    assert len(rows) == 10
    filled = [row + ("0" if row.startswith("empty") else "1") for row in rows[:-1]]
    file.write_text("\n".join([head, *filled, rows[-1]]) + "\n")
    return file


@pytest.fixture(scope="module")
def tuned(
    calibration: Path, labels: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object]]:
    out = tmp_path_factory.mktemp("site") / "tuning"
    result = appliance(
        "tune", "--calibration", calibration, "--labels", labels, "--trials", 6, "--out", out, "--json"
    )
    assert result.returncode == 0, result.stderr
    assert "trial 1 of 6" in result.stderr
    return out, json.loads(result.stdout)


def test_a_search_says_what_it_found_and_writes_settings_and_plot(
    tuned: tuple[Path, dict[str, object]],
) -> None:
    out, report = tuned
    assert (report["pictures"], report["labels"]) == (2, 9)
    assert 1 < report["trials"] <= 6
    # Simulated trays of the calibration itself: nothing is better than the default.
    assert report["best"] == report["present"]
    assert load_estimate(out / "estimate.toml").method == "ratio"
    assert load_picture(out / "tune.png").shape == (520, 1200, 3)


def test_the_settings_can_be_tried_beside_those_that_count(
    calibration: Path, pictures: Path, tuned: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    out, _ = tuned
    measure = ("measure", "--calibration", calibration, pictures / "full.png", "--json", "--variant")
    tray = json.loads(appliance(*measure, out / "estimate.toml").stdout)
    assert tray["variant"]["name"] == "estimate"
    assert tray["variant"]["leftover"] == tray["leftover"]
    study = tmp_path / "study 2.toml"
    study.write_text('[estimate]\nmethod = "study"\nthresh = 255\n')
    tray = json.loads(appliance(*measure, study).stdout)
    assert tray["variant"]["name"] == "study-2"
    assert tray["variant"]["leftover"] != tray["leftover"]
    study.write_text('[estimate]\nmethod = "best"\n')
    assert "estimate.method" in refused(appliance(*measure, study))


def test_a_stopped_search_leaves_the_best_so_far(calibration: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "tuning"
    process = start("tune", "--calibration", calibration, "--labels", labels, "--trials", 5000, "--out", out)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("trial 10 "):
            process.send_signal(signal.SIGINT)
            break
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped before the end" in said
    load_estimate(out / "estimate.toml")
    assert {file.name for file in out.iterdir()} == {"estimate.toml", "tune.png", "trials.jsonl"}


def test_labels_that_are_wrong_are_one_line(calibration: Path, labels: Path, tmp_path: Path) -> None:
    out = tmp_path / "tuning"
    tune = ("tune", "--calibration", calibration, "--out", out, "--labels")
    assert "no such file" in refused(appliance(*tune, tmp_path / "none.csv"))
    missing = tmp_path / "labels.csv"
    missing.write_text("image,compartment,leftover\n\ngone.jpg,1,0.5\n")
    assert f"{missing}, line 3: {tmp_path / 'gone.jpg'}: no such file" in refused_last(tune, missing)
    assert "--keep best: is no key of [estimate]" in refused(appliance(*tune, labels, "--keep", "best"))
    assert not (out / "estimate.toml").exists()


def refused_last(tune: tuple[object, ...], file: Path) -> str:
    return refused(appliance(*map(str, tune), file))


def test_the_box_compares_what_it_stored(tmp_path: Path) -> None:
    config = tmp_path / "janban.toml"
    config.write_text(
        '[device]\nsite = "a"\nname = "b"\nstate_dir = "."\n[camera]\nkind = "usb"\n[variant]\nname = "new"\n'
    )
    assert "no such store" in refused(appliance("compare", "--config", config))
    well = VariantCompartment(id=1, leftover=0.75, uncertainty=0.1)
    tested = Variant(name="new", path="fallback", compartments=(well,), leftover=0.75)
    with Store(tmp_path / "readings.sqlite", StoreSettings()) as store:
        store.add(draft())
        assert "no reading tells of a variant" in appliance("compare", "--config", config).stdout
        store.add(draft(outcome=outcome(variant=tested)))
    result = appliance("compare", "--config", config)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("new: 1 trays, 0 skipped\n")
    assert "#2 of " in result.stdout
    assert json.loads(appliance("compare", "--config", config, "--json").stdout)["wells"][0]["b"] == 0.75
