from pathlib import Path

import pytest

from tests.image.parts import shell

LAST_LINES = {
    "E: Failed to fetch http://archive.example/x.deb  Could not connect to archive.example:80": "registry",
    "error: Failed to fetch: `https://index.example/simple/numpy/`": "registry",
    "Err:1 http://archive.example trixie\n  Temporary failure resolving 'archive.example'": "registry",
    "dpkg: error: failed to write: No space left on device": "no space left",
    "E: Failed to fetch http://archive.example/y.deb  Hash Sum mismatch": "wrong hash",
    "error: Hash mismatch for `numpy==2.5.5`": "wrong hash",
    "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.": "wrong hash",
    "E: The repository 'http://archive.example trixie Release' does not have a Release file.": "check MIRROR",
    "a script fell over": "its last line: a script fell over",
}


@pytest.mark.parametrize(("said", "meaning"), LAST_LINES.items())
def test_a_failed_command_is_explained_in_one_line(tmp_path: Path, said: str, meaning: str) -> None:
    log = tmp_path / "log"
    words = f"""logged '{log}' "fetching" sh -c 'echo "$1"; exit 100' sh "$SAID"; echo went on"""
    failed = shell(words, settings={"SAID": said})
    assert failed.returncode == 1
    assert failed.stdout == ""
    (line,) = failed.stderr.splitlines()
    assert line.startswith("image: fetching: ")
    assert meaning in line
    assert log.read_text() == f"{said}\n"


def test_what_goes_well_is_only_logged(tmp_path: Path) -> None:
    went = shell(f"logged '{tmp_path / 'log'}' fetching echo fine")
    assert (went.returncode, went.stdout, went.stderr) == (0, "", "")


def test_the_key_of_something_cached_follows_words_and_contents(tmp_path: Path) -> None:
    file = tmp_path / "list"

    def key(contents: str, words: str) -> str:
        file.write_text(contents)
        return shell(f"key_of '{words}' '{file}'").stdout

    assert key("numpy", "trixie") == key("numpy", "trixie")
    assert len({key("numpy", "trixie"), key("scipy", "trixie"), key("numpy", "bookworm")}) == 3
