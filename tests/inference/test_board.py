import os

import numpy as np
import pytest

from appliance.inference.board import lay_out, open_memory
from appliance.inference.manifest import ModelFile
from appliance.inference.selection import Network
from tests.inference.entries import input_signature, model_file, two_networks

DEPTH, SEGMENTATION = (entry.files[0] for entry in two_networks())
FILES: dict[Network, ModelFile] = {"depth": DEPTH, "segmentation": SEGMENTATION}


def test_networks_of_one_size_see_one_picture() -> None:
    memory = open_memory()
    board = lay_out(memory, FILES)
    os.close(memory)
    assert list(board.pictures) == [(8, 8)]
    assert board.pictures[8, 8].shape == (8, 8, 3)
    assert [output.shape for output in board.outputs["segmentation"]] == [(1, 8, 8, 7), (1, 2)]
    assert {output.dtype for output in board.outputs["depth"]} == {np.dtype(np.float32)}


def test_networks_of_two_sizes_have_a_picture_each() -> None:
    wide = model_file(input=input_signature(shape=(1, 8, 16, 3)))
    memory = open_memory()
    board = lay_out(memory, {"depth": wide, "segmentation": SEGMENTATION})
    os.close(memory)
    assert {size: picture.shape for size, picture in board.pictures.items()} == {
        (8, 8): (8, 8, 3),
        (8, 16): (8, 16, 3),
    }


def test_what_one_side_writes_the_other_reads_and_nothing_else() -> None:
    memory = open_memory()
    ours, theirs = lay_out(memory, FILES), lay_out(memory, FILES)
    os.close(memory)
    slots = [*theirs.pictures.values(), *theirs.outputs["depth"], *theirs.outputs["segmentation"]]
    for number, slot in enumerate(slots):
        slot[:] = number + 1
    seen = [*ours.pictures.values(), *ours.outputs["depth"], *ours.outputs["segmentation"]]
    assert [np.unique(slot).tolist() for slot in seen] == [[1], [2], [3], [4]]


def test_memory_is_there_without_memfd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    memory = open_memory()
    lay_out(memory, FILES).pictures[8, 8][:] = 9
    assert (lay_out(memory, FILES).pictures[8, 8] == 9).all()
    os.close(memory)
