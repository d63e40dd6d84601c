import contextlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from appliance import config_reference
from appliance.config import Settings, load, parse
from appliance.config_keys import Key, keys, models_of, toml
from appliance.errors import ConfigError
from appliance.estimate.parameters import BackProjectionParameters
from appliance.estimate.settings import EstimateSettings

EXAMPLE = Path(__file__).parents[1] / "docs" / "example.toml"
LEAST = '[device]\nsite = "canteen"\nname = "box"\n[camera]\nkind = "usb"\n'
KEYS = list(keys(Settings))
BINS = "[a whole number from 2 to 180, a whole number from 2 to 256]"


def fault(text: str) -> str:
    """The one line that refuses a configuration."""
    with pytest.raises(ConfigError) as refused:
        parse(text, source="config.toml")
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith("config.toml")
    return line


def test_the_example_can_be_used_as_it_is() -> None:
    settings = load(EXAMPLE)
    assert settings.camera.kind == "usb"
    assert settings.mqtt.tls is not None


def test_the_examples_comments_show_settings_that_exist() -> None:
    shown = re.sub(r"^# (?=\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    assert shown != EXAMPLE.read_text()
    assert parse(shown).mqtt.username == "return-line-1"


def test_the_reference_is_up_to_date() -> None:
    assert config_reference.PATH.read_text(encoding="utf-8") == config_reference.reference(), (
        "run make reference"
    )


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.name}-{key.kind}")
def test_every_key_says_what_it_is_and_accepts(key: Key) -> None:
    assert len(key.field.description or "") > 5
    assert (key.field.description or "").endswith(".")
    assert key.allowed != "a value"
    # Every number has a range.
    assert not re.search(r"number(?! (from|above) \S+ (to|up to) )", key.allowed)


def test_defaults_are_the_ones_that_the_reference_gives() -> None:
    """What the reference says can be written into a file, and changes nothing."""
    sections: dict[str, list[str]] = {}
    for key in KEYS:
        if key.default and key.kind in (None, "usb") and not key.name.startswith(("mqtt.tls", "variant")):
            section, _, name = key.name.rpartition(".")
            sections.setdefault(section, []).append(f"{name} = {key.default}\n")
    sections["device"] += ['site = "canteen"\n', 'name = "box"\n']
    text = "".join(f"[{section}]\n{''.join(lines)}" for section, lines in sections.items())
    assert parse(text) == parse(LEAST)


def test_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "janban.toml"
    file.write_text('[device]\nsite = "a"\nname = "b"\nstate_dir = "state"\n[camera]\nkind = "usb"\n')
    assert load(file).device.state_dir == tmp_path / "state"
    assert load(file).device.calibration_dir == Path("/var/lib/janban/calibration")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse(LEAST).mqtt.port = 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nport = 70000", "mqtt.port: 70000 is not allowed; use a whole number from 1 to 65535"),
        ('[mqtt]\nport = "1883"', 'mqtt.port: "1883" is not allowed; use a whole number from 1 to 65535'),
        ("[mqtt]\nport = true", "mqtt.port: true is not allowed; use a whole number from 1 to 65535"),
        ("[mqtt]\nport = 1883.5", "mqtt.port: 1883.5 is not allowed; use a whole number from 1 to 65535"),
        ('[mqtt]\nhost = ""', 'mqtt.host: "" is not allowed; use text of 1 to 253 characters'),
        ('[mqtt]\nprotocol = "4"', 'mqtt.protocol: "4" is not allowed; use "auto", "5" or "3.1.1"'),
        ("[deadline]\ntotal_s = nan", 'deadline.total_s: "nan" is not allowed; use a number from 1 to 6'),
        ("[deadline]\ntotal_s = 1e999", 'deadline.total_s: "1e999" is not allowed; use a number from 1 to 6'),
        (
            "[store]\nkeep_sent_days = 0",
            "store.keep_sent_days: 0 is not allowed; use a number above 0, up to 3650",
        ),
        ("[estimate]\nhist_bins = [180]", f"estimate.hist_bins: [180] is not allowed; use {BINS}"),
        ('[estimate]\nhist_bins = [1, "a"]', f"estimate.hist_bins: 1 is not allowed; use {BINS}"),
        ("[mqtt]\nprot = 1", "mqtt.prot: is not a setting; did you mean mqtt.port?"),
        ("[mqtt.tls]\ncertt = 1", "mqtt.tls.certt: is not a setting; did you mean mqtt.tls.cert?"),
        ("[mqttt]\nport = 1", "mqttt: is not a setting; did you mean mqtt?"),
        ("[mqtt]\ntotal_s = 5", "mqtt.total_s: is not a setting; did you mean deadline.total_s?"),
        ("[deadline]\nzzz = 1", "deadline.zzz: is not a setting; use one of total_s"),
        ('[mqtt.tls]\ncert = "a"', "mqtt.tls: cert and key belong together; give both or neither"),
    ],
)
def test_a_wrong_value_is_named_with_what_its_key_accepts(text: str, words: str) -> None:
    assert fault(LEAST + text) == f"config.toml: {words}"


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("camera = 3", "camera: 3 is not allowed; use a section, [camera], with kind"),
        ("", "camera: is missing; use a section, [camera], with kind"),
        (
            "[camera]",
            'camera.kind: is missing; use "picamera2", "usb", "replay" or "simulator"',
        ),
        (
            '[camera]\nkind = "webcam"',
            'camera.kind: "webcam" is not allowed; use "picamera2", "usb", "replay" or "simulator"',
        ),
        ('[camera]\nkind = "replay"', "camera.path: is missing; use a path"),
        (
            '[camera]\nkind = "usb"\nseed = 1',
            'camera.seed: is not a setting; it belongs to camera.kind = "simulator"',
        ),
    ],
)
def test_a_wrong_kind_of_camera(section: str, words: str) -> None:
    assert fault(section + '\n[device]\nsite = "a"\nname = "b"') == f"config.toml: {words}"


def test_several_faults_share_a_line() -> None:
    line = fault(LEAST + "[mqtt]\nport = 0\nkeepalive_s = 0\nin_flight = 0\nprot = 0\nhost = 0")
    assert line.count(" | ") == 3
    assert line.endswith(" | and 2 more")


@pytest.mark.parametrize(
    ("text", "line", "column"), [("a = ", 1, 5), ("[device]\nsite = x\n", 2, 8), ("a = [1,\n2", 2, 2)]
)
def test_what_is_not_toml_is_shown_by_line_and_column(text: str, line: int, column: int) -> None:
    assert fault(text).startswith(f"config.toml, line {line}, column {column}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mqtt]\nport = 0x" + "f" * 5000, "a whole number is far too long"),
        (".".join("a" * 300) + " = 1", "it nests too deep"),
        ('[mqtt]\nhost = "a\\u0000b"', "mqtt.host: holds characters that cannot be seen"),
        ('[models]\nfolder = "a\\nb"', "models.folder: holds characters that cannot be seen"),
        ('[mqtt]\n"a\\nb" = 1', r"mqtt.a\nb: is not a setting"),
    ],
    ids=["endless number", "deep", "zero byte", "two lines", "key of two lines"],
)
def test_what_would_break_whoever_uses_it_is_refused(text: str, words: str) -> None:
    assert words in fault(LEAST + text)


def test_a_date_is_text_and_a_path_all_the_same() -> None:
    text = LEAST + "[service]\noverlay_file = 1979-05-27"
    assert parse(text, folder=Path("/etc")).service.overlay_file == Path("/etc/1979-05-27")


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"janban\.toml: does not exist; copy docs/example\.toml"):
        load(tmp_path / "janban.toml")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = 1\x00", b"#" * 1_000_001])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "janban.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"janban\.toml"):
        load(file)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no configuration file"):
        load(tmp_path)


def test_windows_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "janban.toml"
    file.write_bytes(b"\xef\xbb\xbf" + LEAST.replace("\n", "\r\n").encode())
    assert load(file) == parse(LEAST)


def test_estimate_settings_are_the_parameters_of_back_projection() -> None:
    assert EstimateSettings().parameters() == BackProjectionParameters()


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=8)
PLAIN = st.one_of(st.integers(), st.floats(), st.booleans(), TEXT, st.dates(), st.lists(st.integers()))


@settings(max_examples=150)
@given(st.text(max_size=60))
@example("a = " + "[" * 5000)
@example("a = " + "9" * 5000)
@example("a.b = 1\na = 2")
@example("camera.kind = []")
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    fault(text)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from([key.name for key in KEYS]), PLAIN, max_size=5))
def test_any_values_are_read_or_refused_by_their_keys(values: dict[str, Any]) -> None:
    text = "".join(f"{name} = {as_toml(value)}\n" for name, value in values.items())
    tomllib.loads(text)
    line = fault(text)
    assert re.search(r"(device|camera)(\.\w+)?: ", line)


@given(st.sampled_from(KEYS), PLAIN)
def test_a_fault_names_no_other_key(key: Key, value: object) -> None:
    """One wrong value in a good file is refused under its own name, or under its section's."""
    camera = f'camera.kind = "{key.kind or "usb"}"\n' + (
        'camera.path = "x"\n' if key.kind == "replay" else ""
    )
    least = {
        line.partition(" = ")[0]: line
        for line in (camera + 'device.site = "a"\ndevice.name = "b"\n').splitlines()
    }
    least[key.name] = f"{key.name} = {as_toml(value)}"
    section = key.name.rpartition(".")[0]
    with contextlib.suppress(ConfigError), refused_as(key.name, section):
        parse("\n".join(least.values()), source="config.toml")


@contextlib.contextmanager
def refused_as(*names: str) -> Iterator[None]:
    """Let a refusal pass that names one of these keys first, and fail with any other."""
    try:
        yield
    except ConfigError as error:
        if not any(str(error).startswith(f"config.toml: {name}: ") for name in names):
            raise AssertionError(f"{error} names none of {names}") from error
        raise


def as_toml(value: object) -> str:
    if isinstance(value, float):
        return repr(value)
    return toml(value) if not hasattr(value, "isoformat") else value.isoformat()


def test_models_are_frozen_and_closed() -> None:
    def models(model: type[BaseModel]) -> set[type[BaseModel]]:
        inner = {m for field in model.model_fields.values() for m in models_of(field)}
        return {model}.union(*(models(m) for m in inner))

    for model in models(Settings):
        assert model.model_config.get("frozen"), model
        assert model.model_config.get("extra") == "forbid", model
