import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from appliance.errors import StoreError
from appliance.readings.browse import stored_readings
from appliance.readings.comparison import compare
from appliance.readings.measurement import Outcome
from appliance.readings.reading import Reading
from appliance.readings.schema import json_schema
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.readings.variant import Variant, VariantCompartment
from tests.readings.examples import compartment, draft, outcome, rejected

fractions = st.floats(0, 1)


def variant(**changes: object) -> Variant:
    values: dict[str, object] = {
        "name": "b",
        "path": "fallback",
        "compartments": (
            VariantCompartment(id=1, leftover=0.2, uncertainty=0.1),
            VariantCompartment(id=2, leftover=0.8, uncertainty=0.1),
        ),
        "leftover": 0.4,
        "latency_ms": 30.0,
    }
    return Variant(**{**values, **changes})


def reading(number: int, tested: Variant | None, **changes: object) -> Reading:
    return draft(outcome=outcome(variant=tested, **changes)).numbered(number)


def test_a_reading_without_a_variant_is_what_it_always_was() -> None:
    fields = json.loads(reading(1, None).to_json())
    assert "variant" not in fields
    assert "variant" not in json.loads(json_schema())["required"]


def test_a_variant_survives_the_payload() -> None:
    one = reading(1, variant())
    assert Reading.from_json(one.to_json()) == one
    assert json.loads(one.to_json())["variant"] == {
        "name": "b",
        "skipped": None,
        "path": "fallback",
        "compartments": [
            {"id": 1, "leftover": 0.2, "uncertainty": 0.1},
            {"id": 2, "leftover": 0.8, "uncertainty": 0.1},
        ],
        "leftover": 0.4,
        "latency_ms": 30.0,
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"skipped": "no time"}, "no numbers"),
        ({"leftover": None}, "needs its path"),
        ({"path": None}, "needs its path"),
        ({"compartments": ()}, "needs its path"),
        ({"compartments": (VariantCompartment(id=1, leftover=0.2, uncertainty=0.1),) * 2}, "ids repeat"),
        ({"name": "a/b"}, "pattern"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        variant(**changes)


def test_a_rejected_tray_has_no_variant() -> None:
    with pytest.raises(ValidationError, match="no numbers"):
        Outcome(**{**dict(rejected()), "variant": variant()})


def test_a_comparison_tells_means_agreement_cost_and_what_to_look_at() -> None:
    skipped = Variant(name="b", skipped="another tray waited")
    other = variant(name="a-new-one", leftover=0.6)
    readings = [
        reading(1, variant(latency_ms=10)),
        reading(
            2, variant(latency_ms=20, compartments=(VariantCompartment(id=1, leftover=0.9, uncertainty=0.1),))
        ),
        reading(3, variant(latency_ms=90)),
        reading(4, skipped),
        reading(5, None),
        draft(outcome=rejected()).numbered(6),
        reading(7, other),
    ]
    first, b = compare(readings)
    assert (first.name, first.trays) == ("a-new-one", 1)
    assert (b.name, b.trays, b.skipped) == ("b", 3, 1)
    assert (b.tray_a, b.tray_b, b.cost_ms) == (0.5, pytest.approx(0.4), 20.0)
    one, two = b.wells
    assert (one.id, one.trays) == (1, 3)
    assert one.a == pytest.approx(0.25)
    assert one.b == pytest.approx((0.2 + 0.9 + 0.2) / 3)
    assert one.apart == pytest.approx((0.05 + 0.65 + 0.05) / 3)
    assert one.agree == pytest.approx(2 / 3)
    assert (two.id, two.trays, two.agree) == (2, 2, 1.0)
    [unlike] = b.unlike
    assert (unlike.sequence, unlike.well) == (2, 1)


def test_where_all_were_skipped_only_that_is_told() -> None:
    [one] = compare([reading(1, Variant(name="b", skipped="no time"))])
    assert (one.trays, one.skipped, one.wells, one.unlike) == (0, 1, (), ())


@given(st.lists(st.tuples(fractions, fractions), min_size=1, max_size=20))
def test_comparisons_stay_within_what_was_read(pairs: list[tuple[float, float]]) -> None:
    readings = [
        reading(
            number,
            variant(compartments=(VariantCompartment(id=1, leftover=b, uncertainty=0.1),)),
            compartments=(compartment(id=1, leftover=a),),
        )
        for number, (a, b) in enumerate(pairs, 1)
    ]
    [one] = compare(readings)
    [well] = one.wells
    apart = [abs(a - b) for a, b in pairs]
    assert min(apart) - 1e-3 <= well.apart <= max(apart) + 1e-3
    assert well.trays == len(pairs)
    assert len(one.unlike) <= 5
    assert [u.apart for u in one.unlike] == sorted((u.apart for u in one.unlike), reverse=True)


def test_stored_readings_are_read_while_the_service_writes(tmp_path: Path) -> None:
    path = tmp_path / "readings.sqlite"
    with Store(path, StoreSettings()) as store:
        added = [store.add(draft(outcome=outcome(variant=variant()))) for _ in range(3)]
        assert list(stored_readings(path)) == added
        added.append(store.add(draft()))
        with sqlite3.connect(path) as other:
            other.execute("UPDATE reading SET payload = 'nonsense' WHERE sequence = 2")
        assert list(stored_readings(path)) == [added[0], *added[2:]]


def test_a_store_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such store"):
        list(stored_readings(tmp_path / "none.sqlite"))
    (tmp_path / "text.sqlite").write_text("this is no database at all, " * 50)
    with pytest.raises(StoreError, match="cannot be read") as told:
        list(stored_readings(tmp_path / "text.sqlite"))
    assert "\n" not in str(told.value)
    assert not list(tmp_path.glob("none*"))
