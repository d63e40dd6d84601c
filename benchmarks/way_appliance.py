"""This pipeline, as the appliance runs it: back projection here, the int8 networks in their own process."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.budget import Budget, DeadlineSettings
from appliance.clock import Deadline, SystemClock
from appliance.errors import InferenceError, ModelError, TrayNotFoundError
from appliance.estimate.settings import EstimateSettings
from appliance.inference.manifest import FILE_NAME, load_manifest
from appliance.inference.networks import Networks
from appliance.inference.open import open_networks
from appliance.inference.settings import ModelSettings
from appliance.picture import Picture
from appliance.service.assemble import open_fusion
from appliance.service.pipeline import TrayMeasurer
from appliance.tray.calibration_folder import load_calibration
from benchmarks.way import THREADS

_CLOCK = SystemClock()
_BUDGET = Budget.of(DeadlineSettings())
_MODELS = Path(__file__).parents[1] / "models"


class ApplianceWay:
    """A `Way` with the networks of a models folder, on the processor; all calibrations share them."""

    def __init__(self, folders: Sequence[Path], models: Path = _MODELS) -> None:
        networks = open_networks(_settings(models), _CLOCK, _BUDGET)
        assert networks is not None
        self._networks = networks
        self.weights_mb = _weights_mb(models)
        try:
            self._measurers = [_prepared(folder, models, networks) for folder in folders]
        except BaseException:
            self.close()
            raise

    def measure(self, calibration: int, picture: Picture) -> Mapping[str, float]:
        """Measure a tray; see `Way`. Raises `InferenceError` where a network had no say."""
        measurer = self._measurers[calibration]
        outcome = measurer.measure(picture).outcome
        if outcome.status == "rejected":
            raise TrayNotFoundError(str(outcome.reason))
        if outcome.path != "full":
            raise InferenceError(f"measured without the networks: {measurer.complaint}")
        return outcome.latency_ms

    def close(self) -> None:
        """End the networks' process."""
        self._networks.close()


def _settings(models: Path) -> ModelSettings:
    return ModelSettings(folder=models, device="cpu", threads=THREADS)


def _prepared(folder: Path, models: Path, networks: Networks) -> TrayMeasurer:
    if not networks.wait_until_ready(Deadline.after(_BUDGET.network_start_s, _CLOCK)):
        raise InferenceError("; ".join(networks.complaints()) or "the networks do not start")
    estimate = EstimateSettings()
    fusion, fault = open_fusion(estimate, models)
    if fault is not None:
        raise ModelError(fault)
    measurer = TrayMeasurer(
        load_calibration(folder),
        estimate.parameters(),
        _CLOCK,
        fusion=fusion,
        networks=networks,
        budget=_BUDGET,
    )
    measurer.prepare()
    return measurer


def _weights_mb(models: Path) -> float:
    """Return the size of the models for the processor; next to all of it is weights."""
    files = [file for model in load_manifest(models / FILE_NAME).models for file in model.files]
    return sum(file.size_bytes for file in files if file.device == "cpu") / 1e6
