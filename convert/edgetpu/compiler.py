"""Runs the real Edge TPU compiler on models that shall share the on-chip memory, all or nothing."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.files import sync_folder
from convert.atomic import write_whole
from convert.child import run_logged
from convert.edgetpu.check import Check, check
from convert.edgetpu.log import CompilerLog, ModelLog, parse_log
from convert.edgetpu.package import CUSTOM_OPERATOR
from convert.edgetpu.status import Status
from convert.errors import ConvertError, ModelFileError, ToolError
from convert.tflite.graph import read_graph

COMPILER: Final = "edgetpu_compiler"
VARIABLE: Final = "EDGETPU_COMPILER"
LOG_NAME: Final = "edgetpu_compiler.log"
FAILED_LOG_NAME: Final = "edgetpu_compiler.failed.log"


@dataclass(frozen=True)
class Compiled:
    """One model: the file made of it, what the compiler says, and what was predicted."""

    model: Path
    output: Path
    log: ModelLog
    predicted: Check


@dataclass(frozen=True)
class Compilation:
    """One successful run; `log_file` holds all that the compiler printed."""

    log: CompilerLog
    log_file: Path
    models: tuple[Compiled, ...]


def find_compiler() -> Path:
    """Return the compiler: the file that $EDGETPU_COMPILER names, else the one on PATH.

    Raises `ToolError`, one line on how to get it.
    """
    named = os.environ.get(VARIABLE)
    found = shutil.which(named or COMPILER)
    if found:
        return Path(found)
    if named:
        raise ToolError(f"{VARIABLE}={named}: no such program; correct it or unset it to use PATH")
    raise ToolError(
        f"{COMPILER} is not installed: it exists for x86-64 Debian and Ubuntu only; add Coral's own package "
        f"archive to apt and install edgetpu-compiler, or name the program in {VARIABLE}"
    )


def compile_models(
    models: Sequence[Path],
    folder: Path,
    *,
    deadline_s: float,
    require_all_mapped: bool = False,
    failed_log: Path | None = None,
) -> Compilation:
    """Compile the models together into `folder`; the first named gets the on-chip memory first.

    The compiled models and the compiler's logs appear in the folder only if everything succeeded; after a
    failure only FAILED_LOG_NAME does, or `failed_log` in its place. Raises `ToolError` and `ModelFileError`,
    one line each.
    """
    compiler = find_compiler()
    predicted = [_predicted(model) for model in models]
    if len({model.stem for model in models}) < len(models):
        raise ConvertError("two models have the same file name, and would overwrite each other; rename one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".edgetpu-", dir=folder) as name:
            work = Path(name)
            log = _run(compiler, models, work, failed_log or folder / FAILED_LOG_NAME, deadline_s)
            told = [*log.models, *(ModelLog() for _ in models)]
            compiled = [
                Compiled(model, folder / _verified(model, work, said), said, before)
                for model, said, before in zip(models, told, predicted, strict=False)
            ]
            if require_all_mapped:
                _require_all_mapped(compiled)
            _move(work, folder)
    except OSError as error:
        raise ConvertError(f"{folder}: cannot be written ({error.strerror}); name another folder") from None
    return Compilation(log, folder / LOG_NAME, tuple(compiled))


def differences(compiled: Compiled) -> tuple[str, ...]:
    """Return where the prediction was wrong: operators whose mapped and unmapped counts differ."""
    rows = [(r.operator, r.count, r.status) for r in compiled.log.operators]
    if not rows:
        return ()
    real = _counts(rows)
    expected = _counts([(name, count, status.value) for name, count, status in compiled.predicted.operators])
    return tuple(
        f"{name}: {_said(real.get(name, (0, 0)))}, predicted {_said(expected.get(name, (0, 0)))}"
        for name in sorted(real.keys() | expected.keys())
        if real.get(name, (0, 0)) != expected.get(name, (0, 0))
    )


def _predicted(model: Path) -> Check:
    predicted = check(read_graph(model))
    if predicted.is_compiled:
        raise ModelFileError(f"{model}: already compiled for the Edge TPU; name the model it was made from")
    return predicted


def _run(compiler: Path, models: Sequence[Path], work: Path, kept: Path, deadline_s: float) -> CompilerLog:
    """Run the compiler into `work`; what it printed stays in the file `kept` if it failed."""
    names = ", ".join(str(model) for model in models)
    print(f"compiling {names} for the Edge TPU, at most {deadline_s:.0f} s", file=sys.stderr)
    printed = work / LOG_NAME
    command: list[str | Path] = [compiler, "-s", "-o", work, *(model.resolve() for model in models)]
    failure: ToolError | None = None
    try:
        run_logged(command, printed, what=COMPILER, deadline_s=deadline_s)
    except ToolError as error:
        failure = error
    content = printed.read_bytes()
    log: CompilerLog | None = None
    with contextlib.suppress(ModelFileError):
        log = parse_log(content.decode("utf-8", errors="replace"), COMPILER)
    if failure is None and log is not None and log.success:
        return log
    write_whole(kept, content)
    reason = f"{COMPILER} printed nothing known"
    if failure is not None:
        reason = str(failure)
    # After a deadline the output only ends; otherwise the compiler's own line says most.
    if log is not None and log.error is not None and (failure is None or "and was stopped" not in reason):
        reason = f"{COMPILER} failed: {log.error}"
    raise ToolError(f"{names}: {reason} (all it printed: {kept})")


def _verified(model: Path, work: Path, told: ModelLog) -> str:
    """Return the name of what was made of the model; raises where it is not what the compiler says."""
    name = f"{model.stem}_edgetpu.tflite"
    if not (work / name).exists():
        raise ToolError(f"{model}: {COMPILER} reported success but wrote no {name}; run it by hand")
    operators = read_graph(work / name).main.operators
    if told.mapped and not any(o.name == CUSTOM_OPERATOR for o in operators):
        raise ToolError(f"{model}: {COMPILER} reported success but {name} has nothing for the Edge TPU")
    return name


def _require_all_mapped(compiled: Sequence[Compiled]) -> None:
    for one in compiled:
        if one.log.cpu == 0:
            continue
        left = [f"{r.count} {r.operator}" for r in one.log.operators if r.status != Status.MAPPED]
        what = ", ".join(left) or f"{one.log.cpu} operators"
        raise ToolError(
            f"{one.model}: not all operators were mapped, on the CPU stay {what}; see convert check"
        )


def _move(work: Path, folder: Path) -> None:
    for made in sorted(work.iterdir()):
        with made.open("rb") as file:
            os.fsync(file.fileno())
        made.replace(folder / made.name)
    sync_folder(folder)
    (folder / FAILED_LOG_NAME).unlink(missing_ok=True)


def _counts(rows: Sequence[tuple[str, int, str]]) -> dict[str, tuple[int, int]]:
    """Return operator → (mapped, not mapped)."""
    counts: dict[str, tuple[int, int]] = {}
    for name, count, status in rows:
        mapped, unmapped = counts.get(name, (0, 0))
        is_mapped = status == Status.MAPPED
        counts[name] = (mapped + count * is_mapped, unmapped + count * (not is_mapped))
    return counts


def _said(counts: tuple[int, int]) -> str:
    return f"{counts[0]} mapped and {counts[1]} on the CPU"
