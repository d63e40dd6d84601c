"""What docs/commands.md shows is what the programs take."""

import shlex
from pathlib import Path

import pytest

from appliance.cli import _parser
from appliance.clock import SystemClock
from appliance.publish.topics import Topics
from appliance.remote.ask import make_request
from appliance.remote.operators import load_operators
from appliance.remote.request import ARGUMENTS

PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
SHELL = [
    line for block in PAGE.split("```sh\n")[1:] for line in block.split("```")[0].splitlines() if line.strip()
]
BOX = next(line for line in SHELL if line.startswith("BOX=")).removeprefix("BOX=").strip('"')
ASKED = [line.replace("$BOX", BOX) for line in SHELL if line.startswith("appliance command ")]


def test_every_command_has_an_example() -> None:
    assert {shlex.split(line)[2] for line in ASKED} == set(ARGUMENTS)


@pytest.mark.parametrize(
    "line", [line for line in SHELL if line.startswith("appliance operator-key")] + ASKED
)
def test_the_examples_are_what_the_command_line_takes(line: str) -> None:
    options = _parser().parse_args(shlex.split(line, comments=True)[1:])
    if hasattr(options, "arg"):
        box = Topics(options.site, options.device)
        request = make_request(box, options.name, dict(options.arg), options.timeout, SystemClock())
        assert set(request.args) == {key for key, _ in options.arg}


def test_the_file_of_operators_is_one(tmp_path: Path) -> None:
    file = tmp_path / "operators.toml"
    file.write_text(next(block for block in PAGE.split("```toml") if "[ali]" in block).split("```")[0])
    assert len(load_operators(file)) == 2
