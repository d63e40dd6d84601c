import gzip
import hashlib
import io
import tarfile

import pytest

from appliance.diagnostics.archive import pack


def unpacked(archive: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        files = {}
        for member in tar.getmembers():
            file = tar.extractfile(member)
            assert file is not None
            files[member.name.removeprefix("janban-diagnostics/")] = file.read().decode()
        return files


def noise(lines: int) -> str:
    """Return lines that can hardly be compressed, the same ones every time."""
    return "".join(f"{number} {hashlib.sha256(bytes(number)).hexdigest()}\n" for number in range(lines))


def test_members_keep_names_order_and_contents() -> None:
    members = {"b.txt": "one\n", "a.txt": "두\n"}
    packed = pack(members, at_s=1_800_000_000, limit_bytes=10_000, shortened=frozenset())
    assert list(unpacked(packed).items()) == list(members.items())
    assert packed == pack(members, at_s=1_800_000_000, limit_bytes=10_000, shortened=frozenset())


def test_what_is_too_long_loses_its_beginning_and_says_so() -> None:
    members = {"doctor": "ok\n", "journal": noise(4000), "kernel": noise(40)}
    packed = pack(members, at_s=0, limit_bytes=30_000, shortened=frozenset({"journal", "kernel"}))
    found = unpacked(packed)
    assert len(packed) <= 30_000
    assert found["doctor"] == "ok\n"
    assert found["kernel"] == members["kernel"]
    first, *rest = found["journal"].splitlines(keepends=True)
    assert "left out" in first
    assert members["journal"].endswith("".join(rest))
    assert rest[0] in members["journal"].splitlines(keepends=True)


def test_in_the_end_they_go() -> None:
    members = {"doctor": "ok\n", "journal": noise(4000)}
    assert unpacked(pack(members, at_s=0, limit_bytes=400, shortened=frozenset({"journal"}))) == {
        "doctor": "ok\n"
    }


def test_a_limit_that_cannot_be_kept_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than 100"):
        pack({"doctor": noise(40)}, at_s=0, limit_bytes=100, shortened=frozenset())


def test_the_archive_bears_no_name_and_no_other_time() -> None:
    packed = pack({"a": ""}, at_s=7, limit_bytes=10_000, shortened=frozenset())
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
        file.read()
        assert file.mtime == 7
