import pickle

import pytest

from appliance.errors import LONGEST_MESSAGE, ConfigError, JanbanError, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202egpj", r"\u202egpj"),
        ("\udcff.jpg", r"\udcff.jpg"),
        ("밥.jpg", "밥.jpg"),
        (r"a\nb", r"a\nb"),
    ],
)
def test_a_message_is_one_line_whatever_a_file_is_called(name: str, shown: str) -> None:
    assert str(ConfigError(f"{name}: no such file")) == f"{shown}: no such file"
    assert printable(name) == shown


def test_an_endless_message_keeps_where_it_is_and_what_to_do() -> None:
    line = str(JanbanError("config.toml: " + "a" * 1_000_000 + ": is not a setting"))
    assert len(line) == LONGEST_MESSAGE
    assert line.startswith("config.toml: aaa")
    assert line.endswith("a: is not a setting")


def test_an_error_survives_the_way_between_processes() -> None:
    error = ConfigError("a\nb" * 1000)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - just written
    assert (type(again), str(again)) == (ConfigError, str(error))
