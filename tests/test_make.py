import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # `make test` hands its own flags on, which are not for these calls.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ("make", "--no-print-directory", *arguments),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def targets() -> set[str]:
    lines = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return set(" ".join(lines).split())


@pytest.mark.parametrize("arguments", [(), ("help",)])
def test_help_explains_every_target(arguments: tuple[str, ...]) -> None:
    explained = set(re.findall(r"^  ([a-z-]+)  +\S", make(*arguments).stdout, re.MULTILINE))
    assert explained == targets()


@pytest.mark.parametrize("target", sorted(targets()))
def test_targets_can_be_made(target: str) -> None:
    dry = make("--dry-run", target)
    assert dry.returncode == 0, dry.stderr
    for module in re.findall(r"-m ((?:appliance|benchmarks|convert|image)[\w.]*)", dry.stdout):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_a_python_that_will_not_do_is_named_in_a_clear_line(python: str) -> None:
    refused = make("--what-if=pyproject.toml", f"PYTHON={python}", "setup")
    assert refused.returncode != 0
    assert f"{python} is not Python 3.11 or later" in refused.stderr.splitlines()[0]
