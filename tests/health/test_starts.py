import json
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.health.starts import count_start


def test_starts_are_counted_within_a_boot(tmp_path: Path) -> None:
    boot, file = uuid4(), tmp_path / "starts.json"
    assert [count_start(file, boot) for _ in range(3)] == [1, 2, 3]
    assert count_start(file, uuid4()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["starts.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b'{"boot_id": 3}', b"[" * 100_000, b'{"boot_id": "BOOT", "starts": "many"}'],
)
def test_a_damaged_file_begins_anew(tmp_path: Path, content: bytes) -> None:
    boot, file = uuid4(), tmp_path / "starts.json"
    file.write_bytes(content.replace(b"BOOT", str(boot).encode()))
    assert count_start(file, boot) == 1
    assert json.loads(file.read_text()) == {"boot_id": str(boot), "starts": 1}


def test_a_place_that_cannot_be_written_costs_the_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert count_start(tmp_path / "none" / "starts.json", uuid4()) is None
    assert "cannot be counted" in caplog.text
