"""Paths that lead to anything but a plain file: refused in one line, within bounds of time and memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.promise import assert_one_line
from tests.fuzz.readers import READERS

ROOT = Path(__file__).parents[2]
MOST_MB = 3000
"""Of addresses, most of them the libraries' and never touched; /dev/zero would fill any number."""

MOST_S = 20


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("special")
    paths = {name: folder / f"a.{name}.jpg" for name in ("pipe", "folder", "empty", "dangling", "loop")}
    os.mkfifo(paths["pipe"])
    paths["folder"].mkdir()
    paths["empty"].touch()
    paths["dangling"].symlink_to(folder / "nowhere")
    paths["loop"].symlink_to(paths["loop"])
    zeros, endless, null = (folder / f"{name}.jpg" for name in ("zeros", "endless", "null"))
    zeros.write_bytes(bytes(4096))
    endless.symlink_to("/dev/zero")
    null.symlink_to("/dev/null")
    beyond = folder / "beyond.jpg"
    with beyond.open("wb") as file:
        file.truncate(10 << 40)
    return paths | {
        "zeros": zeros,
        "endless": endless,
        "null": null,
        "beyond": beyond,
        "below a file": zeros / "a.jpg",
        "too long a name": folder / ("a" * 300),
        "too long a path": Path("/a" * 3000),
        "zero byte": folder / "a\0.jpg",
        "two lines": folder / "a\nb.jpg",
        "not UTF-8": folder / os.fsdecode(b"\xff.jpg"),
        "terminal": folder / "\x1b[2J\u202e.jpg",
    }


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_in_one_line(reader: str, special: dict[str, Path]) -> None:
    asked = "".join(f"{reader}\t{json.dumps(str(path))}\n" for path in special.values())
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.readers", str(MOST_MB), str(MOST_S)],
        input=asked,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    wrong = []
    for kind, answer in zip(special, map(json.loads, done.stdout.splitlines()), strict=True):
        error, message = answer
        if error is None and reader == "password" and kind in {"zeros", "beyond"}:
            continue  # whatever the first line of a file is, it may be the password
        if error != READERS[reader][1].__name__:
            wrong.append(f"{kind}: {error}: {message}")
        else:
            assert_one_line(message, "a" if kind.startswith("too long") else "")
    assert not wrong
