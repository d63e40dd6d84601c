"""Pictures to train on: labels lie where the picture shows them, and a seed's stream is always the same."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from appliance.estimate.depth import DECK
from convert.errors import ConvertError
from convert.networks.build import resnet
from convert.networks.spec import TRAY_CLASSES
from convert.synth.samples import find_samples
from convert.train.augment import photographed, placed
from convert.train.dataset import Data, Stream, ahead, find_data, validation_batches
from convert.train.rectify import UNSEEN, Views, quantity_class, rectify
from convert.train.task import depth_mask, depth_target

SPEC = resnet(18, height=64, width=64).spec


def test_pictures_to_validate_on_are_never_trained_on_and_those_to_test_on_are_not_used(
    data: Data, trays: Path, tmp_path: Path
) -> None:
    assert [example.sample.set_up for example in data.training] == [0, 0, 0]
    assert [example.sample.set_up for example in data.validation] == [19, 19]
    shutil.copytree(trays, tmp_path, dirs_exist_ok=True)
    (tmp_path / "set-up-00009" / "empty").mkdir(parents=True)
    (tmp_path / "set-up-00009" / "empty" / "truth.json").write_text('{"set_up": 9}')
    more = find_data([tmp_path], Views(None))
    assert [len(more.training), len(more.validation)] == [3, 2]
    shutil.rmtree(tmp_path / "set-up-00019")
    with pytest.raises(ConvertError, match="at least 191 pictures"):
        find_data([tmp_path], Views(None))


def test_a_step_has_the_same_batch_whenever_it_is_asked_for(data: Data) -> None:
    first, second = Stream(data, SPEC, 2, 5), Stream(data, SPEC, 2, 5)
    wanted = [first.batch(step) for step in range(4)]
    for step in (3, 1):
        again = second.batch(step)
        assert torch.equal(again.images, wanted[step].images)
        assert torch.equal(again.classes, wanted[step].classes)
        assert torch.equal(again.surface_mm, wanted[step].surface_mm)
    assert not torch.equal(wanted[0].images, wanted[3].images)
    other = Stream(data, SPEC, 2, 6).batch(0)
    assert not torch.equal(other.images, wanted[0].images)
    for made, step in zip(ahead(first.batch, range(1, 4)), range(1, 4), strict=True):
        assert torch.equal(made.images, wanted[step].images)


def test_pairs_show_one_type_of_tray_the_same_way_round(data: Data) -> None:
    stream = Stream(data, SPEC, 6, 4, pairs=True)
    steel = TRAY_CLASSES.index("clean")
    for step in range(4):
        batch = stream.batch(step)
        assert batch.images.shape[0] == 6
        assert torch.equal(batch.images, Stream(data, SPEC, 6, 4, pairs=True).batch(step).images)
        for first in range(0, 6, 2):
            assert not torch.equal(batch.images[first], batch.images[first + 1])
            bare = (batch.classes[first] == steel) & (batch.classes[first + 1] == steel)
            off_mm = (batch.surface_mm[first] - batch.surface_mm[first + 1]).abs()[bare]
            assert float(off_mm.median()) < 1


def test_every_picture_is_shown_once_an_epoch(data: Data) -> None:
    stream = Stream(data, SPEC, 3, 1)
    # Two pictures of one tray in full and one empty: the quantities tell whether all were there.
    wanted = sorted(rectify(example.sample).quantity for example in data.training)
    for epoch in range(3):
        assert sorted(stream.batch(epoch).quantity.tolist()) == wanted


def test_a_kept_view_is_the_view(data: Data, tmp_path: Path) -> None:
    sample = data.training[1].sample
    views = Views(tmp_path)
    fresh, kept = views.get(sample, "a"), views.get(sample, "a")
    assert np.array_equal(fresh.picture, kept.picture)
    assert np.array_equal(fresh.classes, kept.classes)
    assert np.array_equal(fresh.surface_mm, kept.surface_mm)
    (file,) = tmp_path.rglob("*.npz")
    file.write_bytes(file.read_bytes()[:1000])
    assert np.array_equal(views.get(sample, "a").picture, kept.picture)
    assert file.stat().st_size > 1000


def test_surface_is_the_deck_at_0_and_the_floors_at_the_wells_depth(data: Data) -> None:
    empty = data.training[0].sample
    view = rectify(empty)
    picture, classes, surface = placed(view, 128, None)
    width, height = view.size_mm
    for well in empty.truth["wells"]:
        x, y = np.mean(well["floor_mm"], axis=0)
        seen = surface[round(y / height * 128 - 0.5), round(x / width * 128 - 0.5)]
        assert seen == pytest.approx(-well["depth_mm"], abs=1.5)
    clean = classes == TRAY_CLASSES.index("clean")
    assert clean.mean() > 0.8
    assert np.abs(np.median(surface[clean][surface[clean] > -1])) < 1.0
    assert picture.shape == (128, 128, 3)


def test_food_lies_within_its_well_in_picture_and_maps(data: Data) -> None:
    full, empty = (rectify(data.training[index].sample) for index in (1, 0))
    food = np.isin(full.classes, [TRAY_CLASSES.index(name) for name in ("rice", "liquid", "solid")])
    assert food.mean() > 0.1
    assert np.median((full.surface_mm - empty.surface_mm)[food]) > 3
    steel = (full.classes == TRAY_CLASSES.index("clean")) & (empty.classes == TRAY_CLASSES.index("clean"))
    difference = np.abs(full.picture.astype(float) - empty.picture).mean(axis=2)
    assert difference[food].mean() > 2 * np.median(difference[steel])


def test_picture_and_labels_move_together(data: Data) -> None:
    view = rectify(data.training[1].sample)
    plain = placed(view, 96, None)
    turns = {
        "as it was": lambda map_: map_,
        "mirrored": lambda map_: map_[:, ::-1],
        "turned": lambda map_: map_[::-1, ::-1],
        "both": lambda map_: map_[::-1],
    }
    met = set()
    for seed in range(12):
        moved = placed(view, 96, np.random.default_rng(seed))
        off = {
            name: [float(np.mean(turn(plain[which]) != moved[which])) for which in (1,)]
            + [float(np.abs(turn(plain[2]) - moved[2]).mean())]
            + [float(np.abs(turn(plain[0]).astype(float) - moved[0]).mean())]
            for name, turn in turns.items()
        }
        nearest = {min(off, key=lambda name, part=part: off[name][part]) for part in range(3)}
        assert len(nearest) == 1
        met |= nearest
    assert met == set(turns)


def test_what_the_picture_cuts_off_is_unseen(data: Data) -> None:
    view = rectify(data.training[1].sample)
    cut = type(view)(view.picture, view.classes.copy(), view.surface_mm, view.size_mm, view.quantity)
    cut.classes[:, :100] = UNSEEN
    classes = torch.from_numpy(placed(cut, 64, None)[1].astype(np.int64))[None]
    assert not bool(depth_mask(classes)[0, :, :15].any())
    assert bool(depth_mask(classes)[0, :, 40:].any())


def test_depth_is_the_deck_plus_height_and_never_below_0() -> None:
    target = depth_target(torch.tensor([-80.0, -50.0, 0.0, 25.0]))
    assert target.tolist() == [0, 0, DECK, 1.5]


def test_another_camera_changes_colours_not_places() -> None:
    grey = np.full((32, 32, 3), 128, np.uint8)
    grey[8:24, 8:24] = 220
    changed = [photographed(grey, np.random.default_rng(seed)) for seed in range(8)]
    assert len({picture.tobytes() for picture in changed}) == 8
    for picture in changed:
        assert picture.shape == grey.shape
        assert cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[12:20, 12:20].mean() > picture[:4, :4].mean()


def test_quantity_is_the_class_of_the_mean_leftover() -> None:
    def wells(*fractions: float) -> list[dict[str, float]]:
        return [{"fraction": fraction, "full_volume_cm3": 100} for fraction in fractions]

    assert quantity_class(wells(0, 0)) == 0
    assert quantity_class(wells(1.3, 0.5)) == 3
    assert quantity_class([*wells(1, 1), {"fraction": 0, "full_volume_cm3": 0}]) == 4
    assert quantity_class([]) == 0


def test_validation_takes_pictures_evenly_and_unchanged(data: Data) -> None:
    batches = list(validation_batches(data, SPEC, 1, 5))
    assert len(batches) == 2
    assert torch.equal(batches[0].images, next(validation_batches(data, SPEC, 1, 1)).images)


def test_damaged_pictures_are_one_line(data: Data, trays: Path, tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="no such folder"):
        find_data([tmp_path / "none"], Views(None))
    with pytest.raises(ConvertError, match=r"data\.json"):
        find_data([tmp_path], Views(None))
    marker = tmp_path / "data.json"
    marker.write_bytes((trays / "data.json").read_bytes())
    with pytest.raises(ConvertError, match="no finished pictures"):
        find_data([tmp_path], Views(None))
    (tmp_path / "set-up-00019").mkdir()
    (tmp_path / "set-up-00019" / "empty").symlink_to(data.validation[0].sample.folder)
    with pytest.raises(ConvertError, match="all pictures are held out"):
        find_data([tmp_path], Views(None))
    copied = tmp_path / "set-up-00019" / "return-01"
    copied.mkdir()
    (copied / "truth.json").write_text("{}")
    with pytest.raises(ConvertError, match=r"truth\.json is damaged"):
        find_data([tmp_path], Views(None))
    with pytest.raises(ConvertError, match="damaged"):
        rectify(find_samples(tmp_path)[1])
