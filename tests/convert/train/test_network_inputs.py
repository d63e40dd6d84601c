"""A folder of synthetic trays, given to the chain: the networks see what they were trained on."""

from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConvertError
from convert.networks.build import resnet
from convert.pictures import pictures_for
from convert.train.dataset import Data, collate

SPEC = resnet(18, height=64, width=64).spec


def test_a_folder_of_synthetic_trays_gives_rectified_ones_as_in_training(data: Data, trays: Path) -> None:
    for part, examples in (("training", data.training), ("validation", data.validation)):
        found = pictures_for(trays, SPEC, 10, 0, part)
        assert len(found.names) == len(examples)
        wanted = collate(examples, data.views, SPEC, [None] * len(examples)).images
        assert np.allclose(found.images, wanted.permute(0, 2, 3, 1).numpy(), atol=1e-6)
    assert found.names == ("set-up-00019/empty", "set-up-00019/return-01")
    assert len(pictures_for(trays, SPEC, 2, 0, "training").names) == 2
    with pytest.raises(ConvertError, match="no set-up in it is for test"):
        pictures_for(trays, SPEC, 2, 0, "test")
