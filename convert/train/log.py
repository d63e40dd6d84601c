"""A training's log: JSON lines, from which its record is told."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from appliance.inference.record import Source, Stretch, TrainingRecord
from convert.errors import ConvertError

Line = Mapping[str, Any]

_STARTS: Final = ("began", "resumed")


class Log:
    """Appends lines; those of earlier stretches of the same training are known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = list(read_log(path))
        self._whole = _ends_with_a_line(path)

    def write(self, line: dict[str, Any]) -> None:
        """Append a line; raises `ConvertError`."""
        # What a crash left of a line is to spoil no other.
        beginning, self._whole = "" if self._whole else "\n", True
        self._lines.append(line)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(beginning + json.dumps(line) + "\n")
        except OSError as error:
            raise ConvertError(
                f"{self._path}: cannot be written ({error.strerror}); give another --out"
            ) from None

    def judged_on(self) -> int | None:
        """Return on how many pictures the last stretch was judged, None if there was none."""
        starts = [line for line in self._lines if line.get("event") in _STARTS]
        return _validated(starts[-1]) if starts else None

    def record(self) -> TrainingRecord | None:
        """Return how the best weights so far were trained, None before the first validation."""
        return record_in(self._lines)


def log_path(out: Path) -> Path:
    """Return where a training whose best weights go to `out` keeps its figures, one JSON object a line."""
    return out.with_name(f"{out.stem}.training.jsonl")


def read_log(path: Path) -> Sequence[Line]:
    """Return a log's lines, none where it is absent; one that a crash cut off is passed over."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error.strerror}); check the folder") from None
    return [line for part in text.splitlines() if isinstance(line := _parsed(part), dict)]


def last_training(lines: Sequence[Line]) -> Sequence[Line]:
    """Return the lines of the log's last training; an earlier one of the same name may stand before it."""
    began = [number for number, line in enumerate(lines) if line.get("event") == "began"]
    return lines[began[-1] :] if began else lines


def record_in(lines: Sequence[Line]) -> TrainingRecord | None:
    """Return how the best weights of the log's last training were made, None where it does not tell."""
    try:
        return _record(lines)
    except (KeyError, TypeError, ValueError):  # Somebody has edited it.
        return None


def _record(lines: Sequence[Line]) -> TrainingRecord | None:
    lines = last_training(lines)
    starts = [line for line in lines if line.get("event") in _STARTS]
    best = [line for line in lines if line.get("event") == "validation" and line.get("best")]
    if not starts or not best:
        return None
    step = best[-1]["step"]
    last = dict(starts[-1]["settings"])
    figures = {key: value for key, value in best[-1].items() if key not in {"event", "step", "best"}}
    sources = next((line["sources"] for line in reversed(starts) if line.get("sources")), ())
    return TrainingRecord(
        step=step,
        data=tuple(last.pop("data")),
        settings=last,
        begun_with=str(starts[0]["encoder_weights"]),
        stretches=tuple(_stretch(line) for line in starts if line["step"] < step),
        validation={key: float(value) for key, value in figures.items() if math.isfinite(value)},
        sources=tuple(Source.model_validate(source) for source in sources),
        earlier=starts[0].get("earlier"),
    )


def _stretch(line: Line) -> Stretch:
    return Stretch(step=line["step"], pictures=line["pictures"], validation_pictures=_validated(line))


def _validated(line: Line) -> int:
    return int(line.get("validation_pictures", line.get("held_out_pictures", 0)))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _ends_with_a_line(path: Path) -> bool:
    try:
        return path.read_bytes()[-1:] in {b"", b"\n"}
    except OSError:
        return True
