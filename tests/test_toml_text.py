import math
import tomllib

import pytest

from appliance.toml_text import parse_toml


def test_what_people_write_is_read() -> None:
    outline = "[" + ", ".join("[1.25, 2.5]" for _ in range(400)) + "]"
    assert len(parse_toml(f"outline_mm = {outline}")["outline_mm"]) == 400
    assert parse_toml("a.b = 0x1F\n[c]\nd = 1.5", lambda digits: f"<{digits}>") == {
        "a": {"b": 31},
        "c": {"d": "<1.5>"},
    }


def test_what_is_no_toml_says_where() -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="line 2, column 5"):
        parse_toml("a = 1\nb = x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (".".join("a" * 50_000) + " = 1", "more than 1000 points"),
        (".".join("a" * 500) + " = 1", "nests too deep"),
        ("[" + ".".join("a" * 500) + "]", "nests too deep"),
        ("a = " + "[" * 150 + "]" * 150, "nests too deep"),
        ("a = " + "[" * 50_000, "nests too deep"),
        ("a = 0x" + "f" * 5000, "far too long"),
        ("a = " + "9" * 5000, "5000 digits"),
        ("a = [{b = 0x" + "f" * 5000 + "}]", "far too long"),
    ],
)
def test_what_would_take_for_ever_or_break_whoever_reads_on_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_toml(text)


def test_numbers_may_be_as_long_as_numbers_are() -> None:
    assert parse_toml(f"a = {2**64}\nb = {'9' * 300}\nc = nan")["a"] == 2**64
    assert math.isnan(parse_toml("c = nan")["c"])
