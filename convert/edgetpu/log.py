"""Reads saved outputs of the Edge TPU compiler, versions 14 to 16: terminal text or .log files.

People save them with whatever stands around: colours, prompts, quotation marks, Windows line ends, a cut end.
So labels and rows are looked for anywhere in a line, and what is not known is passed over.
"""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from convert.edgetpu.log_clean import clean_lines
from convert.edgetpu.status import Status
from convert.errors import ModelFileError

_CUT = "the output ends before the compiler says whether it succeeded"

_SIZES: Final = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_SIZE = r"\s*(?P<size>\d+(?:\.\d+)?)\s*(?P<unit>[KMG]iB|B)"
_BYTES: Final = {
    "input_bytes": re.compile(r"Input size:" + _SIZE),
    "output_bytes": re.compile(r"Output size:" + _SIZE),
    "on_chip_used_bytes": re.compile(r"On-chip memory used for caching model parameters:" + _SIZE),
    "on_chip_remaining_bytes": re.compile(
        r"On-chip memory (?:remaining|available) for caching model parameters:" + _SIZE
    ),
    "off_chip_bytes": re.compile(r"Off-chip memory used for streaming uncached model parameters:" + _SIZE),
}
_COUNTS: Final = {
    "subgraphs": re.compile(r"Number of Edge TPU subgraphs:\s*(\d+)"),
    "operations": re.compile(r"Total number of operations:\s*(\d+)"),
    "mapped": re.compile(r"Number of operations that will run on Edge TPU:\s*(\d+)"),
    "cpu": re.compile(r"Number of operations that will run on CPU:\s*(\d+)"),
}
_INPUT = re.compile(r"\bInput(?: model)?:\s*(\S.*?)\s*$")
_OUTPUT = re.compile(r"\bOutput(?: model)?:\s*(\S.*?)\s*$")
_VERSION = re.compile(r"Edge TPU Compiler version (\d+(?:\.\d+)*)")
_SUCCESS = re.compile(r"Models? compiled successfully in (\d+) ms")
_FAILED = re.compile(r"Compilation failed|Internal compiler error|Compilation timeout")
_PARTLY = "not all operations are supported by the Edge TPU"
_TABLE = re.compile(r"\bOperator\s+Count\s+Status\b")
_NAME = r"(?P<name>[A-Z][A-Z0-9_]*|edgetpu-custom-op)"
_KNOWN_ROW = re.compile(
    rf"(?<![\w-]){_NAME}\s+(?P<count>\d+)\s+(?P<status>{'|'.join(re.escape(s.value) for s in Status)})"
)
_OTHER_ROW = re.compile(rf"^{_NAME}\s{{2,}}(?P<count>\d+)\s{{2,}}(?P<status>\S.*?)\s*$")

_FAILURES: Final = (
    re.compile(r"ERROR: (?!Registration failed|Restored original|Node number)\S.*"),
    re.compile(r"error: '[\w.]+' op is not supported.*"),
    re.compile(r"Compilation failed: \S.*"),
    re.compile(r"Invalid model: \S.*"),
    re.compile(r"Internal compiler error\b.*"),
    re.compile(r"Compilation timeout\b.*"),
    re.compile(r".*terminating with uncaught exception.*"),
    re.compile(r"ERROR: .*"),
    re.compile(r"Compilation failed!"),
)
"""What a failed compilation prints, the most telling first."""


@dataclass(frozen=True)
class OperatorRow:
    """A row of the operator table; `status` in the compiler's words."""

    operator: str
    count: int
    status: str


@dataclass(frozen=True)
class ModelLog:
    """What the compiler says of one model; None where the log does not say it."""

    input: str | None = None
    input_bytes: int | None = None
    output: str | None = None
    output_bytes: int | None = None
    on_chip_used_bytes: int | None = None
    on_chip_remaining_bytes: int | None = None
    off_chip_bytes: int | None = None
    subgraphs: int | None = None
    operations: int | None = None
    mapped: int | None = None
    cpu: int | None = None
    operators: tuple[OperatorRow, ...] = ()


@dataclass(frozen=True)
class CompilerLog:
    """One run of the compiler; `error` is the most telling line of a failed one, None of a successful one."""

    version: str | None
    success: bool
    error: str | None
    duration_ms: int | None
    models: tuple[ModelLog, ...]

    def as_json(self) -> dict[str, object]:
        """Return what `convert log --json` prints."""
        return asdict(self)


def parse_log(text: str, source: str = "log") -> CompilerLog:
    """Parse a saved output; of several runs the last one that has a result.

    Raises `ModelFileError`, one line that begins with `source`, where the text is no compiler output.
    """
    runs = [run for run in _runs(clean_lines(text)) if _is_log(run)]
    if not runs:
        raise ModelFileError(
            f"{source}: no output of the Edge TPU compiler; save what it prints, or its .log"
        )
    results = [_run(run) for run in runs]
    return next((r for r in reversed(results) if r.error != _CUT), results[-1])


def _runs(lines: list[str]) -> list[list[str]]:
    """Split at each line in which the compiler introduces itself; what stands before may be one, too."""
    starts = [i for i, line in enumerate(lines) if _VERSION.search(line)]
    return _blocks(lines, [0, *starts] if not starts or starts[0] > 0 else starts)


def _blocks(lines: list[str], starts: list[int]) -> list[list[str]]:
    ends = [*starts[1:], len(lines)]
    return [lines[start:end] for start, end in zip(starts, ends, strict=False)]


def _is_log(lines: list[str]) -> bool:
    marks = (_VERSION, _SUCCESS, _COUNTS["subgraphs"], _TABLE)
    return any(mark.search(line) for line in lines for mark in marks)


def _run(lines: list[str]) -> CompilerLog:
    version = next((m[1] for line in lines if (m := _VERSION.search(line))), None)
    models = tuple(_model(block) for block in _model_blocks(lines))
    successes = [(i, m) for i, line in enumerate(lines) if (m := _SUCCESS.search(line))]
    if not successes:
        cut = None if any(m.operators for m in models) else _CUT
        error, duration = _failure(lines) or cut, None
    else:
        last, match = successes[-1]
        # Several segments are compiled one after the other, and a later one may fail.
        failed = any(_FAILED.search(line) for line in lines[last:])
        error, duration = _failure(lines[last:]) if failed else None, int(match[1])
    return CompilerLog(version, error is None, error, duration, models)


def _failure(lines: list[str]) -> str | None:
    """Return the most telling line of the last attempt; only the last one counts where several were made."""
    last = max((i for i, line in enumerate(lines) if "Try to compile segment" in line), default=0)
    for pattern in _FAILURES:
        for number, line in enumerate(lines[last:], start=last):
            found = pattern.search(line)
            if found:
                following = lines[number + 1] if number + 1 < len(lines) else ""
                explained = found[0].startswith("Invalid model:") and following.startswith("Model ")
                return f"{found[0].strip()}: {following}" if explained else found[0].strip()
    return None


def _model_blocks(lines: list[str]) -> list[list[str]]:
    starts = [i for i, line in enumerate(lines) if _INPUT.search(line)]
    if not starts and any(_COUNTS["operations"].search(line) or _TABLE.search(line) for line in lines):
        starts = [0]
    return _blocks(lines, starts)


def _model(lines: list[str]) -> ModelLog:
    rows = tuple(_rows(lines))
    numbers = {name: _bytes(pattern, lines) for name, pattern in _BYTES.items()}
    counts = {name: _count(pattern, lines) for name, pattern in _COUNTS.items()}
    mapped_rows = sum(row.count for row in rows if row.status == Status.MAPPED)
    all_rows = sum(row.count for row in rows)
    if counts["operations"] is None and rows:
        counts["operations"] = all_rows
    if counts["mapped"] is None and rows and all_rows == counts["operations"]:
        counts["mapped"], counts["cpu"] = mapped_rows, all_rows - mapped_rows
    elif counts["mapped"] is None and not rows and not any(_PARTLY in line for line in lines):
        # The compiler counts only where something stays on the CPU.
        counts["mapped"], counts["cpu"] = counts["operations"], None if counts["operations"] is None else 0
    return ModelLog(
        input=_text(_INPUT, lines), output=_text(_OUTPUT, lines), **numbers, **counts, operators=rows
    )


def _rows(lines: list[str]) -> Iterator[OperatorRow]:
    in_table = False
    for line in lines:
        in_table = in_table or _TABLE.search(line) is not None
        known = list(_KNOWN_ROW.finditer(line))
        other = _OTHER_ROW.match(line) if in_table and not known else None
        cut = other is not None and any(s.value.startswith(other["status"]) for s in Status)
        for row in known or ([other] if other and not cut else []):
            yield OperatorRow(row["name"], int(row["count"]), row["status"])


def _text(pattern: re.Pattern[str], lines: list[str]) -> str | None:
    return next((m[1] for line in lines if (m := pattern.search(line))), None)


def _count(pattern: re.Pattern[str], lines: list[str]) -> int | None:
    found = _text(pattern, lines)
    return None if found is None else int(found)


def _bytes(pattern: re.Pattern[str], lines: list[str]) -> int | None:
    found = next((m for line in lines if (m := pattern.search(line))), None)
    return None if found is None else round(float(found["size"]) * _SIZES[found["unit"]])
