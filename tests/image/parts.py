"""Parts of the build, called without building: its functions in a shell of their own."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
IMAGE = ROOT / "image"


def shell(
    words: str, parts: str = "common settings", settings: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `words` with the functions of image/<part>.sh."""
    sourced = "".join(f". '{IMAGE / part}.sh'\n" for part in parts.split())
    return subprocess.run(
        ("bash", "-euo", "pipefail", "-c", sourced + words),
        env={"PATH": os.environ["PATH"], **(settings or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
