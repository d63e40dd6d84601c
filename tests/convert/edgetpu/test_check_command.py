import json
from pathlib import Path

import pytest

from convert.cli import main
from convert.edgetpu.status import Status
from tests.convert.tflite.models import Builder, small_model


def test_the_command_prints_json_and_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "small.tflite"
    path.write_bytes(small_model())
    assert main(["check", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["mapped"], found["cpu"], found["subgraphs"], found["fits_on_chip"]) == (2, 1, 1, True)
    assert {"operator": "ARG_MAX", "count": 1, "status": Status.DATA_TYPE.value} in found["operators"]
    assert found["reasons"][0]["index"] == 2
    assert main(["check", str(path)]) == 0
    text = capsys.readouterr().out
    assert "CONV_2D                        1          Mapped to Edge TPU" in text
    assert "ARG_MAX (operator 2): int64 values" in text


def test_a_float_model_is_one_line_where_int8_is_required(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = Builder()
    image = b.tensor((1, 4), "float32", name="image")
    output = b.operator("RELU", (image,), (b.tensor((1, 4), "float32"),))
    path = tmp_path / "float.tflite"
    path.write_bytes(b.pack([image], [output]))
    assert main(["check", str(path), "--require-int8"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "image of RELU is float32" in printed.err
    path.write_bytes(small_model())
    assert main(["check", str(path), "--require-int8"]) == 0


def test_a_broken_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.tflite"
    path.write_bytes(small_model()[:300])
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
