"""Writes `models/`: the files, `manifest.json`, and a card per model, so that a crash leaves nothing false.

A file's name carries the beginning of its SHA-256. So a new version never takes an old one's place: new files
are put beside the old, then the manifest is replaced, and only then the old files go. At every moment the
manifest names files that are there and are what it says.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal

from appliance.errors import ModelError
from appliance.inference.manifest import (
    FILE_NAME,
    InputSignature,
    Manifest,
    ModelEntry,
    ModelFile,
    OutputSignature,
    load_manifest,
)
from appliance.inference.verify import verify_file
from convert.atomic import write_whole
from convert.card import model_card
from convert.errors import ConvertError

_HASH_DIGITS: Final = 12
_SIGNIFICANT_DIGITS: Final = 6
"""Of figures: the last bits of a sum of floats differ from one machine to the next."""


def model_file(
    path: Path,
    *,
    device: Literal["cpu", "edgetpu"],
    picture: InputSignature,
    outputs: Sequence[OutputSignature],
) -> ModelFile:
    """Describe the file at `path`, by its own name; raises `ConvertError` if it cannot be read."""
    content = _content(path)
    return ModelFile(
        file=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        device=device,
        input=picture,
        outputs=tuple(outputs),
    )


def write_models(folder: Path, entry: ModelEntry, files: Mapping[str, Path]) -> ModelEntry:
    """Put a model's files into `folder`, and its entry, under their final names, into the manifest there.

    `files` says for the name of each of the entry's files where it is to be copied from. An older version
    of the model goes, its files included; other models stay. Returns the entry as it was written. Raises
    `ConvertError` if a file is not there, is not what the entry says, or the folder cannot be written, and
    `ModelError` if the manifest in `folder` is damaged; the folder's models are then what they were.
    """
    contents = {file.file: _checked(file, files) for file in entry.files}
    renamed = [file.model_copy(update={"file": content_name(file.file, file.sha256)}) for file in entry.files]
    named = entry.model_copy(update={"files": tuple(renamed)})
    with _only_writer(folder):
        _manifest_in(folder)
        try:
            for before, after in zip(entry.files, renamed, strict=True):
                if not _is_there(folder, after):
                    write_whole(folder / after.file, contents[before.file])
            return _put(folder, named)
        except BaseException:
            for name in {file.file for file in renamed} - _names(_manifest_in(folder)):
                (folder / name).unlink(missing_ok=True)
            raise


def add_entry(folder: Path, entry: ModelEntry) -> ModelEntry:
    """Put an entry whose files are in `folder` already into the manifest, in the place of its namesake.

    Files that the namesake alone had are removed. Returns the entry as it was written. Raises `ModelError` if
    a file is not in the folder or is not what the entry says, or the manifest is damaged.
    """
    with _only_writer(folder):
        return _put(folder, entry)


def content_name(name: str, sha256: str) -> str:
    """Return `name` with the beginning of the hash: depth.tflite becomes depth-0123456789ab.tflite."""
    stem, dot, ending = _plain_name(name).rpartition(".")
    stem, ending = (stem, dot + ending) if dot else (ending, "")
    return f"{stem}-{sha256[:_HASH_DIGITS]}{ending}"


def _plain_name(name: str) -> str:
    """Return the name without the hash that `content_name` put into it."""
    return re.sub(rf"-[0-9a-f]{{{_HASH_DIGITS}}}(?=\.[^.]*$|$)", "", name)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the file's content; the same manifest always gives the same bytes."""
    return (json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


def _put(folder: Path, entry: ModelEntry) -> ModelEntry:
    before = _manifest_in(folder)
    entry = _tidied(entry)
    for file in entry.files:
        verify_file(folder, file)
    others = [model for model in before.models if model.name != entry.name]
    after = Manifest(models=tuple(sorted([*others, entry], key=lambda model: model.name)))
    write_whole(folder / FILE_NAME, manifest_bytes(after))
    write_whole(folder / f"{entry.name}.md", model_card(entry).encode())
    for name in (_names(before) | _versions(folder, entry)) - _names(after):
        # One that stays takes room, and nothing else.
        with suppress(OSError):
            (folder / name).unlink(missing_ok=True)
    return entry


def _versions(folder: Path, entry: ModelEntry) -> set[str]:
    """Return the names of all versions of the entry's files; a crash may have left one that nobody names."""
    plain = {_plain_name(file.file) for file in entry.files}
    return {
        path.name for path in folder.iterdir() if path.name not in plain and _plain_name(path.name) in plain
    }


def _tidied(entry: ModelEntry) -> ModelEntry:
    """Put what has no order of its own into alphabetical order, and cut figures to what they mean."""
    figures = {
        field: {key: _significant(value) for key, value in sorted(getattr(entry, field).items())}
        for field in ("parity", "accuracy", "cost")
    }
    files = tuple(sorted(entry.files, key=lambda file: file.file))
    tools = dict(sorted(entry.tools.items()))
    return ModelEntry.model_validate({**dict(entry), **figures, "files": files, "tools": tools})


def _significant(value: float) -> float:
    """Round, but for whole numbers: counts and bytes are exact."""
    return value if value.is_integer() else float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _manifest_in(folder: Path) -> Manifest:
    path = folder / FILE_NAME
    return load_manifest(path) if path.exists() else Manifest(models=())


def _names(manifest: Manifest) -> set[str]:
    return {file.file for model in manifest.models for file in model.files}


def _is_there(folder: Path, file: ModelFile) -> bool:
    try:
        verify_file(folder, file)
    except ModelError:
        return False
    return True


def _checked(file: ModelFile, files: Mapping[str, Path]) -> bytes:
    if file.file not in files:
        raise ConvertError(f"{file.file}: the manifest's entry names it, but it was not made")
    content = _content(files[file.file])
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ConvertError(f"{files[file.file]}: has changed since it was described; convert again")
    return content


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error.strerror})") from None


@contextmanager
def _only_writer(folder: Path) -> Iterator[None]:
    """Make the folder if it is absent, and wait until no other conversion writes to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise ConvertError(f"{folder}: cannot be written ({error.strerror}); name another folder") from None
    try:
        # Some network file systems cannot lock folders; two conversions at once are rare enough there.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
