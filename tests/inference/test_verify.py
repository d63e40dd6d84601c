import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ModelError
from appliance.inference.manifest import ModelFile
from appliance.inference.verify import verify_file, verify_signature
from convert.manifest import model_file as described
from convert.tflite.run import tflite_signature
from tests.convert.tflite.networks import SPEC, tiny
from tests.inference.entries import input_signature, model_file, output_signature

CONTENT = bytes(range(256)) * 500
FILE = model_file(CONTENT)


def details(**fields: object) -> dict[str, Any]:
    """What an interpreter says of the entries' input, unless given otherwise."""
    scales, zero_points = fields.pop("scales", [0.02]), fields.pop("zero_points", [128])
    return {
        "name": "image",
        "shape": np.array([1, 8, 8, 3], np.int32),
        "dtype": np.uint8,
        "quantization_parameters": {
            "scales": np.array(scales, np.float32),
            "zero_points": np.array(zero_points, np.int32),
            "quantized_dimension": 0,
        },
        **fields,
    }


DEPTH = details(name="depth", shape=np.array([1, 8, 8, 1]), dtype=np.int8, scales=[0.5], zero_points=[-128])


def refused(folder: Path, file: ModelFile = FILE) -> str:
    with pytest.raises(ModelError) as error:
        verify_file(folder, file)
    assert "\n" not in str(error.value)
    return str(error.value)


def difference(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> str:
    with pytest.raises(ModelError) as error:
        verify_signature(FILE, inputs, outputs)
    line = str(error.value)
    assert "\n" not in line
    return line.removeprefix("depth.tflite: is not what the manifest says: ")


def test_the_right_file_is_given_back(tmp_path: Path) -> None:
    (tmp_path / "depth.tflite").write_bytes(CONTENT)
    assert verify_file(tmp_path, FILE) == tmp_path / "depth.tflite"


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_one_changed_byte_is_noticed(tmp_path_factory: pytest.TempPathFactory, at: int, change: int) -> None:
    content = bytearray(CONTENT)
    content[at] ^= change
    folder = tmp_path_factory.mktemp("models")
    (folder / "depth.tflite").write_bytes(content)
    assert "SHA-256" in refused(folder)


@pytest.mark.parametrize("content", [b"", CONTENT[:-1], CONTENT + b"\0"], ids=["empty", "cut off", "longer"])
def test_another_size_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "depth.tflite").write_bytes(content)
    assert f"has {len(content)} bytes, the manifest says {len(CONTENT)}" in refused(tmp_path)


def test_what_is_no_plain_file_of_the_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "depth.tflite"
    assert "missing" in refused(tmp_path)
    (tmp_path / "elsewhere").write_bytes(CONTENT)
    file.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refused(tmp_path)
    file.unlink()
    os.mkfifo(file)
    assert "no plain file" in refused(tmp_path)
    file.unlink()
    file.mkdir()
    assert "directory" in refused(tmp_path)


def test_a_folder_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "depth.tflite").write_bytes(CONTENT)
    (tmp_path / "current").symlink_to(tmp_path / "real")
    assert verify_file(tmp_path / "current", FILE) == tmp_path / "current" / "depth.tflite"


def test_the_manifests_signature_is_accepted() -> None:
    verify_signature(FILE, [details()], [DEPTH])


def test_outputs_may_come_in_any_order() -> None:
    other = output_signature(name="other")
    file = model_file(outputs=(other, output_signature()))
    verify_signature(file, [details()], [DEPTH, {**DEPTH, "name": "other"}])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"shape": np.array([1, 8, 4, 3])}, "input image has shape [1, 8, 4, 3], not [1, 8, 8, 3]"),
        ({"dtype": np.int8}, "input image has type int8, not uint8"),
        ({"scales": [0.03]}, "input image has scale 0.03, not 0.02"),
        ({"zero_points": [127]}, "input image has zero point 127, not 128"),
        (
            {"scales": [], "zero_points": []},
            "input image has scale none, not 0.02; input image has zero point",
        ),
        ({"scales": [0.02, 0.03]}, "input image has scale [0.0"),
        ({"name": "picture"}, "no input image; unknown input picture"),
    ],
)
def test_what_differs_is_named(changed: dict[str, Any], words: str) -> None:
    assert words in difference([details(**changed)], [DEPTH])


def test_an_output_more_or_less_is_named() -> None:
    assert difference([details()], []) == "no output depth"
    assert difference([details()], [DEPTH, {**DEPTH, "name": "x"}]) == "unknown output x"


def test_everything_that_differs_is_named_at_once() -> None:
    line = difference([details(dtype=np.int8)], [{**DEPTH, "shape": np.array([1, 4, 4, 1])}])
    assert (
        line == "input image has type int8, not uint8; output depth has shape [1, 4, 4, 1], not [1, 8, 8, 1]"
    )


def test_a_float_tensor_has_no_scale() -> None:
    file = model_file(input=input_signature(dtype="float32", scale=None, zero_point=None))
    verify_signature(file, [details(dtype=np.float32, scales=[], zero_points=[])], [DEPTH])
    with pytest.raises(ModelError, match=r"scale 0\.02, not none"):
        verify_signature(file, [details(dtype=np.float32)], [DEPTH])


@given(st.floats(2**-30, 2**30, width=32))
def test_a_float32_scale_survives_the_manifests_decimals(scale: float) -> None:
    signature = input_signature(scale=scale)
    decimal = type(signature).model_validate_json(signature.model_dump_json())
    verify_signature(model_file(input=decimal), [details(scales=[np.float32(scale)])], [DEPTH])


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8"])
def test_a_real_interpreter_agrees_with_what_the_workshop_wrote(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny(dtype))
    picture, outputs = tflite_signature(path, SPEC)
    file = described(path, device="cpu", picture=picture, outputs=outputs)
    interpreter = Interpreter(str(verify_file(tmp_path, file)))
    interpreter.allocate_tensors()
    found = interpreter.get_input_details(), interpreter.get_output_details()
    verify_signature(file, *found)
    for wrong, words in (
        (picture.model_copy(update={"shape": (1, 4, 4, 3)}), "has shape [1, 4, 6, 3], not [1, 4, 4, 3]"),
        (picture.model_copy(update={"name": "other"}), "no input other; unknown input image"),
    ):
        with pytest.raises(ModelError) as error:
            verify_signature(file.model_copy(update={"input": wrong}), *found)
        assert words in str(error.value)


def test_another_real_model_is_not_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(tiny("int8"))
    picture, outputs = tflite_signature(path, SPEC)
    file = described(path, device="cpu", picture=picture, outputs=outputs)
    other = Interpreter(model_content=tiny("uint8"))
    with pytest.raises(ModelError, match="input image has type uint8, not int8") as error:
        verify_signature(file, other.get_input_details(), other.get_output_details())
    assert "output inverse_depth has type uint8, not int8" in str(error.value)
