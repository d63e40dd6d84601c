"""Which rule joins the estimates: what the settings want, what the models have."""

import json
import logging
import shutil
from pathlib import Path

import pytest

from appliance.errors import ModelError
from appliance.estimate.fusion_rule import by_study
from appliance.estimate.learned_fusion import FILE_NAME
from appliance.estimate.settings import EstimateSettings
from appliance.inference.manifest import FILE_NAME as MANIFEST
from appliance.service.assemble import open_fusion

MODELS = Path(__file__).parents[2] / "models"

pytestmark = pytest.mark.skipif(not (MODELS / MANIFEST).is_file(), reason="the project has no models")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The manifest and the fusion of the project's models; the networks themselves are not needed."""
    for name in (MANIFEST, FILE_NAME):
        shutil.copy(MODELS / name, tmp_path)
    return tmp_path


def test_what_was_fitted_to_the_shipped_networks_joins(models: Path) -> None:
    rule, fault = open_fusion(EstimateSettings(), models)
    assert fault is None
    assert rule is not by_study


def test_the_study_is_a_choice_and_no_fault(models: Path) -> None:
    assert open_fusion(EstimateSettings(fusion="study"), models) == (by_study, None)
    assert open_fusion(EstimateSettings(), None) == (by_study, None)


def test_other_networks_are_told_and_joined_by_the_study(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest = json.loads((models / MANIFEST).read_text())
    manifest["models"][0]["origin"]["weights_sha256"] = "0" * 64
    (models / MANIFEST).write_text(json.dumps(manifest))
    with caplog.at_level(logging.WARNING):
        rule, fault = open_fusion(EstimateSettings(), models)
    assert rule is by_study
    assert "was fitted to other networks" in str(fault)
    assert str(fault) in caplog.messages


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=MANIFEST):
        open_fusion(EstimateSettings(), tmp_path)
