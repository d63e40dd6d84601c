from pathlib import Path

import pytest

from convert.train.dataset import Data, find_data
from convert.train.rectify import Views
from tests.convert.train.trays import render


@pytest.fixture(scope="session")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("train") / "trays")


@pytest.fixture(scope="session")
def data(trays: Path, tmp_path_factory: pytest.TempPathFactory) -> Data:
    return find_data([trays], Views(tmp_path_factory.mktemp("views")))
