"""Trials kept in a file, so that a search that was stopped goes on where it was.

A search of the same seed makes the same plan; what the file knows is not measured again.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ValidationError

from appliance.errors import JanbanError
from appliance.files import write_whole

M = TypeVar("M", bound=BaseModel)
Floats = npt.NDArray[np.float64]


class Record(Generic[M]):
    """Measures settings, to errors (labels,), inf where they cannot be used, and keeps the answers in a file.

    The file has a line of JSON for the experiment and one for each trial. One of another experiment (other
    pictures, labels, calibration) is written anew, and so is one in which `base` reads otherwise than now:
    the program has changed since. Raises `JanbanError` where the file cannot be written.
    """

    def __init__(self, file: Path, experiment: str, base: M, measure: Callable[[M], Floats]) -> None:
        self._file = file
        self._measure = measure
        self._known: dict[str, Floats] = {}
        now = measure(base)
        for key, errors in _read(file, experiment, type(base)).items():
            if errors.shape == now.shape:
                self._known[key] = errors
        before = self._known.get(base.model_dump_json())
        if before is None or not np.array_equal(before, now):
            self._known = {}
            self._write(lambda: write_whole(file, _line({"experiment": experiment}).encode()))
            self._keep(base, now)

    def measure(self, settings: M) -> Floats:
        """Return the errors with `settings`, from the file or measured now."""
        known = self._known.get(settings.model_dump_json())
        return self._keep(settings, self._measure(settings)) if known is None else known

    def _keep(self, settings: M, errors: Floats) -> Floats:
        self._known[settings.model_dump_json()] = errors
        usable = bool(np.isfinite(errors).all())
        line = _line(
            {"settings": settings.model_dump(mode="json"), "errors": errors.tolist() if usable else None}
            | ({} if usable else {"labels": len(errors)})
        )
        self._write(lambda: _append(self._file, line))
        return errors

    def _write(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            raise JanbanError(
                f"{self._file}: cannot be written ({error.strerror}); name another --out"
            ) from None


def _read(file: Path, experiment: str, model: type[M]) -> dict[str, Floats]:
    """Return the trials of an experiment by their settings; a line that a crash cut off is left out."""
    try:
        first, *lines = file.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != {"experiment": experiment}:
            return {}
    except (OSError, ValueError):
        return {}
    known = {}
    for line in lines:
        try:
            trial = json.loads(line)
            settings = model.model_validate_json(json.dumps(trial["settings"]))
            errors = np.full(trial["labels"], np.inf) if trial["errors"] is None else trial["errors"]
            known[settings.model_dump_json()] = np.asarray(errors, np.float64)
        except (ValueError, KeyError, TypeError, ValidationError):
            continue
    return known


def _line(fields: dict[str, object]) -> str:
    return json.dumps(fields) + "\n"


def _append(file: Path, line: str) -> None:
    with file.open("a", encoding="utf-8") as out:
        out.write(line)
