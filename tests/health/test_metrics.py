import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from appliance.health.exposition import Metric, Sample, exposition
from appliance.health.metrics import metrics
from tests.health.examples import health, unknown

TEXT = st.text(st.characters(codec="utf-8"))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53)


def parsed(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the text format by Prometheus' own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.lists(st.tuples(TEXT, TEXT, NUMBERS), unique_by=lambda row: row[:2]), TEXT)
def test_any_label_and_value_is_read_back_as_it_was(rows: list[tuple[str, str, float]], text: str) -> None:
    samples = tuple(Sample(value, {"a": one, "b": other}) for one, other, value in rows)
    written = exposition([Metric("janban_x", "gauge", text, samples)])
    assert parsed(written) == {
        ("janban_x", (("a", one), ("b", other))): float(value) for one, other, value in rows
    }
    if rows:
        [family] = text_string_to_metric_families(written)
        assert family.type == "gauge"
        assert re.sub(r"\s", "", family.documentation) == re.sub(r"\s", "", text)


@pytest.mark.parametrize("name", ["janban-x", "1x", "", "Ünit", "x y", "x\n"])
def test_a_name_that_prometheus_does_not_take_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        Metric(name, "gauge", "", ())
    with pytest.raises(ValueError, match="no name"):
        Metric("x", "gauge", "", (Sample(1, {name: ""}),))


def test_a_counter_says_so_in_its_name() -> None:
    with pytest.raises(ValueError, match="_total"):
        Metric("janban_trays", "counter", "", ())
    with pytest.raises(ValueError, match="_total"):
        Metric("janban_trays_total", "gauge", "", ())


def test_figures_are_in_base_units() -> None:
    found = parsed(exposition(metrics(health())))
    assert found["janban_temperature_celsius", (("sensor", "cpu-thermal"),)] == 48.3
    assert found["janban_memory_available_bytes", ()] == 900e6
    assert found["janban_process_resident_memory_bytes", (("process", "camera"),)] == 90e6
    assert found["janban_tray_latency_seconds", (("quantile", "0.95"),)] == pytest.approx(0.41)
    assert found["janban_trays_total", ()] == 120
    assert found["janban_trays_by_path_total", (("path", "fallback"),)] == 18
    assert found["janban_throttled", (("what", "throttled"), ("when", "boot"))] == 1
    assert found["janban_able", ()] == 1
    assert found["janban_broker_connected", ()] == 1
    assert ("janban_temperature_celsius", (("sensor", 'a "strange\\ sensor\n'),)) in found


def test_what_is_unknown_has_no_sample() -> None:
    found = {name for name, _ in parsed(exposition(metrics(unknown())))}
    assert not found & {
        "janban_machine_uptime_seconds",
        "janban_temperature_celsius",
        "janban_memory_available_bytes",
        "janban_latency_drift_ratio",
        "janban_readings_pending",
        "janban_network_faults_total",
        "janban_networks_ready",
        "janban_model_info",
    }
    assert "janban_tpu_reenumerations_total" in found


def test_each_metric_is_named_once_and_ends_its_line() -> None:
    text = exposition(metrics(health()))
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names)) > 40
    assert text.endswith("\n")
    assert all(name.startswith("janban_") for name in names)
