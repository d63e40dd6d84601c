from pathlib import Path

from appliance.config import Settings
from appliance.doctor.commands import commands
from appliance.remote.settings import CommandSettings
from appliance.remote.signature import public_text
from tests.remote.operators import ALI


def test_operators_are_counted_and_a_wrong_file_is_told(settings: Settings, tmp_path: Path) -> None:
    assert (commands(settings).state, "none are taken" in commands(settings).found) == ("ok", True)
    file = tmp_path / "operators.toml"
    named = settings.model_copy(update={"commands": CommandSettings(operators=file, pictures=True)})
    missing = commands(named)
    assert (missing.state, "cannot be read" in missing.found) == ("fail", True)
    assert "docs/commands.md" in missing.advice
    file.write_text(f'[ali]\nkey = "{public_text(ALI.public_key())}"\ncommands = ["menu"]\n')
    found = commands(named)
    assert (found.state, found.found) == ("ok", "taken from 1 operators; pictures of trays may leave the box")
