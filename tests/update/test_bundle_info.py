import json

import pytest

from appliance.errors import UpdateError
from appliance.update.bundle import Bundle, read_info


def said(**other: object) -> str:
    return json.dumps({"compatible": "janban-debian", "version": "1", "build": "20261129120000", **other})


@pytest.mark.parametrize(
    ("fits", "kind"),
    [
        ("janban-debian", "system"),
        ("janban-raspios", "system"),
        ("janban-models", "models"),
        ("janban-menu", "menu"),
        ("something", "system"),
    ],
)
def test_a_bundle_says_what_it_is(fits: str, kind: str) -> None:
    assert read_info(said(compatible=fits)) == Bundle(kind, "1", "20261129120000")  # type: ignore[arg-type]


@pytest.mark.parametrize("built", [None, "", "yesterday", "2026112912000", "20261129120000x"])
def test_a_date_that_is_none_is_unknown(built: str | None) -> None:
    assert read_info(said(build=built)).built is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"compatible": "a"}'])
def test_words_of_rauc_that_are_none_are_one_line(text: str) -> None:
    with pytest.raises(UpdateError, match="tells nothing of the bundle"):
        read_info(text)


def test_a_bundle_is_not_older_than_nothing() -> None:
    Bundle("system", "1", None).check_age(None, "the system")
