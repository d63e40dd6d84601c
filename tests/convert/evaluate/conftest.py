from pathlib import Path

import pytest

from tests.convert.evaluate.trays import render


@pytest.fixture(scope="session")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("evaluate") / "trays")
