"""What the soak tells the processes under test: a folder of small files, each written whole."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from appliance.clock import SystemClock
from appliance.files import kernel_text


@dataclass(frozen=True)
class Scene:
    """The folder; processes read what the soak has written last."""

    folder: Path

    @property
    def root(self) -> Path:
        """The machine's files: what stands for / ."""
        return self.folder / "root"

    def tell(self, name: str, text: str) -> None:
        """Say something to whoever asks for `name`."""
        self._put(self.folder / name, text)

    def told(self, name: str) -> str:
        """Return what was said last, "" if nothing."""
        return kernel_text(self.folder / name) or ""

    def show(self, path: str, text: str | None) -> None:
        """Make a file of the machine say something; None takes it away."""
        file = self.root / path
        if text is None:
            file.unlink(missing_ok=True)
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        self._put(file, text)

    @staticmethod
    def _put(file: Path, text: str) -> None:
        # No fsync: it has to be whole, not to last.
        whole = file.with_name(f".{file.name}.new")
        whole.write_text(text, encoding="utf-8")
        whole.replace(file)


class SteppedClock(SystemClock):
    """The machine's clocks, with UTC off by as much as the scene says."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def utc(self) -> datetime:
        """Return UTC, stepped."""
        return super().utc() + timedelta(seconds=float(self._scene.told("clock") or 0))
