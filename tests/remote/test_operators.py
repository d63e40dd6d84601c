from pathlib import Path

import pytest

from appliance.errors import ConfigError
from appliance.remote.operators import load_operators
from appliance.remote.signature import public_text, sign
from tests.readings.clocks import SetClock
from tests.remote.operators import ALI, COOK, STRANGER, request

GOOD = f"""
[ali]
key = "{public_text(ALI.public_key())}"
commands = ["menu", "restart"]
[cook]
key = "{public_text(COOK.public_key())}"
commands = []
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "operators.toml"
    file.write_text(GOOD)
    file.chmod(0o640)
    return file


def test_who_signed_is_known_by_key(file: Path) -> None:
    operators = load_operators(file)
    assert len(operators) == 2
    asked = request(SetClock())
    ali, cook = (operators.who_signed(sign(asked, key)) for key in (ALI, COOK))
    assert ali is not None
    assert cook is not None
    assert (ali.name, ali.commands) == ("ali", {"menu", "restart"})
    assert (cook.name, cook.commands) == ("cook", set())
    assert operators.who_signed(sign(asked, STRANGER)) is None
    # Ali's name on the cook's signature.
    forged = sign(asked, COOK).model_copy(update={"key": sign(asked, ALI).key})
    assert operators.who_signed(forged) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[ali", "is not TOML"),
        ("\x00", "is not TOML"),
        ("ali = 1", "ali: Input should be"),
        ('["a/b"]\nkey = ""\ncommands = []', "a/b"),
        ('[ali]\nkey = "abc"\ncommands = []', "ali.key: is no public key"),
        (f'[ali]\nkey = "{"A" * 40}"\ncommands = []', "ali.key: is no public key"),
        (GOOD.replace("restart", "shell"), "ali.commands.1: Input should be 'recalibrate'"),
        (GOOD.replace("commands = []", ""), "cook.commands: Field required"),
        (GOOD + "admin = true", "cook.admin: Extra inputs"),
        (GOOD.replace(public_text(COOK.public_key()), public_text(ALI.public_key())), "have one key"),
    ],
)
def test_a_file_that_cannot_be_meant_is_one_clear_line(file: Path, text: str, why: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"commands\.operators") as caught:
        load_operators(file)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_anybody_may_write_is_not_trusted(file: Path) -> None:
    file.chmod(0o666)
    with pytest.raises(ConfigError, match="others than its owner may write it"):
        load_operators(file)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        load_operators(file)
