import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.update.autoboot import MOST_BYTES, PARTITIONS, Autoboot, parse
from tests.update.boxes import FRESH, firmware

STATES = st.builds(
    Autoboot, st.sampled_from(["A", "B"]), st.booleans(), st.sampled_from(["none", "wanted", "begun"])
)


@given(STATES)
def test_what_is_written_is_read(state: Autoboot) -> None:
    assert parse(state.text()) == state


@given(STATES)
def test_the_firmware_starts_the_default_and_tries_the_spare(state: Autoboot) -> None:
    assert len(state.text()) <= MOST_BYTES
    assert firmware(state.text(), tryboot=False) == PARTITIONS[state.default]
    assert firmware(state.text(), tryboot=True) == PARTITIONS[state.spare]


def test_a_fresh_card_starts_from_a_and_has_nothing_to_spare() -> None:
    assert parse(FRESH) == Autoboot("A", spare_good=False, trial="none")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[all]",
        "boot_partition=2",
        FRESH.replace("tryboot_a_b=1", "tryboot_a_b=0"),
        FRESH.replace("=2", "=1"),
        FRESH.replace("=3", "=2"),
        FRESH.replace("=3", "=²"),
        FRESH + "[all]\nboot_partition=3\n",
    ],
)
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(text)


@given(st.binary(max_size=600))
def test_nonsense_is_refused_in_one_way(nonsense: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse(nonsense.decode(errors="replace"))


@given(STATES, st.integers(0, 511), st.binary(min_size=1, max_size=1))
def test_a_damaged_file_is_refused_or_means_what_it_says(state: Autoboot, at: int, put: bytes) -> None:
    damaged = bytearray(state.text().encode())
    damaged[at % len(damaged) : at % len(damaged) + 1] = put
    text = damaged.decode(errors="replace")
    try:
        read = parse(text)
    except ValueError:
        return
    assert {read.default, read.spare} == {"A", "B"}
    assert read.default == state.default
