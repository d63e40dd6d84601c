"""The networks' part in measuring a tray: asked in time, or left out."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from appliance.clock import Clock, Deadline
from appliance.errors import InferenceError
from appliance.estimate.network_estimates import NetworkReferences, ReferenceMaps, prepare
from appliance.estimate.network_grid import Maps
from appliance.inference.networks import Networks
from appliance.inference.selection import Network
from appliance.picture import Picture
from appliance.service.durations import Durations
from appliance.service.stages import Stages
from appliance.tray.references import Calibration

_LOG = logging.getLogger(__name__)

Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Sight:
    """What the networks made of a tray: class probabilities (7, H, W) and a depth map (H, W).

    None is what was not asked, or gave no answer in time. `references` are those to compare with, `models`
    the names and versions of those that answered.
    """

    references: NetworkReferences
    probabilities: Maps | None = None
    depth: Maps | None = None
    models: Mapping[str, str] = field(default_factory=dict)


class NetworkEstimators:
    """Both networks with one calibration, whose references they have to have seen first.

    `complaint` says why the last tray, or the references, went without one of them; None where all is well.
    """

    def __init__(
        self, networks: Networks, calibration: Calibration, durations: Durations, clock: Clock, ample_s: float
    ) -> None:
        self.networks = networks
        self.complaint: str | None = "the networks have not seen the references yet"
        self._logged: str | None = None
        self._calibration = calibration
        self._durations = durations
        self._clock = clock
        self._ample_s = ample_s
        self._maps: dict[str, Maps] = {}
        self._maps_versions: dict[str, str] = {}
        self._references: NetworkReferences | None = None
        self._references_versions: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        """Whether the references were seen by the networks that answer now."""
        return self._references is not None and self._references_versions == dict(self.networks.versions)

    def prepare(self, deadline: Deadline) -> NetworkReferences:
        """Show the references to the networks; return what was learnt of them.

        Raises `InferenceError` where they do not answer by then; what they did answer is kept for the next
        time. Until all is there, what other files of the networks made of the references still serves.
        """
        versions = dict(self.networks.versions)
        if versions != self._maps_versions:
            self._maps, self._maps_versions = {}, versions
        empty, full = self._calibration.empty, self._calibration.full
        self._keep("empty_depth", lambda: self.networks.depth(empty, deadline))
        if full is not None:
            self._keep("full_probabilities", lambda: self.networks.segmentation(full, deadline).probabilities)
            self._keep("full_depth", lambda: self.networks.depth(full, deadline))
        maps = ReferenceMaps(
            self._maps["empty_depth"], self._maps.get("full_depth"), self._maps.get("full_probabilities")
        )
        self._references = prepare(self._calibration.layout, maps)
        self._references_versions = versions
        self._maps = {}
        self.complaint = None
        return self._references

    def look(self, view: Picture, deadline: Deadline, stages: Stages) -> Sight | None:
        """Return what the networks make of a rectified tray (H, W, 3), BGR; None before they are prepared.

        Without the segmentation depth is not asked either: a reading takes both or none.
        """
        if self._references is None:
            return None
        sight = self._sight(self._references, view, deadline, stages)
        # The same fault leaves out one tray after another; the log tells of it once.
        if self.complaint not in (None, self._logged):
            _LOG.warning("%s", self.complaint)
        self._logged = self.complaint
        return sight

    def _sight(
        self, references: NetworkReferences, view: Picture, deadline: Deadline, stages: Stages
    ) -> Sight:
        self.complaint = None
        segmented = self._ask(
            "segmentation", lambda: self.networks.segmentation(view, deadline), deadline, stages
        )
        if segmented is None:
            return Sight(references)
        models = self._version_of("segmentation")
        depth = self._ask("depth", lambda: self.networks.depth(view, deadline), deadline, stages)
        if depth is not None:
            models |= self._version_of("depth")
        return Sight(references, segmented.probabilities, depth, models)

    def _version_of(self, network: Network) -> dict[str, str]:
        name = self.networks.names[network]
        return {name: self.networks.versions[name]}

    def _keep(self, name: str, ask: Callable[[], Maps]) -> None:
        if name not in self._maps:
            try:
                self._maps[name] = ask()
            except InferenceError as error:
                self.complaint = str(error)
                raise

    def _ask(
        self, stage: str, ask: Callable[[], Answer], deadline: Deadline, stages: Stages
    ) -> Answer | None:
        if not self._durations.fits(stage, deadline.remaining_s, self._ample_s):
            self.complaint = f"there was no time left for {stage}"
            return None
        started_s = self._clock.monotonic_s()
        answer: Answer | None = None
        try:
            with stages.time(stage):
                answer = ask()
        except InferenceError as error:
            self.complaint = str(error)
        late = deadline.passed
        if late or answer is not None:
            self._durations.add(stage, self._clock.monotonic_s() - started_s)
        if late and answer is not None:
            self.complaint = f"{stage} was not done in time"
            return None
        return answer
