"""Environments of the converters, built by a Python that is a shell script."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from convert import environment
from convert.cli import main
from convert.errors import ToolError
from tests.convert.fake_python import fake_python


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(environment.CACHE_VARIABLE, str(folder))
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(fake_python(tmp_path)))
    return folder


def build_with(tmp_path: Path, **script: str) -> None:
    fake_python(tmp_path, **script)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", environment.NAMES)
def test_locks_pin_every_package_by_hash_and_name_no_host(name: str) -> None:
    folder = Path(environment.__file__).parent / "environments"
    lock = (folder / f"{name}.txt").read_text()
    pinned = environment.versions_of(name)
    requirements = re.findall(r"^\S.*(?:\n[ ]{4}.*)*", lock, re.MULTILINE)
    assert len(requirements) == len(pinned) > 30
    assert all("--hash=sha256:" in requirement for requirement in requirements)
    for text in (lock, (folder / f"{name}.in").read_text()):
        assert "://" not in text
        assert "index" not in text
    wanted = dict(re.findall(r"^([\w.-]+)==(\S+)", (folder / f"{name}.in").read_text(), re.MULTILINE))
    assert wanted.items() <= pinned.items()


def test_the_first_use_builds_and_the_second_does_not(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    python = environment.python_of("onnx2tf")
    assert python.is_file()
    assert python.is_relative_to(cache)
    assert "environment onnx2tf" in capsys.readouterr().err
    build_with(tmp_path, venv="exit 9")
    assert environment.python_of("onnx2tf") == python
    assert [path.suffix for path in cache.iterdir() if path.is_file()] == [".lock"]


def test_another_lock_is_another_environment(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = environment.folder_of("onnx2tf")
    monkeypatch.setattr(environment, "_lock", lambda _name: "numpy==2.0.0")
    assert environment.folder_of("onnx2tf") != before
    assert before.parent == cache


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"pip": "echo 'ERROR: No matching distribution found for onnx2tf==1.29.24' >&2; exit 1"},
         "pip install failed: ERROR: No matching distribution found for onnx2tf==1.29.24"),
        ({"venv": "echo 'ensurepip is not available'; exit 1"}, "-m venv failed: ensurepip is not available"),
    ],
)  # fmt: skip
def test_a_failed_build_says_why_and_leaves_only_its_log(
    cache: Path, tmp_path: Path, script: dict[str, str], message: str
) -> None:
    build_with(tmp_path, **script)
    with pytest.raises(ToolError, match=re.escape(message)) as caught:
        environment.python_of("onnx-tf")
    assert "\n" not in str(caught.value)
    (log,) = cache.glob("*.log")
    assert str(log) in str(caught.value)
    assert [path for path in cache.iterdir() if path.is_dir()] == []
    build_with(tmp_path)
    assert environment.python_of("onnx-tf").is_file()
    assert list(cache.glob("*.log")) == []


@pytest.mark.usefixtures("cache")
def test_leftovers_of_a_broken_build_are_replaced() -> None:
    leftover = environment.folder_of("onnx2tf") / "lib" / "half"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("cut off by a power cut")
    environment.python_of("onnx2tf")
    assert not leftover.exists()
    assert environment.is_built("onnx2tf")


def test_two_builders_at_a_time_build_once(cache: Path, tmp_path: Path) -> None:
    count = tmp_path / "count"
    build_with(tmp_path, pip=f"echo one >> {count}; sleep 0.5")
    builders = [threading.Thread(target=environment.python_of, args=("onnx2tf",)) for _ in range(3)]
    for builder in builders:
        builder.start()
    for builder in builders:
        builder.join()
    assert count.read_text() == "one\n"
    assert cache.exists()


def test_without_python_3_11_it_says_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_python(tmp_path, version_status=1)
    with pytest.raises(ToolError, match=r"need a Python 3\.11 .* is none; install"):
        environment.python_of("onnx2tf")
    monkeypatch.delenv(environment.PYTHON_VARIABLE)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3.11"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="there is none on PATH"):
        environment.python_of("onnx2tf")
    assert not any(path.is_dir() for path in cache.iterdir())


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(environment.CACHE_VARIABLE, str(tmp_path / "file"))
    with pytest.raises(ToolError, match=r"cannot be built \(.*\); JANBAN_CACHE names another folder"):
        environment.python_of("onnx2tf")


def test_its_processes_find_its_tools_and_nothing_of_ours(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.setenv(name, "/ours")
    variables = environment.variables_of("onnx2tf")
    asked = subprocess.run(["env"], env=variables, capture_output=True, text=True, check=True).stdout
    assert "/ours" not in asked
    assert variables["PATH"].startswith(f"{environment.folder_of('onnx2tf') / 'bin'}:")
    assert cache in environment.folder_of("onnx2tf").parents


def test_the_command_lists_builds_and_removes(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "--list"]) == 0
    assert capsys.readouterr().out.count("not built") == 2
    assert main(["env", "onnx2tf", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["environment"], told["built"], told["change"]) == ("onnx2tf", True, "built")
    assert Path(told["folder"]).parent == cache
    (cache / "onnx2tf-0123456789ab" / "bin").mkdir(parents=True)
    assert main(["env", "onnx2tf", "--remove"]) == 0
    assert "onnx2tf: removed" in capsys.readouterr().out
    assert not any(path.is_dir() for path in cache.iterdir())
    assert main(["env", "onnx2tf", "--remove"]) == 0
    assert "onnx2tf: not built" in capsys.readouterr().out


def test_an_unknown_name_is_refused_before_anything_is_built(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["env", "onnx2tf", "onnx3tf"]) == 1
    assert "there is no environment onnx3tf; there are onnx2tf, onnx-tf" in capsys.readouterr().err
    assert not cache.exists()
