import contextlib
import io
import json
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.cli import main
from convert.edgetpu.log import CompilerLog, ModelLog, OperatorRow, parse_log
from convert.edgetpu.status import Status
from convert.errors import ModelFileError
from tests.convert.edgetpu.outputs import FULL, PARTIAL, ROWS, VERSIONS, success_text, table

GOOD = CompilerLog(VERSIONS[16], success=True, error=None, duration_ms=1524, models=(PARTIAL,))
BOTH = replace(GOOD, models=(PARTIAL, FULL))
HEAD = f"Edge TPU Compiler version {VERSIONS[16]}\nStarted a compilation timeout timer of 180 seconds.\n"
NEWER = "ERROR: Didn't find op for builtin opcode 'EXP' version '2'. Are you using an old binary?\n"
TAIL = "Compilation child process completed within timeout period.\nCompilation failed! \n"


@pytest.mark.parametrize("version", [14, 15, 16])
def test_a_success_of_each_version(version: int) -> None:
    log = replace(GOOD, version=VERSIONS[version])
    assert parse_log(success_text(log)) == log


def test_sizes_are_bytes() -> None:
    model = parse_log(success_text(BOTH)).models[1]
    assert (model.input_bytes, model.on_chip_used_bytes, model.on_chip_remaining_bytes) == (1536, 67584, 512)
    text = success_text(GOOD).replace("3.50MiB", "3.42MiB")
    assert parse_log(text).models[0].input_bytes == round(3.42 * 2**20)


def test_co_compiled_models_have_their_own_numbers() -> None:
    assert parse_log(success_text(BOTH)) == BOTH


def test_without_counts_everything_is_mapped() -> None:
    log = replace(GOOD, models=(FULL,))
    text = success_text(log, with_table=False)
    assert "will run on" not in text
    assert parse_log(text) == replace(log, models=(replace(FULL, operators=()),))


def test_counts_without_a_table() -> None:
    (model,) = parse_log(success_text(GOOD, with_table=False)).models
    assert (model.mapped, model.cpu, model.operators) == (36, 2, ())


def test_older_versions_say_available() -> None:
    text = success_text(replace(GOOD, version=VERSIONS[15])).replace(
        "memory remaining for", "memory available for"
    )
    assert parse_log(text).models[0].on_chip_remaining_bytes == PARTIAL.on_chip_remaining_bytes


def test_the_log_file_beside_the_model() -> None:
    text = f"Edge TPU Compiler version 15.0\nInput: m.tflite\nOutput: m_edgetpu.tflite\n\n{table(ROWS)}\n"
    log = parse_log(text)
    assert (log.success, log.duration_ms) == (True, None)
    (model,) = log.models
    assert (model.input, model.output) == ("m.tflite", "m_edgetpu.tflite")
    assert (model.operations, model.mapped, model.cpu) == (38, 36, 2)
    assert model.operators == ROWS


FAILURES = [
    (HEAD + "\nInternal compiler error. Aborting! \n", "Internal compiler error. Aborting!"),
    ("Edge TPU Compiler version 14.1\nInvalid model: m.tflite\nModel not quantized\n", "Model not quantized"),
    (
        HEAD + "ERROR: Restored original execution plan after delegate application failure.\n"
        "Compilation failed: Compilation failed due to large activation tensors in model.\n" + TAIL,
        "Compilation failed: Compilation failed due to large activation tensors in model.",
    ),
    (
        HEAD + NEWER + "ERROR: Registration failed.\n\nInvalid model: m\nModel could not be parsed\n",
        NEWER.strip(),
    ),
    (
        HEAD + "ERROR: Attempting to use a delegate that only supports static-sized tensors.\n"
        "Compilation failed: Model failed in Tflite interpreter. Please ensure it can be run.\n" + TAIL,
        "static-sized",
    ),
    (
        HEAD + "Compilation timeout. This is usually caused by large activations.\nCompilation failed! \n",
        "timeout",
    ),
    (
        HEAD + "libc++abi: terminating with uncaught exception of type std::out_of_range\n" + TAIL,
        "out_of_range",
    ),
    (
        HEAD + "loc(\"x\"): error: 'tfl.strided_slice' op is not supported on DarwiNN. See:\n" + TAIL,
        "'tfl.strided_slice' op is not supported on DarwiNN",
    ),
    (HEAD + TAIL, "Compilation failed!"),
    (HEAD, "ends before"),
]


@pytest.mark.parametrize(("text", "line"), FAILURES)
def test_failures_give_their_most_telling_line(text: str, line: str) -> None:
    log = parse_log(text)
    assert not log.success
    assert log.error is not None
    assert line in log.error
    assert "\n" not in log.error
    assert log.models == ()


def test_the_last_of_several_attempts_counts() -> None:
    attempts = "Searching for valid delegate with step 10\nTry to compile segment with 300 ops\n"
    failed = (
        HEAD + attempts + "Compilation failed: too large\n" + TAIL + "Try to compile segment with 290 ops\n"
    )
    rest = success_text(GOOD).split("\n", 1)[1]
    assert parse_log(failed + rest) == GOOD


def test_a_later_segment_that_fails_fails_the_run() -> None:
    text = success_text(GOOD) + "Try to compile segment with 340 ops\nCompilation failed: too large\n" + TAIL
    log = parse_log(text)
    assert log.error == "Compilation failed: too large"
    assert len(log.models) == 1


def test_of_several_runs_the_last_with_a_result_counts() -> None:
    version = f"$ edgetpu_compiler -v\nEdge TPU Compiler version {VERSIONS[16]}\n"
    failed = HEAD + "Internal compiler error. Aborting!\n"
    assert parse_log(version + failed + "$ again\n" + success_text(GOOD) + version) == GOOD


def noisy(text: str) -> dict[str, str]:
    return {
        "windows": text.replace("\n", "\r\n"),
        "colours": text.replace("Model", "\x1b[1;32mModel\x1b[0m").replace("Mapped", "\x1b[KMapped"),
        "quoted": "\n".join("> " + line for line in text.splitlines()),
        "indented": "\n".join("    " + line + "   " for line in text.splitlines()),
        "around": f"user@host:~$ edgetpu_compiler -s m.tflite\n{text}\nuser@host:~$ ls\nm_edgetpu.tflite\n",
        "progress": f"Get:1 package 10%\rGet:1 package 99%\r\n{text}",
        "blank lines": text.replace("\n", "\n\n"),
        "glued": text.replace("\n\n", "").replace("Status\n", "Status"),
        "wrapped": text.replace("mapped due to some", "ma\npped due to some").replace(
            "won't run", "won't\nrun"
        ),
        "binary": "\x00\x07" + text,
    }


@pytest.mark.parametrize("kind", sorted(noisy("")))
def test_noise_of_terminals_does_not_matter(kind: str) -> None:
    assert parse_log(noisy(success_text(GOOD))[kind]) == GOOD


def test_a_cut_table_keeps_its_whole_rows() -> None:
    text = success_text(GOOD)
    cut = parse_log(text[: text.index("ARG_MAX") + 60])
    assert cut.models[0].operators == ROWS[:2]
    assert (cut.success, cut.models[0].mapped) == (True, 36)


def test_unknown_counts_stay_unknown() -> None:
    text = success_text(GOOD, with_table=False).split("Number of operations that")[0]
    (model,) = parse_log(text).models
    assert (model.operations, model.mapped, model.cpu) == (38, None, None)


def test_a_status_that_is_new_is_kept() -> None:
    text = success_text(GOOD).replace(Status.UNSPECIFIED.value, "Operation is too new")
    assert parse_log(text).models[0].operators[-1] == OperatorRow("ARG_MAX", 1, "Operation is too new")


@pytest.mark.parametrize(
    "text", ["", "hello\n", "\x00" * 100, "Input model: x\n", "Traceback (most recent):\n"]
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(ModelFileError, match=r"^notes\.txt: no output of the Edge TPU compiler"):
        parse_log(text, "notes.txt")


names = st.text(string.ascii_letters + string.digits + "_-. ", min_size=1, max_size=20).map(
    lambda s: "m" + s.strip() + ".tflite"
)
amounts = st.one_of(st.integers(0, 1023), st.integers(1, 4000).map(lambda k: k * 256 + 1024))
rows = st.lists(
    st.builds(
        OperatorRow,
        st.sampled_from(["CONV_2D", "ADD", "L2_NORMALIZATION", "CUSTOM", "MEAN"]),
        st.integers(1, 999),
        st.sampled_from([s.value for s in Status]),
    ),
    min_size=1,
    max_size=6,
).map(tuple)


@st.composite
def models(draw: st.DrawFn) -> ModelLog:
    operators = draw(rows)
    mapped = sum(r.count for r in operators if r.status == Status.MAPPED)
    total = sum(r.count for r in operators)
    name = draw(names)
    return ModelLog(
        name,
        draw(amounts),
        name.replace(".tflite", "_edgetpu.tflite"),
        draw(amounts),
        draw(amounts),
        draw(amounts),
        draw(amounts),
        int(mapped > 0),
        total,
        mapped,
        total - mapped,
        operators,
    )


logs = st.builds(
    CompilerLog,
    st.sampled_from(sorted(VERSIONS.values())),
    success=st.just(value=True),
    error=st.none(),
    duration_ms=st.integers(0, 10**6),
    models=st.lists(models(), min_size=1, max_size=3).map(tuple),
)


@given(logs)
def test_what_is_rendered_is_read_back(log: CompilerLog) -> None:
    assert parse_log(success_text(log)) == log


@given(logs, st.sampled_from(sorted(set(noisy("")) - {"glued"})))
def test_what_is_rendered_is_read_back_through_noise(log: CompilerLog, kind: str) -> None:
    assert parse_log(noisy(success_text(log))[kind]) == log


@given(logs, st.integers(0, 4000))
def test_a_cut_output_never_faults_and_never_invents(log: CompilerLog, length: int) -> None:
    text = success_text(log)[:length]
    try:
        read = parse_log(text)
    except ModelFileError:
        return
    for model, whole in zip(read.models, log.models, strict=False):
        assert model.operators == whole.operators[: len(model.operators)]
        assert model.mapped in {None, whole.mapped} or model.operators != whole.operators


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    read = parse_log("Edge TPU Compiler version 16.0\n" + text)
    assert read.success == (read.error is None)
    with contextlib.suppress(ModelFileError):
        parse_log(text)


def test_the_command_reads_files_and_standard_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "saved.txt"
    path.write_bytes(b"\xef\xbb\xbf" + success_text(GOOD).encode())
    assert main(["log", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["version", "success", "error", "duration_ms", "models"]
    assert found["models"][0]["operators"][0] == {
        "operator": "CONV_2D",
        "count": 36,
        "status": "Mapped to Edge TPU",
    }
    path.write_bytes(success_text(GOOD).encode("utf-16"))
    assert main(["log", str(path)]) == 0
    assert "36 of 38 operators mapped" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert main(["log", "-", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["success"] is True


def test_the_command_says_failures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "failed.txt"
    path.write_text(HEAD + TAIL)
    assert main(["log", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["success"] is False
    assert main(["log", str(path), "--require-success"]) == 1
    assert capsys.readouterr().err == f"convert: {path}: the compilation failed: Compilation failed!\n"
    assert main(["log", str(tmp_path / "none.txt")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
