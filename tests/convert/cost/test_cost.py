"""`convert cost` and what is under it, on models small enough to count."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.cli import main
from convert.cost.cost import cost_of, costs_of
from convert.cost.limits import judge
from convert.cost.measure import measure
from convert.edgetpu.parameters import USABLE_BYTES
from convert.errors import ModelFileError
from tests.convert.cost.models import heavy, two_convolutions, write
from tests.convert.tflite.models import Builder, small_model
from tests.convert.tflite.networks import tiny

MACS = 64 * 16 * 27 + 64 * 4 * 16


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write(tmp_path / "model.tflite", two_convolutions())


def test_a_small_model_costs_what_can_be_counted(model: Path) -> None:
    cost = cost_of(model)
    assert cost.operators == {"CONV_2D": 2}
    assert cost.macs == {"convolution": MACS}
    # Weights at one byte, biases at four.
    assert cost.parameter_bytes == 16 * 27 + 4 * 16 + 4 * (16 + 4)
    assert (cost.input_bytes, cost.output_bytes, cost.arena_bytes) == (192, 256, 1280)
    assert cost.file_bytes == model.stat().st_size
    assert cost.mapped == 2
    assert cost.coral_usb_3_ms is not None
    assert cost.coral_usb_2_ms is not None
    assert 0 < cost.coral_usb_3_ms < cost.coral_usb_2_ms


def test_the_manifests_figures_are_the_same_every_time(model: Path) -> None:
    figures = cost_of(model).as_figures()
    assert figures == cost_of(model).as_figures()
    assert figures["macs"] == MACS
    assert all(isinstance(value, float) for value in figures.values())
    assert {"file_bytes", "parameter_bytes", "activation_bytes", "pi_4_cpu_ms", "coral_usb_3_ms"} <= set(
        figures
    )


def test_a_float_model_does_not_run_on_the_edge_tpu(tmp_path: Path) -> None:
    cost = cost_of(write(tmp_path / "float.tflite", two_convolutions("float32")))
    assert cost.total_macs == MACS
    assert (cost.mapped, cost.coral_usb_3_ms, cost.cached_bytes) == (0, None, 0)
    assert "coral_usb_3_ms" not in cost.as_figures()
    assert cost.pi_4_ms > cost_of(write(tmp_path / "int8.tflite", two_convolutions())).pi_4_ms


def test_what_does_not_map_runs_on_the_processor(tmp_path: Path) -> None:
    cost = cost_of(write(tmp_path / "labels.tflite", small_model()))
    assert sum(cost.operators.values()) == 3
    assert cost.mapped < 3


def test_models_share_the_chips_memory_in_their_order(tmp_path: Path) -> None:
    # 768 channels to as many, 3x3: about 5 MiB each.
    paths = [write(tmp_path / f"{name}.tflite", heavy(768)) for name in ("first", "second")]
    first, second = costs_of(paths)
    assert first.cached_bytes == first.coral_bytes
    assert second.cached_bytes == USABLE_BYTES - first.coral_bytes < second.coral_bytes
    assert first.coral_usb_3_ms is not None
    assert second.coral_usb_3_ms is not None
    assert second.coral_usb_3_ms > first.coral_usb_3_ms
    size = {limit.name: limit for limit in judge([first, second])}["size"]
    assert size.verdict == "warn"
    assert size.figures["coral_streamed_bytes"] == second.coral_bytes - second.cached_bytes
    assert {limit.name: limit.verdict for limit in judge([first])}["size"] == "ok"


def test_a_model_that_is_too_slow_for_a_tray_fails(model: Path) -> None:
    fast = cost_of(model)
    slow = type(fast)(**{**vars(fast), "pi_4_ms": 6000.0, "coral_usb_3_ms": 5500.0})
    tired = type(fast)(**{**vars(fast), "pi_4_ms": 2600.0})
    verdicts = [{limit.name: limit.verdict for limit in judge([one])} for one in (fast, tired, slow)]
    assert [found["latency"] for found in verdicts] == ["ok", "warn", "fail"]
    assert [found["power"] for found in verdicts] == ["ok", "warn", "warn"]
    assert list(verdicts[0]) == ["latency", "connectivity", "privacy", "size", "power"]
    # One second without Coral at 6.4 W.
    (power,) = (limit for limit in judge([tired]) if limit.name == "power")
    assert power.figures["pi_4_joule"] == pytest.approx(2.6 * 6.4)


def test_a_model_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = measure(write(tmp_path / "tiny.tflite", tiny("int8")), runs=3)
    assert (found.runs, found.threads) == (3, 1)
    assert 0 < found.fastest_ms <= found.median_ms
    assert found.memory_bytes is None or found.memory_bytes >= 0


def test_a_model_that_litert_cannot_run_is_one_line(tmp_path: Path) -> None:
    b = Builder()
    image = b.tensor((1, 4))
    path = write(
        tmp_path / "custom.tflite", b.pack([image], [b.operator("no-such-op", (image,), (b.tensor((1, 4)),))])
    )
    with pytest.raises(ModelFileError, match="no-such-op") as error:
        measure(path, runs=1)
    assert "\n" not in str(error.value)


def test_the_command_tells_people_and_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write(tmp_path / "tiny.tflite", tiny("uint8"))
    assert main(["cost", str(model), str(model), "--no-measure"]) == 0
    text = capsys.readouterr().out
    assert text.count("tiny.tflite") == 2
    for word in ("latency", "connectivity", "privacy", "size", "power", "predicted"):
        assert word in text
    assert "median" not in text
    assert main(["cost", str(model), "--json", "--runs", "2"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["models"][0]["operators"] == {"CONV_2D": 2}
    assert told["models"][0]["measured_here"]["runs"] == 2
    assert len(told["limits"]) == 5
    assert main(["cost", str(model), "--runs", "2", "--threads", "2"]) == 0
    assert "median of 2, 2 threads" in capsys.readouterr().out


def test_the_command_shows_how_far_off_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--published"]) == 0
    text = capsys.readouterr().out
    assert "DenseNet-121" in text
    assert main(["cost", "--published", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["source"] for one in told["latencies"]} == set(told["sources"])


@pytest.mark.parametrize(
    "content", [b"", b"no model", two_convolutions()[:300]], ids=["empty", "text", "cut"]
)
def test_a_broken_file_is_one_line_and_a_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    assert main(["cost", str(write(tmp_path / "broken.tflite", content))]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("convert: ")
    assert told.err.count("\n") == 1
    assert "broken.tflite" in told.err


def test_without_a_model_the_command_says_what_it_wants(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost"]) == 1
    assert "--published" in capsys.readouterr().err


def test_a_compiled_model_is_refused(tmp_path: Path) -> None:
    b = Builder()
    image = b.tensor((1, 4))
    packed = b.pack([image], [b.operator("edgetpu-custom-op", (image,), (b.tensor((1, 4)),), custom=b"x")])
    with pytest.raises(ModelFileError, match="compiled for the Edge TPU"):
        cost_of(write(tmp_path / "model_edgetpu.tflite", packed))


@given(st.data())
def test_damaged_files_are_one_line_or_a_cost(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(two_convolutions())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("damaged") / "model.tflite", bytes(content))
    message = ""
    try:
        assert judge(costs_of([path]))
    except ModelFileError as error:
        message = str(error)
    assert "\n" not in message
