import os
import stat
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.artifacts.shelf import Artifact, Record, Shelf


def artifact(digit: str, system: str | None = None) -> Artifact:
    return Artifact(digest=digit * 64, version=f"20261129-{digit}", built="20261129120000", system=system)


SYSTEMS = st.sampled_from([None, "1", "2"])
ARTIFACTS = st.none() | st.builds(artifact, st.sampled_from("abc"), SYSTEMS)
BOOTS = st.sampled_from([UUID(int=1), UUID(int=2)])


@given(ARTIFACTS, ARTIFACTS, st.none() | BOOTS, BOOTS, st.sampled_from(["1", "2"]))
def test_a_trial_is_in_force_in_its_own_boot_only(
    kept: Artifact | None, trial: Artifact | None, trial_boot: UUID | None, boot: UUID, system: str
) -> None:
    record = Record(kept=kept, trial=trial, trial_boot=trial_boot)
    found = record.in_force(boot, system)
    if found is not None:
        assert found.system in (None, system)
    if trial is not None and trial_boot == boot and trial.system in (None, system):
        assert found == trial
    elif kept is not None and kept.system in (None, system):
        assert found == kept
    else:
        assert found is None


@given(ARTIFACTS, st.builds(artifact, st.sampled_from("abc"), SYSTEMS), BOOTS)
def test_a_trial_ends_with_what_was_tried_or_with_what_was_kept(
    kept: Artifact | None, tried: Artifact, boot: UUID
) -> None:
    trying = Record(kept=kept).trying(tried, boot)
    assert trying.settled(keep=True) == Record(kept=tried)
    assert trying.settled(keep=False) == Record(kept=kept)
    assert Record(kept=kept).settled(keep=True) == Record(kept=kept)


def test_what_is_put_can_be_read_by_anybody_whatever_mask_root_has(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("what it is")
    mask = os.umask(0o077)
    try:
        shelf = Shelf(tmp_path / "shelf")
        place = shelf.put("menu", artifact("a"), {"menu.toml": source})
        shelf.write("menu", Record(kept=artifact("a")))
    finally:
        os.umask(mask)
    modes = {
        stat.S_IMODE(path.stat().st_mode)
        for path in (
            tmp_path / "shelf",
            place.parent,
            place,
            place / "menu.toml",
            tmp_path / "shelf/menu.json",
        )
    }
    assert modes == {0o755, 0o644}
    assert (place / "menu.toml").read_text() == "what it is"
    assert shelf.record("menu") == Record(kept=artifact("a"))


def test_what_nobody_names_any_more_is_removed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    source = tmp_path / "source"
    source.touch()
    places = {digit: shelf.put("models", artifact(digit), {"a": source}) for digit in "abc"}
    other = shelf.put("menu", artifact("d"), {"a": source})
    shelf.write("models", Record(kept=artifact("a")).trying(artifact("b"), uuid4()))
    assert [digit for digit in "abc" if places[digit].exists()] == ["a", "b"]
    shelf.write("models", shelf.record("models").settled(keep=True))
    assert [digit for digit in "abc" if places[digit].exists()] == ["b"]
    assert other.exists()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kept": 1}', b"\xff", b"x" * 20_000])
def test_a_record_that_cannot_be_read_is_none_and_that_is_logged(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "models.json").write_bytes(content)
    assert Shelf(tmp_path).record("models") == Record()
    assert "models.json is not used" in caplog.text


def test_a_link_among_the_files_is_no_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of root alone")
    (tmp_path / "link").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic link"):
        Shelf(tmp_path / "shelf").put("menu", artifact("a"), {"menu.toml": tmp_path / "link"})
