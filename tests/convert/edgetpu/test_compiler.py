import json
import os
import stat
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convert.cli import main
from convert.edgetpu.compiler import FAILED_LOG_NAME, LOG_NAME
from convert.edgetpu.log import CompilerLog, ModelLog, OperatorRow
from convert.edgetpu.status import Status
from tests.convert.edgetpu.outputs import VERSIONS, success_text
from tests.convert.tflite.models import Builder, add_conv, small_model

FAKE = """#!{python}
import pathlib, sys, time
here = pathlib.Path(__file__).parent
words = sys.argv[1:]
(here / "called.txt").write_text("\\n".join(words))
out = pathlib.Path(words[words.index("-o") + 1])
models = [pathlib.Path(w) for w in words if w.endswith(".tflite")]
print((here / "says.txt").read_text(), flush=True)
if (here / "writes").exists():
    for model in models:
        (out / (model.stem + "_edgetpu.tflite")).write_bytes((here / "writes").read_bytes())
        (out / (model.stem + "_edgetpu.log")).write_text("table")
if (here / "hangs").exists():
    time.sleep(600)
sys.exit(int((here / "status").read_text()) if (here / "status").exists() else 0)
"""


def compiled_model() -> bytes:
    b = Builder()
    source, result = b.tensor((1, 4)), b.tensor((1, 4))
    b.operator("edgetpu-custom-op", (source,), (result,), custom=b"\0" * 20)
    return b.pack([source], [result])


SMALL = ModelLog(
    input="small.tflite",
    input_bytes=1024,
    output="small_edgetpu.tflite",
    output_bytes=2048,
    on_chip_used_bytes=1024,
    on_chip_remaining_bytes=7 * 2**20,
    off_chip_bytes=0,
    subgraphs=1,
    operations=3,
    mapped=2,
    cpu=1,
    operators=(
        OperatorRow("CONV_2D", 1, Status.MAPPED.value),
        OperatorRow("RESIZE_BILINEAR", 1, Status.MAPPED.value),
        OperatorRow("ARG_MAX", 1, Status.DATA_TYPE.value),
    ),
)
LOG = CompilerLog(VERSIONS[16], success=True, error=None, duration_ms=12, models=(SMALL,))


class Fake:
    """A compiler that prints and writes what it is told; `folder` holds its orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "edgetpu_compiler"
        self.program.write_text(FAKE.format(python=sys.executable))
        self.program.chmod(stat.S_IRWXU)
        self.says(success_text(LOG))
        (folder / "writes").write_bytes(compiled_model())

    def says(self, text: str, status: int = 0) -> None:
        (self.folder / "says.txt").write_text(text)
        (self.folder / "status").write_text(str(status))

    def writes_nothing(self) -> None:
        (self.folder / "writes").unlink()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Fake(folder)
    monkeypatch.delenv("EDGETPU_COMPILER", raising=False)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "small.tflite"
    path.write_bytes(small_model())
    return path


@pytest.fixture
def run(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    def call(*more: str) -> tuple[int, str, str]:
        status = main(["edgetpu", str(model), "--out", str(tmp_path / "out"), *more])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


Run = Callable[..., tuple[int, str, str]]


def last_line(error: str) -> str:
    progress, line = error.splitlines()
    assert progress.startswith("compiling ")
    return line


def test_success_moves_models_and_logs(fake: Fake, run: Run, tmp_path: Path) -> None:
    status, printed, _ = run("--json")
    assert status == 0
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {"small_edgetpu.tflite", "small_edgetpu.log", LOG_NAME}
    assert success_text(LOG) in (tmp_path / "out" / LOG_NAME).read_text()
    found = json.loads(printed)
    assert found["version"] == VERSIONS[16]
    (one,) = found["models"]
    assert (one["agrees"], one["compiler"]["mapped"], one["predicted"]["mapped"]) == (True, 2, 2)
    assert one["output"] == str(tmp_path / "out" / "small_edgetpu.tflite")
    words = (fake.folder / "called.txt").read_text().splitlines()
    assert words[0] == "-s"
    assert words[-1] == str(tmp_path / "small.tflite")


def test_a_wrong_prediction_is_said(fake: Fake, run: Run) -> None:
    wrong = replace(
        SMALL,
        mapped=1,
        cpu=2,
        operators=(
            SMALL.operators[0],
            OperatorRow("RESIZE_BILINEAR", 1, Status.IMPRECISE.value),
            SMALL.operators[2],
        ),
    )
    fake.says(success_text(replace(LOG, models=(wrong,))))
    status, printed, _ = run()
    assert status == 0
    assert "RESIZE_BILINEAR: 0 mapped and 1 on the CPU, predicted 1 mapped and 0 on the CPU" in printed


def test_models_named_together_are_compiled_together(
    fake: Fake, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    b = Builder()
    image = b.tensor((1, 4, 4, 3))
    other = tmp_path / "other.tflite"
    other.write_bytes(b.pack([image], [add_conv(b, image, 4)]))
    second = replace(
        SMALL, input="other.tflite", operations=1, mapped=1, cpu=0, operators=(SMALL.operators[0],)
    )
    fake.says(success_text(replace(LOG, models=(SMALL, second))))
    assert main(["edgetpu", str(model), str(other), "--out", str(tmp_path / "out"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["agrees"] for one in found["models"]] == [True, True]
    assert (fake.folder / "called.txt").read_text().splitlines()[-2:] == [str(model), str(other)]


@pytest.mark.parametrize(
    ("text", "status", "says"),
    [
        (
            "Edge TPU Compiler version 15.0\n\nInternal compiler error. Aborting! \n",
            1,
            "Internal compiler error",
        ),
        ("Edge TPU Compiler version 15.0\nInvalid model: m\nModel not quantized\n", 1, "Model not quantized"),
        ("Edge TPU Compiler version 16.0\nCompilation failed: large activations\n", 0, "large activations"),
        ("Edge TPU Compiler version 16.0\n", 0, "ends before"),
        ("segmentation fault\n", 139, "segmentation fault"),
        ("", 0, "printed nothing known"),
    ],
)
def test_a_failure_is_one_line_and_leaves_only_what_it_printed(
    fake: Fake, run: Run, text: str, status: int, says: str
) -> None:
    fake.says(text, status)
    out = fake.folder.parent / "out"
    code, printed, error = run()
    assert (code, printed) == (1, "")
    assert says in last_line(error)
    assert [p.name for p in out.iterdir()] == [FAILED_LOG_NAME]
    assert text in (out / FAILED_LOG_NAME).read_text()


def test_a_later_success_removes_the_log_of_the_failure(fake: Fake, run: Run, tmp_path: Path) -> None:
    fake.says("Edge TPU Compiler version 16.0\nCompilation failed!\n", 1)
    assert run()[0] == 1
    fake.says(success_text(LOG))
    assert run()[0] == 0
    assert not (tmp_path / "out" / FAILED_LOG_NAME).exists()


def test_a_compiler_that_hangs_is_stopped_at_the_deadline(fake: Fake, run: Run, tmp_path: Path) -> None:
    (fake.folder / "hangs").touch()
    fake.says("Edge TPU Compiler version 16.0\nStarted a compilation timeout timer of 180 seconds.\n")
    code, _, error = run("--deadline", "2")
    assert code == 1
    assert "took more than 2 s and was stopped" in last_line(error)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [FAILED_LOG_NAME]


def test_success_without_files_is_a_failure(fake: Fake, run: Run, tmp_path: Path) -> None:
    fake.writes_nothing()
    code, _, error = run()
    assert code == 1
    assert "wrote no small_edgetpu.tflite" in last_line(error)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_broken_result_is_a_failure(fake: Fake, run: Run, tmp_path: Path) -> None:
    (fake.folder / "writes").write_bytes(b"")
    code, _, error = run()
    assert code == 1
    assert "empty file" in last_line(error)
    assert list((tmp_path / "out").iterdir()) == []


def test_operators_on_the_cpu_can_be_refused(fake: Fake, run: Run, tmp_path: Path) -> None:
    code, _, error = run("--require-all-mapped")
    assert code == 1
    assert "1 ARG_MAX" in last_line(error)
    assert list((tmp_path / "out").iterdir()) == []
    assert fake.program.exists()


def test_without_a_compiler_the_line_says_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGETPU_COMPILER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    code, printed, error = run()
    assert (code, printed) == (1, "")
    assert error.count("\n") == 1
    assert "x86-64 Debian" in error
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("EDGETPU_COMPILER", str(tmp_path / "nowhere"))
    assert "EDGETPU_COMPILER=" in run()[2]


@pytest.mark.usefixtures("fake")
def test_unfit_models_are_refused_before_the_compiler_runs(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = tmp_path / "done_edgetpu.tflite"
    compiled.write_bytes(compiled_model())
    out = tmp_path / "out"
    for models in ([compiled], [model, tmp_path / "none.tflite"], [model, model]):
        assert main(["edgetpu", *map(str, models), "--out", str(out)]) == 1
        assert capsys.readouterr().err.count("\n") == 1
        assert not out.exists()


@pytest.mark.usefixtures("fake")
def test_a_folder_that_cannot_be_written_is_one_line(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["edgetpu", str(model), "--out", str(tmp_path / "file" / "out")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
