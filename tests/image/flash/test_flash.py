import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from image.flash.__main__ import main
from image.flash.medium import BlockMedium
from tests.image.flash.images import BLOCK, MAPPED, bmap_text, build, content
from tests.image.flash.machines import FakeMachine

pytestmark = pytest.mark.skipif(shutil.which("zstd") is None, reason="zstd is not installed")

IMAGE = content()
UNUSABLE = "the card is unusable now; flash it again"
UNTOUCHED = "nothing was written"


class Bench:
    """A machine with a card, and an image for it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.machine = FakeMachine(folder / "machine")
        self.card = self.machine.card()
        self.before = self.card.read_bytes()
        self.folder = folder
        self.image = build(folder, IMAGE, bmap_text(IMAGE))
        self._monkeypatch = monkeypatch

    def flash(
        self,
        *words: str,
        typed: str | None = "sdb",
        medium: Callable[[Path], "BlockMedium"] = BlockMedium,
    ) -> int:
        """Flash, with somebody at the terminal who types; nobody where `typed` is None."""
        self._monkeypatch.setattr(sys.stdin, "isatty", lambda: typed is not None, raising=False)
        arguments = ["--device", str(self.card), "--image", str(self.image), *words]
        return main(arguments, self.machine.kernel(), medium, lambda _: typed or "")

    def untouched(self) -> bool:
        return self.card.read_bytes() == self.before

    def has_table(self) -> bool:
        """Whether anything could take the card for one that boots."""
        return any(self.card.read_bytes()[: 1 << 20])


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("flash: ")]


def test_what_is_mapped_is_written_and_nothing_else(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.flash() == 0
    out = capsys.readouterr().out
    assert "Generic Reader, serial 4C530001, 0.0 GB" in out
    assert "written and read back" in out
    card = bench.card.read_bytes()
    assert len(card) == len(bench.before)
    mapped = {block for first, last in MAPPED for block in range(first, last + 1)}
    for block in range(len(card) // BLOCK):
        part = slice(block * BLOCK, (block + 1) * BLOCK)
        if block in mapped:
            assert card[part] == IMAGE[part], block
        elif block * BLOCK >= 1 << 20:
            assert card[part] == bench.before[part], block


def test_an_image_without_a_map_is_written_as_a_whole(bench: Bench) -> None:
    bench.image = build(bench.folder, IMAGE, None)
    (bench.folder / "janban-1.bmap").unlink()
    assert bench.flash() == 0
    assert bench.card.read_bytes()[: len(IMAGE)] == IMAGE


@pytest.mark.parametrize("typed", ["", "no", "sda", "yes"])
def test_whoever_types_another_name_writes_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    assert bench.flash(typed=typed) == 1
    assert "not agreed to" in capsys.readouterr().err
    assert bench.untouched()


def test_nobody_to_ask_writes_nothing(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.flash(typed=None) == 1
    assert "scripts give YES=1 SERIAL=" in capsys.readouterr().err
    assert bench.untouched()


def test_scripts_say_which_card_they_mean(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.flash("--serial", "OTHER", typed=None) == 1
    assert "is not the disk with the serial OTHER" in capsys.readouterr().err
    assert bench.flash("--serial", "", typed=None) == 1
    assert "YES=1 goes with SERIAL=" in capsys.readouterr().err
    assert bench.untouched()
    assert bench.flash("--serial", "4C530001", typed=None) == 0


def test_there_is_no_default(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--image", str(bench.image)], bench.machine.kernel()) == 1
    assert "no disk is written by default" in capsys.readouterr().err


def test_a_disk_that_is_refused_is_not_written(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.machine.mount("8:16", "/dev/sdb", "/mnt")
    assert bench.flash() == 1
    assert "mounted at /mnt" in capsys.readouterr().err
    assert bench.untouched()


def truncate(bench: Bench) -> None:
    """An image that is shorter than its map says, packed with a checksum of its own."""
    bench.image = build(bench.folder, IMAGE[: 1000 * BLOCK], bmap_text(IMAGE))


def lengthen(bench: Bench) -> None:
    bench.image = build(bench.folder, IMAGE + bytes(BLOCK), bmap_text(IMAGE))


def mismatch(bench: Bench) -> None:
    """A map of another image."""
    other = IMAGE[: 1000 * BLOCK] + b"x" + IMAGE[1000 * BLOCK + 1 :]
    bench.image = build(bench.folder, IMAGE, bmap_text(other))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (truncate, f"ends after {1000 * BLOCK} bytes, it is truncated"),
        (lengthen, "is longer than its map says"),
        (mismatch, "the image is not what its map says"),
    ],
)
def test_an_image_that_belies_its_map_leaves_no_card_that_boots(
    bench: Bench, capsys: pytest.CaptureFixture[str], spoil: Callable[[Bench], None], complaint: str
) -> None:
    spoil(bench)
    assert bench.flash() == 1
    (line,) = lines(capsys.readouterr().err)
    assert complaint in line
    assert UNUSABLE in line
    assert not bench.has_table()


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("janban-1.img.zst", b"\0", "is damaged"),
        ("janban-1.sha256", None, "without a checksum nothing is written"),
        ("janban-1.sha256", b"", "has no checksum of janban-1.img.zst"),
        ("janban-1.bmap", b"<bmap", "has no checksum of its own"),
        ("janban-1.img.zst", None, "there is no such image"),
    ],
)
def test_damaged_files_are_noticed_before_anything_is_written(
    bench: Bench, capsys: pytest.CaptureFixture[str], file: str, content: bytes | None, complaint: str
) -> None:
    path = bench.folder / file
    path.unlink() if content is None else path.write_bytes(content)
    assert bench.flash() == 1
    (line,) = lines(capsys.readouterr().err)
    assert complaint in line
    assert UNTOUCHED in line
    assert bench.untouched()


class Failing(BlockMedium):
    """A card that fails at the `at`-th write or read."""

    def __init__(self, node: Path, what: str, at: int, fault: BaseException | None = None) -> None:
        super().__init__(node)
        self.what, self.at, self.fault = what, at, fault

    def due(self, what: str) -> bool:
        if what != self.what:
            return False
        self.at -= 1
        return self.at == 0

    def write(self, piece: memoryview, offset: int) -> int:
        if self.due("write"):
            if self.fault is not None:
                raise self.fault
            return 0
        if self.due("lie"):
            return len(piece)
        # A kernel may write a part, in whole sectors.
        return super().write(piece[: max(512, len(piece) // 1024 * 512)], offset)

    def read(self, piece: memoryview, offset: int) -> int:
        if self.due("read"):
            if self.fault is not None:
                raise self.fault
            return 0
        return super().read(piece[: max(512, len(piece) // 1024 * 512)], offset)

    def settle(self) -> None:
        if self.due("settle"):
            assert self.fault is not None
            raise self.fault
        super().settle()


def failing(what: str, at: int, fault: BaseException | None = None) -> Callable[[Path], BlockMedium]:
    return lambda node: Failing(node, what, at, fault)


def test_a_card_that_takes_and_gives_in_parts_is_written(bench: Bench) -> None:
    assert bench.flash(medium=failing("nothing", 1)) == 0
    assert bench.card.read_bytes()[: 4 * BLOCK] == IMAGE[: 4 * BLOCK]


EIO = OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("what", "at", "fault"),
    [
        ("write", 30, None),
        ("write", 40, EIO),
        ("settle", 1, EIO),
        ("settle", 2, EIO),
        ("read", 5, None),
        ("read", 5, EIO),
    ],
)
def test_a_card_that_fails_is_called_unusable(
    bench: Bench, capsys: pytest.CaptureFixture[str], what: str, at: int, fault: OSError | None
) -> None:
    assert bench.flash(medium=failing(what, at, fault)) == 1
    (line,) = lines(capsys.readouterr().err)
    assert "fails: " in line
    assert UNUSABLE in line
    assert not bench.has_table()


def test_a_card_that_forgets_is_found_out(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """It says that it wrote and did not, as counterfeits do."""
    assert bench.flash(medium=failing("lie", 30)) == 1
    (line,) = lines(capsys.readouterr().err)
    assert "gave back something else than was written" in line
    assert UNUSABLE in line
    assert not bench.has_table()


@pytest.mark.parametrize(("what", "at"), [("write", 30), ("read", 10)])
def test_whoever_interrupts_is_told_that_the_card_is_unusable(
    bench: Bench, capsys: pytest.CaptureFixture[str], what: str, at: int
) -> None:
    assert bench.flash(medium=failing(what, at, KeyboardInterrupt())) == 130
    (line,) = lines(capsys.readouterr().err)
    assert line == f"flash: interrupted; {UNUSABLE}"
    assert not bench.has_table()


def test_whoever_interrupts_the_question_has_lost_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(_: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    arguments = ["--device", str(bench.card), "--image", str(bench.image)]
    assert main(arguments, bench.machine.kernel(), BlockMedium, leave) == 130
    assert lines(capsys.readouterr().err) == [f"flash: interrupted; {UNTOUCHED}"]
    assert bench.untouched()


def test_a_card_that_was_changed_meanwhile_is_not_written(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def changed(node: Path) -> Iterator[BlockMedium]:
        (bench.machine.folder("sdb") / "device/model").write_text("Other\n")
        with BlockMedium(node) as medium:
            yield medium

    arguments = ["--device", str(bench.card), "--image", str(bench.image), "--serial", "4C530001"]
    assert main(arguments, bench.machine.kernel(), changed) == 1
    assert "was another disk a moment ago" in capsys.readouterr().err
    assert bench.untouched()
