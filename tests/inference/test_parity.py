"""The parity record: what is damaged, or of other networks, is one line; nothing of it is run or trusted."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ModelError
from appliance.inference.parity import (
    FILE_NAME,
    LARGEST_FILE_BYTES,
    SCHEMA_ID,
    ParityRecord,
    enlarged,
    kept,
    parity_of,
)
from appliance.inference.selection import Selection, select
from convert.parity.archive import record_bytes
from tests.inference.entries import networks_folder, parity_arrays, two_networks

DEPTH, SEGMENTATION = two_networks()
DEPTH_NAME = f"{DEPTH.files[0].sha256}-inverse_depth"
PICTURE_NAME = "picture-8x8"
RECORD = record_bytes(parity_arrays())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return networks_folder(tmp_path_factory.mktemp("parity") / "models", devices=("cpu", "edgetpu"))


@pytest.fixture(scope="module")
def selection(folder: Path) -> Selection:
    return select(folder)


def read(selection: Selection, content: bytes) -> ParityRecord:
    (selection.folder / FILE_NAME).write_bytes(content)
    return parity_of(selection.folder, selection)


def refused(selection: Selection, content: bytes) -> str:
    with pytest.raises(ModelError) as error:
        read(selection, content)
    line = str(error.value)
    assert line.startswith(f"{selection.folder / FILE_NAME}: ")
    assert line.endswith("make it anew with convert self-test")
    assert "\n" not in line
    return line


def archive(
    *members: tuple[str, bytes], comment: str = SCHEMA_ID, packed: int = zipfile.ZIP_DEFLATED
) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packed) as opened:
        opened.comment = comment.encode()
        for name, data in members:
            opened.writestr(f"{name}.npy", data)
    return content.getvalue()


def npy(array: npt.NDArray[Any], version: tuple[int, int] = (1, 0)) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version)
    return content.getvalue()


def with_member(name: str, data: bytes) -> bytes:
    members = {known: npy(array) for known, array in parity_arrays().items()}
    return archive(*{**members, name: data}.items())


def test_what_was_written_is_read(selection: Selection) -> None:
    arrays = parity_arrays()
    record = read(selection, record_bytes(arrays))
    assert set(record.pictures) == {(8, 8)}
    assert np.array_equal(kept(record.pictures[8, 8]), arrays[PICTURE_NAME])
    assert np.array_equal(record.answers["depth"][0], arrays[DEPTH_NAME])
    scores, quantity = record.answers["segmentation"]
    assert (scores.shape, scores.dtype, quantity.shape) == ((4, 4, 7), np.int8, (2,))


@given(st.integers(1, 9), st.integers(1, 9))
def test_a_picture_of_any_size_is_enlarged_again(height: int, width: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    large = enlarged(kept(picture), (height, width))
    assert large.shape == picture.shape
    assert np.array_equal(kept(large), kept(picture))


def test_the_same_answers_agree_whatever_integers_a_file_gives_them_as(selection: Selection) -> None:
    record = read(selection, RECORD)
    file = SEGMENTATION.files[1]
    scores = np.arange(8 * 8 * 7).astype(np.int8).reshape(1, 8, 8, 7)
    quantity = np.array([[0, 1]], np.int8)
    same = record.compare("segmentation", file, (scores, quantity))
    assert [one.raw_difference for one in same] == [0, 0]
    assert [one.meaning for one in same] == ["segmentation", "quantity"]
    # Twice the scale, half the steps: rounding is all that is left.
    coarse = file.outputs[0].model_copy(update={"scale": 1.0, "zero_point": 0})
    recoded = file.model_copy(update={"outputs": (coarse, file.outputs[1])})
    halved = np.minimum(np.rint((scores.astype(float) + 128) / 2), 127).astype(np.int8)
    found = record.compare("segmentation", recoded, (halved, quantity))
    assert 0 < found[0].raw_difference < 0.01
    assert all(one.fault for one in record.compare("segmentation", file, (-1 - scores, quantity[:, ::-1])))


def test_a_folder_without_a_record(folder: Path, selection: Selection) -> None:
    (folder / FILE_NAME).unlink(missing_ok=True)
    with pytest.raises(ModelError, match=r"parity\.npz: missing; make it with convert self-test"):
        parity_of(folder, selection)


def test_a_record_of_other_networks_names_those_that_it_does_not_know(selection: Selection) -> None:
    arrays = parity_arrays()
    del arrays[DEPTH_NAME]
    assert "knows no depth.cpu.tflite; make" in refused(selection, record_bytes(arrays))
    assert "knows no depth.cpu.tflite or seg.cpu.tflite" in refused(selection, record_bytes({}))


def test_networks_without_files_for_the_cpu_have_no_record(folder: Path, selection: Selection) -> None:
    compiled = {
        network: entry.model_copy(update={"files": entry.files[1:]})
        for network, entry in selection.entries.items()
    }
    with pytest.raises(ModelError, match="networks without files for the CPU"):
        parity_of(folder, Selection(folder, compiled))


def test_more_models_than_the_two_do_no_harm(selection: Selection) -> None:
    arrays = parity_arrays() | {"0123-inverse_depth": np.zeros(3), "picture-9x9": np.zeros(1)}
    read(selection, record_bytes(arrays))


class _Trap:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return eval, ("__import__('pytest').fail('what a file says was run')",)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "File is not a zip file"),
        (RECORD[:-1], "is no janban.parity/1"),
        (RECORD[: len(RECORD) // 2], "File is not a zip file"),
        (archive(comment="janban.parity/2"), "is no janban.parity/1"),
        (with_member(DEPTH_NAME, b""), "damaged"),
        (with_member(DEPTH_NAME, npy(np.zeros((8, 8, 1), np.float32))), "is not float32 [4, 4, 1]"),
        (with_member(DEPTH_NAME, npy(np.zeros((4, 4, 1), np.int8))), "is not float32 [4, 4, 1]"),
        (with_member(DEPTH_NAME, npy(np.zeros((4, 4, 1), np.float32))[:-1]), "shorter than its header says"),
        (with_member(DEPTH_NAME, npy(np.zeros((4, 4, 1), np.float32)) + b"1"), "longer than its header says"),
        (with_member(DEPTH_NAME, npy(np.zeros((4, 4, 1), np.float32), (2, 0))), "is not float32"),
        (with_member(DEPTH_NAME, npy(np.full((4, 4, 1), np.nan, np.float32))), "no finite numbers"),
        (with_member(DEPTH_NAME, npy(np.array([_Trap()], object))), "is not float32"),
        (with_member(DEPTH_NAME, npy(np.zeros(1)).replace(b"(1,)", b"(((")), "is not float32"),
        (with_member(PICTURE_NAME, npy(np.zeros((8, 8, 3), np.uint8))), "is not uint8 [4, 4, 3]"),
        (archive((DEPTH_NAME, b""), (f"{SEGMENTATION.files[0].sha256}-quantity", b"")), "picture-8x8"),
    ],
)
def test_a_damaged_record_is_one_line(selection: Selection, content: bytes, why: str) -> None:
    assert why in refused(selection, content)


def test_an_archive_that_is_packed_otherwise_is_not_unpacked(selection: Selection) -> None:
    members = {known: npy(array) for known, array in parity_arrays().items()}
    content = archive(*members.items(), packed=zipfile.ZIP_LZMA)
    assert "packed in a way that is not known" in refused(selection, content)


def test_a_bomb_is_not_unpacked(selection: Selection, monkeypatch: pytest.MonkeyPatch) -> None:
    longest = []
    read_some = zipfile.ZipExtFile.read

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        longest.append(n)
        return read_some(self, n)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    bomb = npy(np.zeros((4, 4, 1), np.float32)) + bytes(50_000_000)
    assert "longer than its header says" in refused(selection, with_member(DEPTH_NAME, bomb))
    assert all(n is not None and 0 < n < 5000 for n in longest)


def test_a_large_file_is_not_read(folder: Path, selection: Selection) -> None:
    with pytest.raises(ModelError, match="too large, over 2 MB"):
        read(selection, bytes(LARGEST_FILE_BYTES + 1))
    (folder / FILE_NAME).unlink()
    (folder / FILE_NAME).mkdir()
    with pytest.raises(ModelError, match="Is a directory"):
        parity_of(folder, selection)
    (folder / FILE_NAME).rmdir()
