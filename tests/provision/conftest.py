from pathlib import Path

import pytest

from tests.provision.authority import Authority, new_authority
from tests.provision.boxes import Box, new_box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return new_box(tmp_path)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority()
