"""One way in a process of its own, so that its memory is its own: measures what it is told to.

    python -m benchmarks.contestant MODULE:FUNCTION CALIBRATION...

The function opens the way with the calibration folders. JSON lines: one says that the way is ready; then each
line in, `{"calibration": 0, "picture": PATH}`, is answered by one with milliseconds per stage.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appliance.errors import JanbanError
from appliance.picture import load_picture
from appliance.service.memory import peaks_mb
from benchmarks.processor_time import processor_ms
from benchmarks.way import Way, limit_threads

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Turn:
    """One tray that a way measured.

    Milliseconds per stage and their `total`; processor time of all threads, decoding included; and the sum of
    the peaks of resident memory of the way's processes so far.
    """

    stages_ms: dict[str, float]
    processor_ms: float
    peak_memory_mb: float

    @property
    def total_ms(self) -> float:
        """From the decoded picture to the leftovers."""
        return self.stages_ms["total"]


class Contestant:
    """The other end of the process: a context manager that ends it."""

    def __init__(self, way: str, calibrations: Sequence[Path]) -> None:
        """Start a way, `MODULE:FUNCTION`; it goes on getting ready while others start."""
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "benchmarks.contestant", way, *(str(c.absolute()) for c in calibrations)],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._way = way
        self.weights_mb = 0.0

    def wait_until_ready(self) -> None:
        """Wait until the way has learnt its calibrations. Raises `JanbanError` where it cannot."""
        self.weights_mb = float(self._answer()["weights_mb"])

    def measure(self, calibration: int, picture: Path) -> Turn:
        """Have a picture measured. Raises `JanbanError` where the way cannot."""
        assert self._process.stdin is not None
        asked = json.dumps({"calibration": calibration, "picture": str(picture.absolute())})
        # A way that has ended has no answer either, and that is told.
        with suppress(BrokenPipeError):
            print(asked, file=self._process.stdin, flush=True)
        return Turn(**self._answer())

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            raise JanbanError(f"{self._way}: ended early with status {status}; it may have said why above")
        answer: dict[str, Any] = json.loads(line)
        if "fault" in answer:
            raise JanbanError(f"{self._way}: {answer['fault']}")
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()


def serve(way: Way) -> None:
    """Answer what comes on standard input until it ends."""
    _say({"weights_mb": way.weights_mb})
    for line in sys.stdin:
        asked = json.loads(line)
        began_ms = processor_ms()
        try:
            stages_ms = way.measure(asked["calibration"], load_picture(Path(asked["picture"])))
        except JanbanError as error:
            _say({"fault": f"{asked['picture']}: {error}"})
            continue
        ran_ms = processor_ms() - began_ms
        own_mb, children_mb = peaks_mb()
        _say(asdict(Turn(dict(stages_ms), ran_ms, (own_mb or 0.0) + children_mb)))


def _say(words: dict[str, Any]) -> None:
    print(json.dumps(words), flush=True)


def main() -> int:
    """Open the way and serve."""
    name, *folders = sys.argv[1:]
    module, _, function = name.partition(":")
    limit_threads()
    try:
        way: Way = getattr(import_module(module), function)([Path(folder) for folder in folders])
    except (ImportError, JanbanError) as error:
        _say({"fault": str(error)})
        return 1
    try:
        serve(way)
    finally:
        way.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
