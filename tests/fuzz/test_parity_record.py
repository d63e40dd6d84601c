"""The networks' parity record: read as it was written, or refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from appliance.errors import ModelError
from appliance.inference.parity import ParityRecord, load_parity
from convert.parity.archive import record_bytes
from tests.fuzz.effort import effort
from tests.fuzz.hostile import damaged
from tests.fuzz.promise import result_or_refusal
from tests.fuzz.readers import NETWORKS
from tests.inference.entries import parity_arrays

RECORD = record_bytes(parity_arrays())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models") / "parity.npz"


@pytest.fixture(scope="module")
def whole(file: Path) -> ParityRecord:
    file.write_bytes(RECORD)
    return load_parity(file, NETWORKS)


@effort(300)
@given(damaged(RECORD))
def test_parity_records(file: Path, whole: ParityRecord, content: bytes) -> None:
    file.write_bytes(content)
    record = result_or_refusal(lambda: load_parity(file, NETWORKS), ModelError, "parity.npz")
    if record is None:
        return
    assert np.array_equal(record.pictures[8, 8], whole.pictures[8, 8])
    for network, answers in whole.answers.items():
        assert all(map(np.array_equal, answers, record.answers[network]))
