"""The configuration: `config.load`, `parse` and `load_estimate`."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance.config import Settings, load, load_estimate, parse
from appliance.config_keys import keys
from appliance.errors import ConfigError
from tests.fuzz.effort import effort
from tests.fuzz.hostile import TEXTS, damaged, toml_fragments, toml_text
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.samples import CONFIGURATION

NAMES = sorted({key.name for key in keys(Settings)})
KINDS = ("picamera2", "usb", "replay", "simulator")
LEAST = {"device.site": '"canteen"', "device.name": '"box"', "camera.kind": '"usb"'}


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A whole configuration with hostile values of real and of made-up keys."""
    lines = {**LEAST, "camera.kind": f'"{draw(st.sampled_from(KINDS))}"'}
    lines |= draw(st.dictionaries(st.sampled_from(NAMES), toml_fragments, max_size=4))
    names = draw(st.lists(st.sampled_from(TEXTS), max_size=1))
    made_up = [f"{toml_text(name)} = 1" for name in names]
    return "\n".join([*(f"{name} = {value}" for name, value in lines.items()), *made_up])


def numbers(value: Any) -> Iterator[float]:  # noqa: ANN401
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from numbers(one)
    elif isinstance(value, int | float):
        yield value


def check(settings: Settings | None) -> None:
    """What was read holds no number beyond all ranges, and no path that a later call could stumble over."""
    if settings is None:
        return
    assert all(math.isfinite(number) and abs(number) <= 2**31 for number in numbers(settings.model_dump()))
    for path in (settings.device.state_dir, settings.device.calibration_dir, settings.service.overlay_file):
        assert path.is_absolute()
        assert str(path).isprintable()


@effort(200)
@given(configurations())
def test_hostile_values_are_read_or_refused_in_one_line(text: str) -> None:
    check(result_or_refusal(lambda: parse(text, source="config.toml"), ConfigError, "config.toml"))


@effort(150)
@given(damaged(CONFIGURATION))
@example(CONFIGURATION[:-1] + b"\x00")
def test_damaged_files_are_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "janban.toml"
    file.write_bytes(content)
    check(result_or_refusal(lambda: load(file), ConfigError, "janban.toml"))
    result_or_refusal(lambda: load_estimate(file), ConfigError, "janban.toml")
