"""The log of a training, and what is told of it in the checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch

from appliance.inference.record import Source, Stretch
from convert.card_training import training
from convert.errors import CheckpointError
from convert.networks.build import build
from convert.networks.recognise import open_checkpoint
from convert.networks.state import read_record, save_checkpoint
from convert.train.log import Log, read_log, record_in

SOURCE = {"name": "crops", "use": "surfaces of food", "licence": "MIT", "origin": "example.org"}


def start(event: str, step: int, pictures: int, **other: object) -> dict[str, Any]:
    settings = {"network": "resnet18", "data": ["seed 4"], "steps": 90, "rate": 0.001}
    line = {"event": event, "step": step, "settings": settings, "encoder_weights": "random"}
    return line | {"pictures": pictures, "validation_pictures": 20, "sources": []} | other


def judged(step: int, miou: float, *, best: bool) -> dict[str, Any]:
    return {"event": "validation", "step": step, "best": best, "miou": miou}


def test_a_record_is_of_the_best_weights_and_of_what_led_to_them() -> None:
    lines = [
        start("began", 0, 100, sources=[SOURCE]),
        {"event": "step", "step": 20, "loss": 2.0},
        judged(30, 0.4, best=True),
        start("resumed", 40, 200),
        judged(60, 0.6, best=True),
        start("resumed", 70, 300),
        judged(90, 0.5, best=False),
    ]
    record = record_in(lines)
    assert record is not None
    assert (record.step, record.validation, record.data) == (60, {"miou": 0.6}, ("seed 4",))
    assert record.settings == {"network": "resnet18", "steps": 90, "rate": 0.001}
    assert [(stretch.step, stretch.pictures) for stretch in record.stretches] == [(0, 100), (40, 200)]
    assert record.sources == (Source.model_validate(SOURCE),)


def test_an_earlier_training_of_the_same_log_does_not_count() -> None:
    lines = [start("began", 0, 100), judged(30, 0.9, best=True), start("began", 0, 50)]
    assert record_in(lines) is None
    record = record_in([*lines, judged(20, 0.2, best=True)])
    assert record is not None
    assert record.stretches == (Stretch(step=0, pictures=50, validation_pictures=20),)
    assert record_in([]) is None


@pytest.mark.parametrize("spoilt", [{"settings": 3}, {"pictures": "many"}, {"encoder_weights": "a\nb"}])
def test_a_log_that_somebody_edited_tells_nothing(spoilt: dict[str, Any]) -> None:
    assert record_in([start("began", 0, 100) | spoilt, judged(30, 0.4, best=True)]) is None


def test_what_a_crash_left_of_a_line_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    assert Log(path).judged_on() is None
    Log(path).write(start("began", 0, 100))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"event": "valid')
    log = Log(path)
    log.write(judged(30, 0.4, best=True))
    assert [line["event"] for line in read_log(path)] == ["began", "validation"]
    assert log.judged_on() == 20
    assert log.record() == record_in([start("began", 0, 100), judged(30, 0.4, best=True)])


def test_a_checkpoint_tells_how_it_was_trained(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pt"
    network = build("resnet18", height=64, width=64)
    save_checkpoint(network, path)
    assert read_record(path) is None
    record = record_in([start("began", 0, 100, sources=[SOURCE]), judged(30, 1 / 3, best=True)])
    save_checkpoint(network, path, record)
    assert read_record(path) == record
    opened = open_checkpoint(path, height=64, width=64).state_dict()
    assert all(torch.equal(value, opened[key]) for key, value in network.state_dict().items())


def test_a_record_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "resnet.pt"
    torch.save({"state_dict": {"a": torch.ones(1)}, "training": '{"step": 0}'}, path)
    with pytest.raises(CheckpointError, match="of another version"):
        read_record(path)


def test_a_record_tells_of_the_weights_that_it_began_with() -> None:
    first = record_in([start("began", 0, 100), judged(30, 0.4, best=True)])
    assert first is not None
    lines = [
        start("began", 0, 200, earlier=first.model_dump(mode="json")),
        judged(30, 0.5, best=True),
        start("resumed", 40, 300),
        judged(60, 0.6, best=True),
    ]
    record = record_in(lines)
    assert record is not None
    assert record.earlier == first
    assert "## How the weights that it began with were trained" in list(training(record))
