"""What the conversion itself does around its converters, which are shell scripts here."""

from pathlib import Path

import numpy as np
import pytest

from convert import environment
from convert.errors import ModelFileError, ToolError
from convert.networks.spec import NetworkSpec
from convert.networks.stage import Array
from convert.routes import convert_onnx, saved_model_stage
from tests.convert.fake_python import fake_python

SPEC = NetworkSpec("tiny", 8, 8, ())

CONVERTS = """
while [ $# -gt 0 ]; do
  case "$1" in
    --out) mkdir "$2" && echo pb > "$2/saved_model.pb" ;;
    --float32|--int8) echo "$1" > "$2" ;;
  esac
  shift
done
"""


@pytest.fixture
def images() -> Array:
    return np.zeros((2, 8, 8, 3), np.float32)


@pytest.fixture
def onnx(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.touch()
    return path


@pytest.fixture(autouse=True)
def environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(tmp_path / "python3.11"))


@pytest.mark.parametrize("route", ["onnx2tf", "onnx-tf"])
def test_results_replace_those_of_before_and_nothing_else_remains(
    tmp_path: Path, onnx: Path, images: Array, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_python(tmp_path, script=CONVERTS)
    monkeypatch.chdir(tmp_path)
    out = Path("models")
    (out / "tiny-saved-model").mkdir(parents=True)
    (out / "tiny-saved-model" / "old").touch()
    (out / "tiny-int8.tflite").write_text("old")
    converted = convert_onnx(onnx, SPEC, images, out, route=route)
    assert converted.int8.read_text() == "--int8\n"
    assert converted.float32.read_text() == "--float32\n"
    assert [path.name for path in converted.saved_model.iterdir()] == ["saved_model.pb"]
    assert len(list(out.iterdir())) == 3
    assert converted.tools[route] == environment.versions_of(route)[route]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo ValueError: layer; exit 1", r"^onnx2tf on tiny\.onnx failed: ValueError: layer; see"),
        ("kill -SEGV $$", r"^onnx2tf on tiny\.onnx failed: killed by SIGSEGV; see"),
        (f"case $0$* in *tflite.py*) echo no range; exit 1;; *) {CONVERTS} ;; esac",
         r"^the TFLite converter on tiny\.onnx failed: no range; see"),
    ],
)  # fmt: skip
def test_a_failure_is_one_line_with_a_log_and_leaves_what_was_there(
    tmp_path: Path, onnx: Path, images: Array, script: str, message: str
) -> None:
    fake_python(tmp_path, script=script)
    out = tmp_path / "models"
    out.mkdir()
    (out / "tiny-int8.tflite").write_text("of before")
    with pytest.raises(ToolError, match=message) as caught:
        convert_onnx(onnx, SPEC, images, out)
    assert "\n" not in str(caught.value)
    assert [path.name for path in out.iterdir()] == ["tiny-int8.tflite"]
    assert (out / "tiny-int8.tflite").read_text() == "of before"
    log = tmp_path / "cache" / "tiny-onnx2tf.log"
    assert str(caught.value).endswith(f"; see {log}")
    assert "ran -P" in log.read_text()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            np.zeros((2, 8, 9, 3), np.float32),
            r"shape \(2, 8, 9, 3\), float32, where tiny takes \(N, 8, 8, 3\)",
        ),
        (np.zeros((2, 3, 8, 8), np.float32), "where tiny takes"),
        (np.zeros((2, 8, 8, 3), np.float64), "float64"),
        (np.zeros((0, 8, 8, 3), np.float32), "no calibration pictures"),
        (np.full((1, 8, 8, 3), np.nan, np.float32), "no finite numbers"),
    ],
)
def test_pictures_that_cannot_calibrate_are_refused_before_anything_is_built(
    tmp_path: Path, onnx: Path, wrong: Array, message: str
) -> None:
    with pytest.raises(ToolError, match=message):
        convert_onnx(onnx, SPEC, wrong, tmp_path / "models")
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "models").exists()


def test_an_unknown_route_is_refused(tmp_path: Path, onnx: Path, images: Array) -> None:
    with pytest.raises(ToolError, match="there is no route tf2onnx; there are onnx2tf, onnx-tf"):
        convert_onnx(onnx, SPEC, images, tmp_path / "models", route="tf2onnx")


def test_an_onnx_file_that_is_not_there_is_refused_before_anything_is_built(
    tmp_path: Path, images: Array
) -> None:
    with pytest.raises(ModelFileError, match=r"absent\.onnx: no such file; export the network first"):
        convert_onnx(tmp_path / "absent.onnx", SPEC, images, tmp_path / "models")
    assert not (tmp_path / "cache").exists()


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, onnx: Path, images: Array) -> None:
    fake_python(tmp_path, script=CONVERTS)
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(ToolError, match=r"models: the conversion cannot be written \(File exists\)"):
        convert_onnx(onnx, SPEC, images, tmp_path / "models")


def test_what_is_no_saved_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"no SavedModel; give the folder that has saved_model\.pb"):
        saved_model_stage(tmp_path, SPEC)
