import random
from typing import Annotated, Literal, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, model_validator

from appliance.estimate.settings import EstimateSettings
from appliance.tune.domain import Choice, Number, Row, domain
from appliance.tune.space import Space

chances = st.randoms(use_true_random=False)
steps = st.floats(0.01, 1.0)
SPACE = Space(EstimateSettings())
CHANCE = random.Random(1)  # noqa: S311 - no secrets here


class Anything(BaseModel):
    """A model as later versions may have it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.5, gt=0, lt=1)
    count: Annotated[int, Field(ge=3, le=7)] = 3
    mode: Literal["a", "b"] = "a"
    pair: tuple[Annotated[int, Field(ge=0, le=5)], bool] = (0, False)
    of_b: int = Field(default=4, ge=0, le=9, json_schema_extra={"when": {"mode": "b"}})
    open_ended: float = Field(default=1.0, ge=0)
    text: str = "stays"
    nothing: int | None = None

    @model_validator(mode="after")
    def _odd(self) -> Self:
        if self.count == 5:
            raise ValueError("five is right out")
        return self


@st.composite
def numbers(draw: st.DrawFn) -> Number:
    whole = draw(st.booleans())
    ends = st.integers(-1000, 1000) if whole else st.floats(-1e4, 1e4)
    low = draw(ends)
    high = draw(ends.filter(lambda end: end >= low))
    return Number(low, high, whole)


@given(numbers(), chances, steps)
def test_numbers_stay_in_their_range_and_move(number: Number, chance: random.Random, step: float) -> None:
    value = number.draw(chance)
    assert number.low <= value <= number.high
    for other in number.near(value, step):
        assert number.low <= other <= number.high
        assert other != value
        assert not number.whole or other == int(other)


@given(st.integers(2, 40), st.integers(41, 5000), chances)
def test_whole_numbers_reach_both_neighbours_with_a_small_step(
    low: int, high: int, chance: random.Random
) -> None:
    number = Number(low, high, whole=True)
    value = number.draw(chance)
    near = number.near(value, 1e-6)
    assert near == [n for n in (value - 1, value + 1) if low <= n <= high]


def test_scales_are_drawn_by_their_ratio() -> None:
    number = Number(2, 512, whole=True)
    drawn = [number.draw(CHANCE) for _ in range(400)]
    assert 0.4 < sum(value <= 32 for value in drawn) / len(drawn) < 0.6


def test_a_range_that_begins_just_above_nothing_is_drawn_evenly() -> None:
    number = domain(Annotated[float, Field(gt=0, le=1)])
    assert isinstance(number, Number)
    drawn = [number.draw(CHANCE) for _ in range(400)]
    assert 0.4 < sum(value > 0.5 for value in drawn) / len(drawn) < 0.6
    assert number.near(0.5, 0.1) == [0.4, 0.6]


def test_types_become_what_they_allow() -> None:
    assert domain(bool) == Choice((False, True))
    assert domain(Literal["x", "y"]) == Choice(("x", "y"))
    assert domain(Annotated[int, Field(gt=0, lt=10)]) == Number(1, 9, whole=True)
    assert domain(tuple[bool, bool]) == Row((Choice((False, True)),) * 2)
    for fixed in (
        str,
        int,
        float,
        int | None,
        tuple[int, ...],
        tuple[bool, str],
        Literal["x"],
        dict[str, int],
    ):
        assert domain(fixed) is None


@pytest.mark.parametrize("space", [SPACE, Space(Anything(text="kept", open_ended=7.0))], ids=["real", "any"])
@given(chance=chances, step=steps)
def test_whatever_is_drawn_is_valid_and_says_only_what_means_something(
    space: Space[BaseModel], chance: random.Random, step: float
) -> None:
    base = space.base
    settings = space.draw(chance)
    for one in (
        settings,
        *(n for name in space.searched(settings) for n in space.near(settings, name, step)),
    ):
        assert type(base).model_validate_json(one.model_dump_json()) == one
        meaningful = space.meaningful(one)
        # What has no meaning is the base's: writing only the rest gives the same settings again.
        assert type(base).model_validate({**dict(base), **meaningful}) == one
        assert set(space.searched(one)) <= set(meaningful)
    if isinstance(settings, Anything):
        assert (settings.text, settings.open_ended) == ("kept", 7.0)


@given(chances)
def test_a_parameter_without_meaning_is_not_searched(chance: random.Random) -> None:
    settings = SPACE.draw(chance)
    searched = set(SPACE.searched(settings))
    assert ("thresh" in searched) == (settings.method == "study" and not settings.use_percentile)
    assert ("food_percent" in searched) == (settings.method == "study" and settings.use_percentile)


@given(chances)
def test_what_shall_be_kept_is_kept(chance: random.Random) -> None:
    space = Space(EstimateSettings(method="study", thresh=7), keep=["method", "thresh"])
    settings = space.draw(chance)
    assert (settings.method, settings.thresh) == ("study", 7)
    assert {"method", "thresh"}.isdisjoint(space.searched(settings))


def test_all_choices_can_be_drawn() -> None:
    drawn = [SPACE.draw(CHANCE) for _ in range(200)]
    assert {one.method for one in drawn} == {"ratio", "study"}
    assert {one.use_channels for one in drawn} == {"H+S", "H+V", "S+V"}


def test_a_model_that_refuses_everything_is_told() -> None:
    class Never(Anything):
        @model_validator(mode="after")
        def _never(self) -> Self:
            raise ValueError("no")

    with pytest.raises(ValueError, match="refuses its own ranges"):
        Space(Never.model_construct(**dict(Anything()))).draw(CHANCE)
