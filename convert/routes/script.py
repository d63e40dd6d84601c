"""Run a script of ours in a converter's environment."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from convert.child import run_logged
from convert.environment import python_of, variables_of

_ISOLATED: Final = ("-P", "-s", "-W", "ignore")
"""No folder of ours on the module path, no packages of the user's: the environment alone decides."""


def run_script(
    environment: str,
    script: str,
    arguments: Sequence[str | Path],
    scratch: Path,
    *,
    what: str,
    deadline_s: float,
) -> None:
    """Run `convert/routes/scripts/<script>`; its talk is appended to `scratch / "log"`. Raises `ToolError`.

    Its temporary files go to `scratch` too, where they end with it even if the script is killed.
    """
    variables = variables_of(environment) | {"TMPDIR": str(scratch)}
    with resources.as_file(resources.files("convert.routes.scripts") / script) as file:
        run_logged(
            (python_of(environment), *_ISOLATED, file, *arguments),
            scratch / "log", what=what, deadline_s=deadline_s, environment=variables,
        )  # fmt: skip
