import errno
import os
from pathlib import Path

import pytest

from appliance.files import read_whole, write_whole


def refusal(path: Path, most_bytes: int = 10) -> int | None:
    with pytest.raises(OSError, match="Errno") as refused:
        read_whole(path, most_bytes)
    assert refused.value.strerror
    return refused.value.errno


def test_a_plain_file_and_a_link_to_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "b").symlink_to("a")
    assert read_whole(tmp_path / "b", 10) == b"0123456789"


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"0123456789")
    assert refusal(tmp_path / "a", 9) == errno.EFBIG


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == refusal(Path("/dev/zero")) == errno.EINVAL


def test_what_is_no_file_is_an_error_of_the_system(tmp_path: Path) -> None:
    assert refusal(tmp_path) == errno.EISDIR
    assert refusal(tmp_path / "absent") == errno.ENOENT
    assert refusal(tmp_path / "a\0b") == errno.EINVAL
    assert refusal(tmp_path / ("a" * 300)) == errno.ENAMETOOLONG


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in (tmp_path, tmp_path / "pipe"):
        refusal(path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_file_is_synced_again_under_its_name_and_then_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT writes what a name stands for with the file: the folder alone is not enough."""
    synced = []
    really = os.fsync

    def fsync(handle: int) -> None:
        synced.append((Path(f"/proc/self/fd/{handle}").readlink(), (tmp_path / "a").read_bytes()))
        really(handle)

    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "a", b"new")
    assert [content for _, content in synced] == [b"old", b"new", b"new"]
    assert [name for name, _ in synced][1:] == [tmp_path / "a", tmp_path]
