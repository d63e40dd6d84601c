import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MenuError
from appliance.menu.menu import FILE_NAME, LONGEST, SHORTEST, Meal, Menu, load_menu

EXAMPLE = Path(__file__).parents[2] / "docs/menu-example.toml"
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
HEAD = 'schema = "janban.menu/1"\n'


def meal(begins: str, ends: str, *, name: str = "비빔밥", more: str = "") -> str:
    day = "2026-12-01T"
    return f'[[meal]]\nname = "{name}"\nfrom = {day}{begins}+09:00\nuntil = {day}{ends}+09:00\n{more}\n'


def load(folder: Path, text: str) -> Menu:
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    return load_menu(folder)


def test_the_example_is_a_menu(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / FILE_NAME)
    menu = load_menu(tmp_path)
    lunch = menu.at(datetime(2026, 12, 1, 2, 30, tzinfo=UTC))
    assert lunch is not None
    assert lunch.name == "불고기 덮밥"
    menu.check_for("my-canteen", "line-1")


def test_every_line_of_the_example_that_is_commented_out_works_too(tmp_path: Path) -> None:
    (tmp_path / "bibimbap.png").touch()
    text = EXAMPLE.read_text(encoding="utf-8").replace("# full =", "full =")
    assert load(tmp_path, text).pictures == ["bibimbap.png"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "schema: Field required"),
        (
            'schema = "janban.menu/2"\n' + meal("11:00:00", "12:00:00"),
            "schema: Input should be 'janban.menu/1'",
        ),
        (HEAD, "meal: Field required"),
        (HEAD + "meal = 3", "meal: Input should be a valid tuple"),
        (HEAD + meal("11:00:00", "11:09:59"), r"meal[1]: a meal lasts from 10 minutes to 24 hours"),
        (HEAD + meal("12:00:00", "11:00:00"), "a meal lasts from 10 minutes"),
        (
            HEAD + meal("11:00:00", "12:00:00").replace("+09:00", "", 1),
            "meal[1].from: Input should have timezone",
        ),
        (HEAD + meal("11:00:00", "12:00:00", name=""), "meal[1].name"),
        (
            HEAD + meal("11:00:00", "12:00:00") + meal("11:30:00", "13:00:00", name="b"),
            "b begins before 비빔밥 ends",
        ),
        (HEAD + meal("11:00:00", "12:00:00", more="price = 1"), "meal[1].price: Extra inputs"),
        (HEAD + meal("11:00:00", "12:00:00", more='full = "../a.png"'), "meal[1].full"),
        (HEAD + meal("11:00:00", "12:00:00", more='full = "a.png"'), "device is needed with pictures"),
        (HEAD + 'device = "b"\n' + meal("11:00:00", "12:00:00", more='full = "a.png"'), "a.png: is missing"),
        ('schema = "janban', "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_menu_is_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(MenuError) as caught:
        load(tmp_path, text)
    assert why in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_menu_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MenuError, match=r"menu.toml: does not exist; write one as docs/menu-example.toml"):
        load_menu(tmp_path)


def test_a_picture_that_is_a_link_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(EXAMPLE)
    with pytest.raises(MenuError, match="is missing"):
        load(tmp_path, HEAD + 'device = "b"\n' + meal("11:00:00", "12:00:00", more='full = "a.png"'))


@pytest.mark.parametrize(("site", "device"), [("canteen", "line-2"), ("other", "line-1")])
def test_a_menu_is_for_whom_it_says(tmp_path: Path, site: str, device: str) -> None:
    text = HEAD + 'site = "canteen"\ndevice = "line-1"\n' + meal("11:00:00", "12:00:00")
    menu = load(tmp_path, text)
    menu.check_for("canteen", "line-1")
    with pytest.raises(MenuError, match="the menu is for the"):
        menu.check_for(site, device)


@given(
    st.lists(st.tuples(st.integers(10, 1440), st.integers(0, 600)), min_size=1, max_size=20),
    st.integers(0, 40000),
)
def test_at_most_one_meal_is_served_and_it_is_the_one_whose_time_it_is(
    lengths: list[tuple[int, int]], minute: int
) -> None:
    meals, begins = [], NOON
    for number, (length, pause) in enumerate(lengths):
        ends = begins + timedelta(minutes=length)
        meals.append(Meal(name=str(number), begins=begins, ends=ends))
        begins = ends + timedelta(minutes=pause)
    menu = Menu(schema_id="janban.menu/1", meals=tuple(meals))
    moment = NOON + timedelta(minutes=minute)
    served = [one for one in meals if one.begins <= moment < one.ends]
    assert ([] if menu.at(moment) is None else [menu.at(moment)]) == served


def test_the_bounds_are_meals() -> None:
    for length in (SHORTEST, LONGEST):
        Meal(name="a", begins=NOON, ends=NOON + length)
