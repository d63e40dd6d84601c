"""The ways themselves, on one simulated tray; the study's with a DPT of a few thousand weights."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import pytest
import torch

from appliance.errors import JanbanError
from appliance.picture import load_picture
from benchmarks.trays import Trays, simulated_trays
from benchmarks.way import Way
from benchmarks.way_appliance import ApplianceWay
from benchmarks.way_pytorch import light_way, study_way
from convert.networks.dpt_network import DptSize

TINY = DptSize(side_px=64, width=32, blocks=4, heads=2, taps=(0, 1, 2, 3), necks=(8, 12, 16, 20), features=16)


@pytest.fixture(scope="module")
def trays(tmp_path_factory: pytest.TempPathFactory) -> Trays:
    return simulated_trays(tmp_path_factory.mktemp("trays"))


@pytest.fixture(autouse=True)
def _keep_threads() -> Iterator[None]:
    torch_threads, opencv_threads = torch.get_num_threads(), cv2.getNumThreads()
    yield
    torch.set_num_threads(torch_threads)
    cv2.setNumThreads(opencv_threads)


@pytest.mark.parametrize(
    ("open_way", "stages", "weights_mb"),
    [
        (ApplianceWay, {"segmentation", "depth"}, (5, 8)),
        (light_way, {"depth", "classification"}, (125, 135)),
        (partial(study_way, size=TINY), {"depth", "classification"}, (94, 96)),
    ],
    ids=["appliance", "light", "study"],
)
def test_a_way_tells_its_stages(
    open_way: Callable[[Sequence[Path]], Way],
    stages: set[str],
    weights_mb: tuple[float, float],
    trays: Trays,
) -> None:
    way = open_way(trays.calibrations)
    try:
        stages_ms = dict(way.measure(0, load_picture(trays.pictures[1][1])))
        with pytest.raises(JanbanError):
            way.measure(0, load_picture(trays.pictures[1][1])[:300, :300])
    finally:
        way.close()
    total_ms = stages_ms.pop("total")
    assert stages_ms.keys() == {"locate", "rectify", "back_projection", "fuse"} | stages
    assert 0 < sum(stages_ms.values()) <= total_ms
    assert weights_mb[0] < way.weights_mb < weights_mb[1]
