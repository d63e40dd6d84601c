"""The card of a box, as a file: read and written from here while the box is off."""

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_SECTOR = 512


@dataclass(frozen=True)
class Card:
    """An image as a larger card has it."""

    file: Path

    @classmethod
    def of(cls, image: Path, folder: Path, size_mb: int) -> "Card":
        """Unpack an image, on a card that is larger than it."""
        file = folder / "card.img"
        unpack = ("zstd", "--quiet", "--decompress", "--sparse")
        subprocess.run((*unpack, image.resolve(), "-o", file), check=True)
        with file.open("r+b") as card:
            card.truncate(size_mb * 2**20)
        return cls(file)

    def put(self, partition: str, source: Path, name: str) -> None:
        """Copy a file to a FAT partition."""
        subprocess.run(("mcopy", "-o", "-i", self._fat(partition), source, f"::/{name}"), check=True)

    def take(self, partition: str, name: str, target: Path) -> Path:
        """Copy a file from a FAT partition."""
        subprocess.run(("mcopy", "-n", "-i", self._fat(partition), f"::/{name}", target), check=True)
        return target

    def text(self, partition: str, name: str) -> str:
        """Return what a file of a FAT partition says; the box may be on."""
        read = ("mtype", "-i", self._fat(partition), f"::/{name}")
        try:
            return _said(*read)
        except subprocess.CalledProcessError:
            # Read while the box wrote, in part before and in part after? What a power cut leaves, stays.
            time.sleep(1)
            return _said(*read)

    def names(self, partition: str) -> set[str]:
        """Return what lies in a FAT partition."""
        listed = _said("mdir", "-b", "-i", self._fat(partition), "::/")
        return {line.removeprefix("::/") for line in listed.splitlines()}

    def text_of_root(self, partition: str, name: str) -> str:
        """Return what a file of an ext4 partition says; nothing where there is no such file."""
        return _said("debugfs", "-R", f"cat {name}", f"{self.file}?offset={self._start(partition)}")

    def label(self, number: int) -> str:
        """Return the name of the partition with a number; the first one has 1."""
        return str(self._partitions()[number - 1]["name"])

    def _fat(self, partition: str) -> str:
        return f"{self.file}@@{self._start(partition)}"

    def _start(self, partition: str) -> int:
        """Where a partition begins, in bytes."""
        (start,) = (one["start"] for one in self._partitions() if one["name"] == partition)
        return int(str(start)) * _SECTOR

    def _partitions(self) -> list[dict[str, object]]:
        table = json.loads(_said("sfdisk", "--json", str(self.file)))
        return list(table["partitiontable"]["partitions"])


def _said(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout
