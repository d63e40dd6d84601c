"""Where a box has its provision file, its configuration and its state."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Absolute paths as the box itself sees them; `root` is where its file system lies meanwhile."""

    file: Path = Path("/boot/firmware/provision.toml")
    config: Path = Path("/etc/janban/janban.toml")
    state: Path = Path("/var/lib/janban")
    root: Path = Path("/")

    def here(self, path: Path) -> Path:
        """Return where to find one of the paths from here."""
        return self.root / path.relative_to("/")

    def seen(self, path: Path) -> Path:
        """Return how the box itself sees a path that `here` gave."""
        return Path("/") / path.relative_to(self.root)
