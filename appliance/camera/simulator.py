"""A tray line that exists only in pictures: the demo's camera and the test bench, with every tray's truth."""

from datetime import timedelta
from types import TracebackType
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from appliance.camera.frame import Frame, TrayTruth
from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulation import props
from appliance.camera.simulation.kinds import TRAYS, layout_of
from appliance.camera.simulation.motion import Actor
from appliance.camera.simulation.script import scenes
from appliance.camera.simulation.sprite import Sprite
from appliance.camera.simulation.tray_painter import PaintedTray, paint_tray
from appliance.camera.simulation.view import View
from appliance.clock import Clock, SystemClock
from appliance.errors import CameraError
from appliance.picture import Picture
from appliance.tray.layout import Layout

_WHOLE = 0.998
"""Share of a tray's bounding rectangle in view from which it counts as whole: its corners are round."""


class SimulatedLine:
    """A `FrameSource` of painted frames, deterministic by its settings.

    Not in real time, `Frame.captured_s` and `captured_at` run at the settings' fps from the moment of `open`,
    and `read` returns as fast as it can paint. In real time `read` waits for the next frame's moment, and a
    reader that comes late gets the line as it is then. A line that started at `started_s` (monotonic) goes on
    whoever opens it, and when; without that it begins when it is opened.
    """

    def __init__(
        self,
        settings: SimulatorSettings | None = None,
        clock: Clock | None = None,
        *,
        started_s: float | None = None,
    ) -> None:
        self.settings = settings or SimulatorSettings()
        self._clock = clock or SystemClock()
        self._started_s = started_s
        self._sprite_px_per_mm = min(2.0, 1.35 * self.settings.width / self.settings.view_mm)
        self._view: View | None = None
        self._start_over()

    @property
    def layout(self) -> Layout:
        """The tray's true layout; `TrayTruth.leftover` is keyed by its compartments' ids."""
        return layout_of(self.settings.tray)

    @property
    def trays_passed(self) -> tuple[TrayTruth, ...]:
        """The trays that were whole in view in at least one frame and have left, in the order they left."""
        return tuple(self._passed)

    def open(self) -> None:
        """Start the line from its beginning, or join one that goes on."""
        self._start_over()
        self._view = View(self.settings)
        self._scenes = scenes(self.settings)
        self._scene = next(self._scenes)
        now_s = self._clock.monotonic_s()
        self._opened_s = now_s if self._started_s is None else self._started_s
        self._opened_at = self._clock.utc() - timedelta(seconds=now_s - self._opened_s)

    def close(self) -> None:
        """Stop the line; `trays_passed` stays until it is opened again."""
        self._view = None

    def _start_over(self) -> None:
        self._index = 0
        self._line_s = 0.0
        self._painted: dict[int, PaintedTray] = {}
        self._whole: dict[int, TrayTruth] = {}
        self._passed: list[TrayTruth] = []

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self, timeout_s: float) -> Frame:
        """Return the next frame; in real time raise `CameraError` if it is not due within `timeout_s`."""
        if self._view is None:
            raise CameraError("The simulated line is not open; call open() before read()")
        self._wait(timeout_s)
        self._advance(self._line_s)
        picture, truth = self._paint(self._view, self._line_s)
        captured_s = self._opened_s + self._line_s
        frame = Frame(
            picture, captured_s, self._opened_at + timedelta(seconds=self._line_s), self._index, truth
        )
        self._index += 1
        return frame

    def reference_empty(self) -> Picture:
        """Return a picture of a clean, empty tray, upright in the middle of a standing belt."""
        return self._reference(0.0)

    def reference_full(self) -> Picture:
        """Return a picture of a tray served in full, upright in the middle of a standing belt."""
        return self._reference(1.0)

    def _reference(self, leftover: float) -> Picture:
        view = self._view or View(self.settings)
        wanted = {compartment.id: leftover for compartment in self.layout.compartments}
        painted = paint_tray(
            self.settings.tray, wanted, angle_deg=0.0, px_per_mm=self._sprite_px_per_mm, seed=0, spotless=True
        )
        picture = view.belt(0.0)
        view.lay(picture, painted.sprite, view.place(painted.sprite.px_per_mm, 0, 0, 0), (0.0, 0.0))
        return view.expose(picture, np.ones(3), 0)

    def _wait(self, timeout_s: float) -> None:
        """Move on to the next frame's moment on the line's own time."""
        period_s = 1.0 / self.settings.fps
        due_s = self._line_s + (period_s if self._index else 0.0)
        if self.settings.real_time:
            now_s = self._clock.monotonic_s() - self._opened_s
            if due_s - now_s > timeout_s:
                self._clock.sleep_s(timeout_s)
                raise CameraError(
                    f"The simulated line gave no frame within {timeout_s:g} s; lower fps needs longer"
                )
            if due_s > now_s:
                self._clock.sleep_s(due_s - now_s)
            else:
                due_s = now_s
        self._line_s = due_s

    def _advance(self, time_s: float) -> None:
        """Drop what has left, and step to the scene at this time."""
        while time_s >= self._scene.end_s:
            self._scene = next(self._scenes)
            self._painted.clear()
        for actor in self._scene.actors:
            if actor.tray in self._painted and time_s > actor.end_s:
                del self._painted[actor.tray]

    def _paint(self, view: View, time_s: float) -> tuple[Picture, tuple[TrayTruth, ...]]:
        scene = self._scene
        picture = view.belt(float(scene.belt.at(time_s)[0]))
        truths = []
        order = {"napkin": 0, "tray": 1, "hand": 2}
        for actor in sorted(scene.actors, key=lambda one: order[one.kind]):
            if not actor.start_s <= time_s <= actor.end_s:
                continue
            x, y, angle = actor.path.at(time_s)
            sprite, leftover = self._sprite_of(actor, float(angle))
            placing = view.place(sprite.px_per_mm, x, y, angle)
            view.lay(picture, sprite, placing, self._motion_px(view, actor, time_s))
            if leftover is not None:
                truths.append(self._truth(view, actor, leftover, (float(x), float(y), float(angle))))
        in_view = tuple(truth for truth in truths if truth.in_view_fraction > 0)
        self._count(in_view)
        gain = scene.light.at(time_s) * (1 + self.settings.drift * np.sin(2 * np.pi * time_s / 97.0))
        return view.expose(picture, gain, self._index), in_view

    def _sprite_of(self, actor: Actor, angle_deg: float) -> tuple[Sprite, dict[int, float] | None]:
        scale = self._sprite_px_per_mm
        if actor.kind == "hand":
            return props.hand(actor.seed, scale), None
        if actor.kind == "napkin":
            return props.napkin(actor.seed, scale), None
        painted = self._painted.get(actor.tray)
        if painted is None:
            rng = np.random.default_rng([actor.seed, 3])
            wanted = {compartment.id: _portion(rng) for compartment in self.layout.compartments}
            painted = paint_tray(
                self.settings.tray, wanted, angle_deg=angle_deg, px_per_mm=scale, seed=actor.seed,
                litter=bool(rng.random() < self.settings.litter),
            )  # fmt: skip
            self._painted[actor.tray] = painted
        return painted.sprite, painted.leftover

    def _motion_px(self, view: View, actor: Actor, time_s: float) -> tuple[float, float]:
        exposure_s = self.settings.exposure_s
        moved = actor.path.at(time_s + exposure_s / 2) - actor.path.at(time_s - exposure_s / 2)
        return float(moved[0]) * view.px_per_mm, float(moved[1]) * view.px_per_mm

    def _truth(
        self, view: View, actor: Actor, leftover: dict[int, float], pose: tuple[float, float, float]
    ) -> TrayTruth:
        width, height = TRAYS[self.settings.tray].size_mm
        box = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
        corners = cv2.perspectiveTransform(box[None], view.place(1.0, *pose))[0].astype(np.float32)
        in_view = _share_inside(corners, view.size)
        points = tuple((float(x), float(y)) for x, y in corners)
        return TrayTruth(actor.tray, leftover, pose[2] % 360, in_view, points)

    def _count(self, in_view: tuple[TrayTruth, ...]) -> None:
        """Note the trays that are whole, and move those that have left to `trays_passed`."""
        for truth in in_view:
            if truth.in_view_fraction >= _WHOLE:
                self._whole[truth.tray] = truth
        seen = {truth.tray for truth in in_view}
        for number in [number for number in self._whole if number not in seen]:
            self._passed.append(self._whole.pop(number))


def _portion(rng: np.random.Generator) -> float:
    """Draw how much of a dish comes back: often nothing, sometimes everything, else anything between."""
    kind = rng.random()
    if kind < 0.35:
        return 0.0
    return 1.0 if kind > 0.88 else float(rng.uniform(0.03, 0.97))


def _share_inside(corners: npt.NDArray[np.float32], size: tuple[int, int]) -> float:
    """Return the share of a convex quadrilateral's area that lies inside the picture."""
    width, height = size
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inside, _ = cv2.intersectConvexConvex(corners, frame)
    return float(min(1.0, inside / cv2.contourArea(corners)))
