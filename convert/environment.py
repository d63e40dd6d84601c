"""The converters' environments: Pythons with pinned packages that clash with the workshop's own."""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from tqdm import tqdm

from convert.child import run_logged
from convert.errors import ToolError

NAMES: Final = ("onnx2tf", "onnx-tf")
"""Each has a lock in `convert/environments`."""

PYTHON_VARIABLE: Final = "JANBAN_PYTHON311"
CACHE_VARIABLE: Final = "JANBAN_CACHE"

_MARKER: Final = "complete"
_DIGEST_LENGTH: Final = 12
_BUILD_DEADLINE_S: Final = 3600.0
_PROBE: Final = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))"
_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def python_of(name: str) -> Path:
    """Return the Python of an environment; the first call builds it, which takes minutes and is shown.

    Two callers at a time build it once. Raises `ToolError` where there is no Python 3.11, where the cache
    cannot be written, or with pip's last line.
    """
    folder = folder_of(name)
    if not is_built(name):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _sole_builder(folder):
                if not is_built(name):
                    _build(name, folder)
        except OSError as error:
            raise ToolError(
                f"{error.filename or folder}: the environment {name} cannot be built ({error.strerror});"
                f" {CACHE_VARIABLE} names another folder for it"
            ) from None
    return folder / "bin" / "python"


def folder_of(name: str) -> Path:
    """Return where an environment lies or will lie; a changed lock gives another folder."""
    digest = hashlib.sha256(_lock(name).encode()).hexdigest()[:_DIGEST_LENGTH]
    return _cache() / f"{name}-{digest}"


def is_built(name: str) -> bool:
    """Tell whether an environment is there and complete."""
    return (folder_of(name) / _MARKER).exists()


def remove(name: str) -> None:
    """Remove an environment if there, and those of its earlier locks. Raises `ToolError` where one stays."""
    for folder in folder_of(name).parent.glob(f"{name}-{'[0-9a-f]' * _DIGEST_LENGTH}"):
        try:
            with _sole_builder(folder):
                (folder / _MARKER).unlink(missing_ok=True)
                shutil.rmtree(folder)
        except OSError as error:
            raise ToolError(f"{folder}: cannot be removed ({error.strerror})") from None


def versions_of(name: str) -> dict[str, str]:
    """Return package → version, as the lock pins them."""
    return dict(_PINNED.findall(_lock(name)))


def variables_of(name: str) -> dict[str, str]:
    """Return the variables for a process of an environment: its tools are on PATH, its results repeatable."""
    hidden = ("PYTHON", "VIRTUAL_ENV", "CONDA_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(hidden)}
    return kept | {
        "PATH": os.pathsep.join((str(folder_of(name) / "bin"), os.environ.get("PATH", os.defpath))),
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "-1",
        # oneDNN sums in another order on every kind of processor.
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _build(name: str, folder: Path) -> None:
    """Build in place, for a virtual environment cannot be moved; the marker comes last: it is whole."""
    base = _base_python()
    if folder.exists():
        shutil.rmtree(folder)
    log = folder.with_name(f"{folder.name}.log")
    log.write_bytes(b"")
    variables = variables_of(name)
    try:
        run_logged(
            (base, "-m", "venv", folder), log, what=f"{base} -m venv", deadline_s=300, environment=variables
        )
        _install(name, folder, log, variables)
        (folder / _MARKER).touch()
    except ToolError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ToolError(f"the environment {name} cannot be built: {error}; see {log}") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    log.unlink()


def _install(name: str, folder: Path, log: Path, variables: dict[str, str]) -> None:
    packages = len(versions_of(name))
    with (
        resources.as_file(_lock_file(name)) as lock,
        tqdm(total=packages + 1, desc=f"environment {name}", unit="package", file=sys.stderr) as progress,
    ):

        def show(line: str) -> None:
            if line.startswith("Collecting "):
                progress.update()
            elif line.startswith("Installing collected packages"):
                progress.set_postfix_str("installing")

        run_logged(
            (
                folder / "bin" / "python", "-m", "pip", "install", "--no-deps", "--require-hashes",
                "--only-binary", ":all:", "--no-input", "--disable-pip-version-check",
                "--progress-bar", "off", "-r", lock,
            ),
            log, what="pip install", deadline_s=_BUILD_DEADLINE_S, environment=variables, on_line=show,
        )  # fmt: skip
        progress.update(progress.total - progress.n)


def _base_python() -> str:
    """Return a Python 3.11 with venv: TensorFlow of these pins has no wheels for later ones."""
    named = os.environ.get(PYTHON_VARIABLE)
    candidates = [named] if named else [sys.executable, "python3.11"]
    for candidate in candidates:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            asked = subprocess.run(  # noqa: S603 - the maintainer's own choice of a Python
                [candidate, "-c", _PROBE], check=False, capture_output=True, timeout=60
            )
            if asked.returncode == 0:
                return candidate
    where = f"{PYTHON_VARIABLE}={named} is none" if named else "there is none on PATH"
    raise ToolError(
        f"the converters need a Python 3.11 with venv, and {where}; install python3.11 and python3.11-venv,"
        f" or name a Python by {PYTHON_VARIABLE}"
    )


@contextlib.contextmanager
def _sole_builder(folder: Path) -> Iterator[None]:
    """Hold an environment's lock file; whoever waits says so."""
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"convert: waiting for another process that builds {folder.name}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _cache() -> Path:
    own = os.environ.get(CACHE_VARIABLE)
    if own:
        return Path(own).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute() / "janban"


def _lock_file(name: str) -> resources.abc.Traversable:
    return resources.files("convert") / "environments" / f"{name}.txt"


def _lock(name: str) -> str:
    if name not in NAMES:
        raise ToolError(f"there is no environment {name}; there are {', '.join(NAMES)}")
    return _lock_file(name).read_text(encoding="utf-8")
