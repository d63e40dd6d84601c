from pathlib import Path

import pytest

from tests.update.boxes import Box, new_box


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return new_box(tmp_path / "box")
