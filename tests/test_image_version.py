import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from appliance.image_version import image_built, image_version, stamp


def test_what_the_image_says_of_itself(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "etc/os-release").write_text('VERSION_ID="13"\nIMAGE_ID=janban\nIMAGE_VERSION=0.1.0-gabc\n')
    epoch = tmp_path / "usr/lib/clock-epoch"
    epoch.touch()
    os.utime(epoch, (0, datetime(2026, 11, 29, 1, 2, 3, tzinfo=UTC).timestamp()))
    assert image_version(tmp_path) == "0.1.0-gabc"
    assert image_built(tmp_path) == "20261129010203"


def test_another_machine_says_nothing(tmp_path: Path) -> None:
    assert image_version(tmp_path) == ""
    assert image_built(tmp_path) is None


def test_stamps_are_utc_and_sort_as_moments_do() -> None:
    seoul = timezone(timedelta(hours=9))
    assert stamp(datetime(2026, 11, 29, 8, 59, 59, tzinfo=seoul)) == "20261128235959"
    assert stamp(datetime(2026, 11, 29, 9, 0, tzinfo=seoul)) > "20261128235959"
