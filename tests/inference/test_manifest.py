import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.errors import ModelError
from appliance.inference.manifest import Manifest, load_manifest, parse_manifest
from appliance.inference.schema import PATH, json_schema
from tests.inference.entries import entry, input_signature, model_file, output_signature

WHOLE = Manifest(models=(entry(),)).model_dump_json(indent=2)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a JSON document, the outermost first."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


PLACES = places(json.loads(WHOLE))


def fault(text: str) -> str:
    with pytest.raises(ModelError) as refused:
        parse_manifest(text, "models/manifest.json")
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith("models/manifest.json: ")
    return line


def edited(change: Callable[[dict[str, Any]], object]) -> str:
    document = json.loads(WHOLE)
    change(document["models"][0])
    return json.dumps(document)


def test_the_published_schema_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == json_schema(), "run make reference"


def test_a_manifest_survives_its_file(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(WHOLE, encoding="utf-8")
    assert load_manifest(file) == Manifest(models=(entry(),))
    assert json.loads(WHOLE)["schema"] == "janban.models/1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m["files"][0].update(sha256="AB"), "models[0].files[0].sha256: "),
        (lambda m: m["files"][0].update(file="../a.tflite"), "models[0].files[0].file: "),
        (lambda m: m["files"][0].update(file="a/b.tflite"), "models[0].files[0].file: "),
        (lambda m: m["files"][0].update(file="a.tflite\n"), "models[0].files[0].file: "),
        (lambda m: m["files"][0].update(size_bytes=0), "models[0].files[0].size_bytes: "),
        (lambda m: m["files"][0].update(size_bytes="3"), "models[0].files[0].size_bytes: "),
        (lambda m: m["files"][0]["input"].update(shape=[1, 3, 8, 8]), "files[0].input: shape [1, 3, 8, 8]"),
        (lambda m: m["files"][0]["input"].update(std=[1, 1, 0]), "files[0].input: std has to be above 0"),
        (lambda m: m["files"][0]["outputs"][0].update(classes=["a"]), "outputs[0]: 1 classes do not go"),
        (lambda m: m["files"][0]["outputs"][0].update(meaning="age"), "outputs[0].meaning: "),
        (lambda m: m.update(licence="MIT"), "models[0].licence: "),
        (lambda m: m.pop("origin"), "models[0].origin: Field required"),
        (lambda m: m["parity"].update(x="high"), "models[0].parity.x: "),
        (lambda m: m.update(name="../x"), "models[0].name: "),
        (lambda m: m["files"].append(m["files"][0]), "two files have the same name"),
    ],
)
def test_a_fault_is_named_by_its_field(change: Callable[[dict[str, Any]], object], words: str) -> None:
    assert words in fault(edited(change))


def test_models_have_names_of_their_own() -> None:
    two = entry(files=(model_file(file="other.tflite"),))
    with pytest.raises(ValidationError, match="two models have the same name"):
        Manifest(models=(entry(), two))


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point"),
    [
        ("float32", 0.5, 0),
        ("float32", 0.5, None),
        ("int8", None, None),
        ("int8", 0.5, None),
        ("int8", 0.5, 128),
        ("uint8", 0.5, -1),
        ("uint8", 0.0, 0),
        ("int8", float("nan"), 0),
    ],
)
def test_a_quantisation_goes_with_its_type(dtype: str, scale: float | None, zero_point: int | None) -> None:
    with pytest.raises(ValidationError):
        input_signature(dtype=dtype, scale=scale, zero_point=zero_point)


def test_a_tensor_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(ValidationError, match="more than fits into memory"):
        input_signature(shape=(1, 65536, 65536, 3))


@pytest.mark.parametrize(
    ("meaning", "shape", "classes"),
    [
        ("inverse_depth", (1, 8, 8, 2), ()),
        ("inverse_depth", (1, 8, 8), ()),
        ("segmentation", (1, 8, 8, 2), ("a",)),
        ("segmentation", (1, 8, 8, 2), ("a", "a")),
        ("segmentation", (1, 2), ("a", "b")),
        ("quantity", (1, 1, 1, 2), ("a", "b")),
    ],
)
def test_an_output_has_the_shape_of_what_it_means(
    meaning: str, shape: tuple[int, ...], classes: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError):
        output_signature(meaning=meaning, shape=shape, classes=classes)


def test_files_of_one_model_are_one_network() -> None:
    larger = model_file(file="b.tflite", input=input_signature(shape=(1, 16, 16, 3)))
    with pytest.raises(ValidationError, match="files of one model"):
        entry(files=(model_file(), larger))
    as_float = model_file(
        file="b.tflite",
        input=input_signature(dtype="float32", scale=None, zero_point=None),
        outputs=(output_signature(name="x", dtype="float32", scale=None, zero_point=None),),
    )
    assert len(entry(files=(model_file(), as_float)).files) == 2


@given(st.integers(0, len(WHOLE) - 1))
def test_a_manifest_that_is_cut_off_is_refused(end: int) -> None:
    fault(WHOLE[:end])


@given(st.text() | json_values.map(json.dumps))
@example("{}")
@example('{"models": []}')
@example("[" * 100_000)
@example('{"schema": "janban.models/2", "models": []}')
@example('{"schema": "janban.models/1", "models": [' + "9" * 5000 + "]}")
def test_what_is_no_manifest_is_refused_in_one_line(text: str) -> None:
    fault(text)


@given(st.sampled_from(PLACES[1:]), json_values)
def test_a_manifest_with_one_field_changed_is_read_or_refused_in_one_line(
    place: tuple[str | int, ...], value: object
) -> None:
    document: Any = json.loads(WHOLE)
    node = document
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    try:
        manifest = parse_manifest(json.dumps(document), "models/manifest.json")
    except ModelError as error:
        line = str(error)
        assert "\n" not in line
        assert line.startswith("models/manifest.json: ")
    else:
        assert parse_manifest(manifest.model_dump_json()) == manifest


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    with pytest.raises(ModelError, match=r"manifest\.json: missing"):
        load_manifest(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelError, match="UTF-8"):
        load_manifest(file)
    file.write_bytes(b" " * 1_000_001)
    with pytest.raises(ModelError, match="too large"):
        load_manifest(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(ModelError, match="cannot be read"):
        load_manifest(file)
