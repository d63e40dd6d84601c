"""What comes as JSON: the models' manifest, the fusion, and readings as subscribers take them."""

import io
import json
import math
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.errors import ModelError
from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS
from appliance.estimate.learned_fusion import load_fusion
from appliance.inference.manifest import parse_manifest
from appliance.inference.selection import select
from appliance.publish.watch import Printer
from appliance.readings.reading import Reading
from tests.fuzz.effort import effort
from tests.fuzz.hostile import damaged, edited
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.samples import FUSION, MANIFEST, READING


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@effort(200)
@given(edited(json.loads(MANIFEST)) | damaged(MANIFEST.encode()).map(lambda b: b.decode(errors="replace")))
def test_manifests(folder: Path, text: str) -> None:
    manifest = result_or_refusal(lambda: parse_manifest(text), ModelError, "manifest.json")
    if manifest is None:
        return
    assert parse_manifest(manifest.model_dump_json()) == manifest
    for file in (file for model in manifest.models for file in model.files):
        assert (folder / file.file).resolve().parent == folder.resolve()
        for tensor in (file.input, *file.outputs):
            assert math.prod(tensor.shape) <= 2**24


@effort(100)
@given(edited(json.loads(MANIFEST)))
def test_the_choice_of_networks(folder: Path, text: str) -> None:
    (folder / "manifest.json").write_text(text)
    selection = result_or_refusal(lambda: select(folder), ModelError, "manifest.json")
    if selection is not None:
        assert selection.entries.keys() == {"depth", "segmentation"}
        assert selection.devices


ESTIMATES = {
    name: Estimate(leftover, 0.1, 0.9) for name, leftover in zip(ESTIMATORS, (0.1, 0.5, 0.9), strict=True)
}


@effort(200)
@given(edited(json.loads(FUSION)).map(str.encode) | damaged(FUSION.encode()))
def test_fusions(folder: Path, content: bytes) -> None:
    file = folder / "fusion.json"
    file.write_bytes(content)
    fusion = result_or_refusal(lambda: load_fusion(file), ModelError, "fusion.json")
    if fusion is None:
        return
    for kind in get_args(DishKind):
        joined = fusion.join(ESTIMATES, kind).estimate
        assert 0 <= joined.leftover <= 1
        assert 0 <= joined.uncertainty <= 0.5


@effort(300)
@given(edited(json.loads(READING)).map(str.encode) | damaged(READING.encode()) | st.binary(max_size=40))
@example(READING.replace("2026-03-02T03:04:05.678Z", "0001-01-01T00:00:00+01:00").encode())
@example(READING.replace("2026-03-02T03:04:05.678Z", "9999-12-31T23:59:59-01:00").encode())
@example(READING.replace("2026-03-02T03:04:05.678Z", "0001-01-01T00:00:00Z").encode())
@example(READING.replace("2026-03-02T03:04:05.678Z", "9999-12-31T23:59:59Z").encode())
def test_readings_as_subscribers_take_them(payload: bytes) -> None:
    try:
        reading = Reading.from_json(payload)
    except ValueError:
        reading = None
    for as_json in (True, False):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        Printer(out, json=as_json).take(payload)
        out.seek(0)
        assert (out.read() == "") == (reading is None)
    if reading is not None:
        assert Reading.from_json(reading.to_json()) == reading
        assert reading.leftover is None or 0 <= reading.leftover <= 1
