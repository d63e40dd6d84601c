"""A line made of photograph-like pictures: trays cut out of `rendered_trays`, moved over their counters."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.frame import Frame
from appliance.picture import Picture

DATA = Path(__file__).parents[3] / "shared" / "data"
RENDERED = DATA / "rendered_trays"


@dataclass(frozen=True, eq=False)
class Cutout:
    """A tray's picture and mask, its centre in the middle; `size` is the tray's (long, short) in pixels."""

    image: Picture
    mask: npt.NDArray[np.float32]
    corners: npt.NDArray[np.float32]


def cutouts(setup: int) -> list[Cutout]:
    """Cut out the returned trays of a canteen that lie whole in their pictures."""
    found = []
    for path in sorted((RENDERED / f"setup{setup}").glob("return_*.jpg")):
        image = cv2.imread(str(path))
        mask = cv2.imread(str(RENDERED / "gt" / f"setup{setup}" / f"{path.stem}_tray.png"), 0)
        assert image is not None
        assert mask is not None
        edge = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
        if edge.any():
            continue
        contour = max(
            cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea
        )
        box = cv2.minAreaRect(contour)
        centre = np.array(box[0])
        shift = np.array([[1, 0, 479.5 - centre[0]], [0, 1, 359.5 - centre[1]]])
        alpha = cv2.GaussianBlur(cv2.warpAffine(mask, shift, (960, 720)).astype(np.float32) / 255, (0, 0), 1)
        found.append(
            Cutout(
                np.asarray(cv2.warpAffine(image, shift, (960, 720)), np.uint8),
                np.asarray(alpha, np.float32),
                cv2.boxPoints(((0.0, 0.0), box[1], box[2])).astype(np.float32),
            )
        )
    return found


def counter(setup: int) -> Picture:
    """Return a canteen's bare counter: what is seen between the trays, mirrored into what never is."""
    pictures, masks = [], []
    for path in sorted((RENDERED / f"setup{setup}").glob("*.jpg")):
        image, mask = (
            cv2.imread(str(path)),
            cv2.imread(str(RENDERED / "gt" / f"setup{setup}" / f"{path.stem}_tray.png"), 0),
        )
        assert image is not None
        assert mask is not None
        pictures.append(image)
        masks.append(cv2.dilate(mask, np.ones((61, 61), np.uint8)) > 0)
    stack = np.ma.masked_array(np.stack(pictures), np.repeat(np.stack(masks)[:, :, :, None], 3, axis=3))
    median = np.ma.median(stack, axis=0)
    hole = np.ma.getmaskarray(median).any(axis=2).astype(np.uint8)
    known = median.filled(0).astype(np.uint8)
    small = cv2.inpaint(
        cv2.resize(known, (240, 180), interpolation=cv2.INTER_AREA),
        cv2.dilate(cv2.resize(hole, (240, 180), interpolation=cv2.INTER_NEAREST), np.ones((5, 5), np.uint8)),
        5,
        cv2.INPAINT_TELEA,
    )
    filled = cv2.resize(small, (960, 720), interpolation=cv2.INTER_CUBIC)
    alpha = cv2.GaussianBlur(hole.astype(np.float32), (0, 0), 4)[:, :, None]
    return np.asarray(known * (1 - alpha) + filled * alpha, np.uint8)


def steel_counter() -> Picture:
    """Return a counter of brushed steel, as grey as the trays."""
    rng = np.random.default_rng(8)
    brushed = cv2.blur(rng.normal(0, 40, (720, 960)).astype(np.float32), (101, 1))
    light = 165 + 25 * np.cos(np.linspace(-2, 2, 960))[None, :] + brushed
    return np.repeat(np.clip(light, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class Pose:
    """Where a tray's centre lies, in pixels from the middle of the picture."""

    tray: int
    x: float
    y: float


def compose(
    ground: Picture, trays: list[Cutout], poses: Iterator[list[Pose]], fps: float = 10.0, noise: float = 2.0
) -> Iterator[tuple[Frame, list[Pose]]]:
    """Yield a frame, and what it shows, for each list of poses."""
    rng = np.random.default_rng(5)
    for index, shown in enumerate(poses):
        picture = ground.astype(np.float32)
        for pose in shown:
            tray = trays[pose.tray]
            shift = np.array([[1, 0, pose.x], [0, 1, pose.y]])
            image = cv2.warpAffine(tray.image, shift, (960, 720)).astype(np.float32)
            alpha = cv2.warpAffine(tray.mask, shift, (960, 720))[:, :, None]
            shadow = cv2.GaussianBlur(alpha, (0, 0), 12)[:, :, None]
            picture = picture * (1 - 0.35 * shadow) * (1 - alpha) + image * alpha
        grain = cv2.resize(rng.normal(0, noise, (720, 960)).astype(np.float32), (960, 720))
        picture = np.clip(picture + grain[:, :, None], 0, 255)
        at_s = index / fps
        stamp = datetime(2026, 3, 2, 3, tzinfo=UTC) + timedelta(seconds=at_s)
        yield Frame(picture.astype(np.uint8), 50.0 + at_s, stamp, index), shown


def gliding(trays: list[Cutout], step_px: float) -> Iterator[list[Pose]]:
    """Let the trays glide through, one after the other."""
    yield from ([] for _ in range(8))
    for number in range(len(trays)):
        for x in np.arange(-850, 850, step_px):
            yield [Pose(number, float(x), 0.0)]
    yield from ([] for _ in range(5))


def set_down(trays: list[Cutout], rest_frames: int = 12) -> Iterator[list[Pose]]:
    """Set each tray down from the front edge, let it lie, take it away."""
    yield from ([] for _ in range(8))
    for number in range(len(trays)):
        way = [*np.linspace(720, 0, 6), *[0.0] * rest_frames, *np.linspace(0, 720, 6)]
        for y in way:
            yield [Pose(number, 0.0, float(y))]
    yield from ([] for _ in range(5))
