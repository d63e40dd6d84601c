"""A fusion from a file: what it says, where it steps back, and what is not one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ModelError
from appliance.estimate.amount import DishKind
from appliance.estimate.estimate import Estimate
from appliance.estimate.fusion import ESTIMATORS
from appliance.estimate.fusion_rule import by_study
from appliance.estimate.learned_fusion import Curve, LearnedFusion, fusion_of, load_fusion

SHA256 = {"midas": "a" * 64, "resnet": "b" * 64}


def dish(*weights: float, bend: float = 0.0, tilt: float = 0.0, **spread: float) -> dict[str, Any]:
    return {
        "weights": dict(zip(ESTIMATORS, weights, strict=True)),
        "curve": {"bend": bend, "tilt": tilt},
        "spread": {"least": 0.0004, "middle": 0.0, "apart": 0.0, "own": 0.0, **spread},
    }


def content(**changed: object) -> dict[str, Any]:
    return {
        "schema": "janban.fusion/1",
        "weights_sha256": SHA256,
        "solid": dish(0.5, 0.3, 0.2, bend=-0.4, apart=1.0),
        "liquid": dish(0.8, 0.0, 0.2, middle=0.04),
        "fitted_on": [],
        **changed,
    }


FUSION = LearnedFusion.model_validate(content())


def three(*leftovers: float, flags: tuple[str, ...] = ()) -> dict[str, Estimate]:
    return {
        name: Estimate(leftover, 0.01, 0.9, flags)
        for name, leftover in zip(ESTIMATORS, leftovers, strict=True)
    }


def test_each_kind_has_its_weights_and_its_curve() -> None:
    solid = FUSION.join(three(0.4, 0.6, 0.6), "solid")
    assert solid.weights == pytest.approx(dict(zip(ESTIMATORS, (0.5, 0.3, 0.2), strict=True)))
    assert solid.estimate.leftover == pytest.approx(0.5 - 0.4 * 0.25)
    liquid = FUSION.join(three(0.4, 0.9, 0.6), "liquid")
    assert liquid.estimate.leftover == pytest.approx(0.44)
    assert liquid.weights["depth"] == 0


def test_disagreement_makes_unsure() -> None:
    agreeing = FUSION.join(three(0.5, 0.5, 0.5), "solid").estimate
    apart = FUSION.join(three(0.3, 0.7, 0.7), "solid").estimate
    assert agreeing.uncertainty == pytest.approx(0.02)
    hidden = {name: replace(one, uncertainty=0.3) for name, one in three(0.5, 0.5, 0.5).items()}
    assert FUSION.join(hidden, "solid").estimate.uncertainty == pytest.approx(0.3)
    assert apart.uncertainty == pytest.approx((0.0004 + 0.04) ** 0.5)


def test_what_it_was_not_fitted_to_is_joined_by_the_study() -> None:
    without_reference = three(0.4, 0.6, 0.6, flags=("no_full_reference",))
    assert FUSION.join(without_reference, "solid") == by_study(without_reference, "solid")
    alone = {"back_projection": Estimate(0.3, 0.1, 0.9)}
    assert FUSION.join(alone, "solid") == by_study(alone, "solid")
    assert FUSION.join(three(0, 0, 0), "unserved") == by_study(three(0, 0, 0), "unserved")


@given(st.tuples(*[st.floats(0, 1)] * 3), st.sampled_from(["solid", "liquid"]))
def test_readings_stay_readings(leftovers: tuple[float, float, float], kind: DishKind) -> None:
    joined = FUSION.join(three(*leftovers), kind)
    assert 0 <= joined.estimate.leftover <= 1
    assert 0 < joined.estimate.uncertainty <= 0.5
    assert sum(joined.weights.values()) == pytest.approx(1, abs=1e-3)


@given(st.floats(0, 1), st.floats(0, 1))
def test_more_food_never_reads_as_less(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert (
        FUSION.join(three(low, low, low), "solid").estimate.leftover
        <= FUSION.join(three(high, high, high), "solid").estimate.leftover + 1e-12
    )


def test_a_curve_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="more food would read as less"):
        Curve(bend=-1.5, tilt=0.0)


def written(folder: Path, **changed: object) -> Path:
    path = folder / "fusion.json"
    path.write_text(json.dumps(content(**changed)))
    return path


def test_a_file_of_these_networks_is_taken(tmp_path: Path) -> None:
    rule, fault = fusion_of(written(tmp_path), {**SHA256, "other": None})
    assert fault is None
    assert rule(three(0.4, 0.6, 0.6), "solid") == FUSION.join(three(0.4, 0.6, 0.6), "solid")


@pytest.mark.parametrize(
    "weights", [{}, {"midas": "a" * 64}, {**SHA256, "resnet": "c" * 64}, {**SHA256, "midas": None}]
)
def test_a_file_of_other_networks_is_not(tmp_path: Path, weights: dict[str, str | None]) -> None:
    rule, fault = fusion_of(written(tmp_path), weights)
    assert rule is by_study
    assert fault is not None
    assert "was fitted to other networks; make it anew with convert fusion" in fault


def test_an_absent_file_is_told_and_the_study_stands_in(tmp_path: Path) -> None:
    rule, fault = fusion_of(tmp_path / "fusion.json", SHA256)
    assert rule is by_study
    assert fault is not None
    assert "No such file" in fault
    assert "the study's rule" in fault


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"schema": "janban.fusion/2"}, "schema"),
        ({"solid": dish(0.5, 0.3, 0.3)}, "weights add up to 1.1000, not to 1"),
        ({"solid": dish(0.5, 0.3, 0.2, bend=float("nan"))}, "solid.curve.bend"),
        ({"liquid": dish(0.5, 0.3, 0.2, least=-1.0)}, "liquid.spread.least"),
        ({"surprise": 1}, "surprise"),
        ({"weights_sha256": {}}, "weights_sha256"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError) as refused:
        load_fusion(written(tmp_path, **changed))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_json_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "fusion.json").write_bytes(b"\xff not json")
    with pytest.raises(ModelError, match=r"fusion\.json: the file: .*make it anew"):
        load_fusion(tmp_path / "fusion.json")
