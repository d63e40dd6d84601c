import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import JanbanError, ModelError
from appliance.inference.manifest import ModelEntry, load_manifest
from appliance.inference.verify import verify_file
from convert import atomic
from convert import manifest as manifest_module
from convert.errors import ConvertError
from convert.manifest import add_entry, content_name, model_file, write_models
from tests.inference.entries import entry, input_signature, output_signature, sha256


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """Where the chain made its files."""
    folder = tmp_path / "made"
    folder.mkdir()
    return folder


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def make(made: Path, content: bytes, name: str = "depth_small", **fields: object) -> ModelEntry:
    path = made / f"{name}.tflite"
    path.write_bytes(content)
    file = model_file(path, device="cpu", picture=input_signature(), outputs=[output_signature()])
    return entry(name=name, files=(file,), **fields)


def write(
    made: Path, models: Path, content: bytes, name: str = "depth_small", **fields: object
) -> ModelEntry:
    one = make(made, content, name, **fields)
    return write_models(models, one, {f"{name}.tflite": made / f"{name}.tflite"})


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def check(folder: Path) -> list[str]:
    """Every file of the manifest is what it says; return the models' names."""
    manifest = load_manifest(folder / "manifest.json")
    for model in manifest.models:
        for file in model.files:
            verify_file(folder, file)
    return [model.name for model in manifest.models]


def test_a_models_folder_has_its_files_manifest_and_cards(made: Path, models: Path) -> None:
    write(made, models, b"one", "depth_small")
    write(made, models, b"two", "amounts")
    assert check(models) == ["amounts", "depth_small"]
    assert sorted(contents(models)) == [
        f"amounts-{sha256(b'two')[:12]}.tflite",
        "amounts.md",
        f"depth_small-{sha256(b'one')[:12]}.tflite",
        "depth_small.md",
        "manifest.json",
    ]


def test_a_new_version_takes_the_old_ones_place(made: Path, models: Path) -> None:
    write(made, models, b"one")
    write(made, models, b"two", "amounts")
    write(made, models, b"new")
    assert check(models) == ["amounts", "depth_small"]
    assert f"depth_small-{sha256(b'new')[:12]}.tflite" in contents(models)
    assert f"depth_small-{sha256(b'one')[:12]}.tflite" not in contents(models)


def test_the_same_again_gives_the_same_bytes(made: Path, models: Path) -> None:
    figures = {"b": 1 / 3, "a": 2e9 / 7, "bytes": 17_741_239.0}
    write(made, models, b"one", parity=figures, cost=figures, tools={"b": "1", "a": "2"})
    first = contents(models)
    again = dict(reversed(figures.items()))
    write(made, models, b"one", parity=again, cost=again, tools={"a": "2", "b": "1"})
    assert contents(models) == first
    assert json.loads(first["manifest.json"])["models"][0]["parity"] == {
        "a": 285_714_000.0,
        "b": 0.333333,
        "bytes": 17_741_239.0,
    }


def test_a_file_that_is_damaged_in_the_folder_is_put_right(made: Path, models: Path) -> None:
    written = write(made, models, b"one")
    (models / written.files[0].file).write_bytes(b"bit rot")
    write(made, models, b"one")
    assert check(models) == ["depth_small"]


def test_an_entry_may_only_name_files_of_the_folder(made: Path, models: Path) -> None:
    one = make(made, b"one")
    with pytest.raises(ModelError, match=r"depth_small\.tflite: missing"):
        add_entry(models, one)
    assert contents(models) == {}
    (models / "depth_small.tflite").write_bytes(b"two")
    with pytest.raises(ModelError, match="SHA-256"):
        add_entry(models, one)
    (models / "depth_small.tflite").write_bytes(b"one")
    add_entry(models, one)
    assert check(models) == ["depth_small"]


def test_a_file_that_changed_or_was_not_made_is_refused(made: Path, models: Path) -> None:
    one = make(made, b"one")
    with pytest.raises(ConvertError, match="was not made"):
        write_models(models, one, {})
    (made / "depth_small.tflite").write_bytes(b"two")
    with pytest.raises(ConvertError, match="has changed"):
        write_models(models, one, {"depth_small.tflite": made / "depth_small.tflite"})
    (made / "depth_small.tflite").unlink()
    with pytest.raises(ConvertError, match="cannot be read"):
        write_models(models, one, {"depth_small.tflite": made / "depth_small.tflite"})
    assert not models.exists()


def test_a_damaged_manifest_is_not_written_over(made: Path, models: Path) -> None:
    write(made, models, b"one")
    (models / "manifest.json").write_text("{", encoding="utf-8")
    before = contents(models)
    with pytest.raises(ModelError, match=r"manifest\.json: Invalid JSON"):
        write(made, models, b"two")
    assert contents(models) == before


def test_a_folder_that_cannot_be_made_is_one_line(made: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConvertError, match="cannot be written") as error:
        write(made, tmp_path / "file" / "models", b"one")
    assert "\n" not in str(error.value)


class CrashError(BaseException):
    """The power goes."""


@contextmanager
def crash_before(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """Let everything after the first `step` renamings and removals not happen, not even tidying up."""
    done: list[str] = []
    replace, unlink = Path.replace, Path.unlink

    def perhaps(name: str) -> None:
        if len(done) == step:
            raise CrashError
        done.append(name)

    def counted_replace(path: Path, target: Path) -> Path:
        perhaps(f"put {Path(target).name}")
        return replace(path, target)

    def counted_unlink(path: Path, *, missing_ok: bool = False) -> None:
        perhaps(f"remove {path.name}")
        unlink(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", counted_replace)
        patched.setattr(Path, "unlink", counted_unlink)
        yield done


@pytest.mark.parametrize("step", range(5))
def test_a_crash_at_any_step_leaves_a_manifest_that_is_true(
    made: Path, models: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    write(made, models, b"one")
    with crash_before(monkeypatch, step) as done:
        try:
            write(made, models, b"two")
        except CrashError:
            assert len(done) == step
        else:
            assert [what.split("-")[0] for what in done] == [
                "put depth_small",
                "put manifest.json",
                "put depth_small.md",
                "remove depth_small",
            ]
    assert check(models) == ["depth_small"]
    (models / "depth_small.tflite").write_bytes(b"somebody's own")
    write(made, models, b"two")
    assert check(models) == ["depth_small"]
    there = {name for name in contents(models) if name.endswith(".tflite")}
    assert there == {f"depth_small-{sha256(b'two')[:12]}.tflite", "depth_small.tflite"}


@pytest.mark.parametrize("full_at", ["manifest.json", "depth_small.md"])
def test_a_disk_that_is_full_leaves_no_file_that_the_manifest_does_not_name(
    made: Path, models: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    write(made, models, b"one")

    def full(path: Path, content: bytes) -> None:
        if path.name == full_at:
            raise ConvertError(f"{path}: cannot be written (No space left on device)")
        atomic.write_whole(path, content)

    monkeypatch.setattr(manifest_module, "write_whole", full)
    with pytest.raises(ConvertError):
        write(made, models, b"two")
    assert check(models) == ["depth_small"]
    there = {name for name in contents(models) if name.endswith(".tflite")}
    old, new = (f"depth_small-{sha256(content)[:12]}.tflite" for content in (b"one", b"two"))
    assert there == ({old} if full_at == "manifest.json" else {old, new})


def test_two_conversions_at_once_do_not_lose_each_others_models(made: Path, models: Path) -> None:
    names = [f"model_{number}" for number in range(8)]
    threads = [threading.Thread(target=write, args=(made, models, name.encode(), name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check(models) == names


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,40}", fullmatch=True), st.binary())
def test_a_name_takes_on_the_hash_of_the_content_once(name: str, content: bytes) -> None:
    named = content_name(name, sha256(content))
    assert sha256(content)[:12] in named
    assert content_name(named, sha256(content)) == named
    assert named.rpartition(".")[2] == name.rpartition(".")[2] or "." not in name


@settings(max_examples=20)
@given(st.dictionaries(st.text("ab|", min_size=1, max_size=3), st.floats(-1e12, 1e12), max_size=4))
def test_a_card_has_whole_tables(tmp_path_factory: pytest.TempPathFactory, figures: dict[str, float]) -> None:
    folder = tmp_path_factory.mktemp("card")
    write(folder, folder / "models", b"one", parity=figures, network="midas|lite")
    card = (folder / "models" / "depth_small.md").read_text(encoding="utf-8")
    rows = [line.replace("\\|", "") for line in card.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} <= {3, 5, 7}
    assert ("## Parity" in card) == bool(figures)


def test_every_error_is_for_people() -> None:
    assert issubclass(ConvertError, JanbanError)
    assert issubclass(ModelError, JanbanError)
