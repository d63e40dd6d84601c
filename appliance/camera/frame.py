"""A frame, and the protocol that every camera follows."""

from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from appliance.picture import Picture


@dataclass(frozen=True)
class TrayTruth:
    """What the simulator knows of a tray in view.

    `leftover` maps compartment id to volume fraction (0..1) of the full serving; `angle_deg` is the in-plane
    angle of the tray, counter-clockwise as seen in the picture, 0..360. `in_view_fraction` is the share of
    the tray's bounding rectangle inside the picture; `corners_px` are that rectangle's corners in picture
    pixels: the tray's own top left, top right, bottom right, bottom left.
    """

    tray: int
    leftover: dict[int, float]
    angle_deg: float
    in_view_fraction: float = 1.0
    corners_px: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Frame:
    """One picture from a camera.

    `captured_s` is monotonic (seconds), `captured_at` aware UTC, `index` counts from 0 per opened source.
    `truth` is empty except from the simulator: one entry per tray of which any part is in view.
    """

    image: Picture
    captured_s: float
    captured_at: datetime
    index: int
    truth: tuple[TrayTruth, ...] = field(default=())


class FrameSource(Protocol):
    """A camera, real or not. Errors are `CameraError`; one that ends by itself raises `EndOfFrames`."""

    def open(self) -> None:
        """Acquire the device and start streaming."""
        ...

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; raise `CameraError` when none came within `timeout_s`."""
        ...

    def close(self) -> None:
        """Release the device; safe to call twice, or without `open`."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class EndOfFrames(Exception):  # noqa: N818 - the end of a replay is no error
    """A replayed folder or video has no more frames."""
