"""Everything that reads a file whose path comes from outside; also a program that does so within limits.

`python -m tests.fuzz.readers MOST_MB SECONDS` takes lines "reader<TAB>path" on standard input, and answers
each with a line of JSON: the error's type (null for none) and its message.
"""

import json
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from appliance.camera.replay import Replay
from appliance.camera.settings import ReplaySettings
from appliance.clock import SystemClock
from appliance.config import load, load_estimate
from appliance.errors import (
    CalibrationError,
    CameraError,
    ConfigError,
    JanbanError,
    LabelsError,
    ModelError,
    PictureError,
    PublishError,
)
from appliance.estimate.learned_fusion import load_fusion
from appliance.inference.manifest import load_manifest
from appliance.inference.parity import load_parity
from appliance.inference.selection import Selection, select
from appliance.picture import load_picture
from appliance.publish.endpoint import Endpoint
from appliance.publish.settings import PublishSettings, TlsSettings
from appliance.tray.calibration_folder import load_calibration
from appliance.tray.layout_file import load_layout
from appliance.tune.labels import read_labels
from tests.inference.entries import two_networks

DEPTH, SEGMENTATION = two_networks()
NETWORKS = Selection(Path("models"), {"depth": DEPTH, "segmentation": SEGMENTATION})


def replay(path: Path) -> None:
    settings = ReplaySettings(path=path, real_time=False)
    with Replay(settings, SystemClock()) as camera:
        camera.read(1.0)


def password(path: Path) -> None:
    Endpoint.of(PublishSettings(username="box", password_file=path))


def authorities(path: Path) -> None:
    Endpoint.of(PublishSettings(tls=TlsSettings(ca=path)))


def identity(path: Path) -> None:
    Endpoint.of(PublishSettings(tls=TlsSettings(cert=path, key=path)))


READERS: dict[str, tuple[Callable[[Path], object], type[JanbanError]]] = {
    "configuration": (load, ConfigError),
    "estimate": (load_estimate, ConfigError),
    "layout": (load_layout, CalibrationError),
    "calibration": (load_calibration, CalibrationError),
    "manifest": (load_manifest, ModelError),
    "models": (select, ModelError),
    "fusion": (load_fusion, ModelError),
    "parity": (lambda path: load_parity(path, NETWORKS), ModelError),
    "picture": (load_picture, PictureError),
    "labels": (lambda path: read_labels(path, [1]), LabelsError),
    "replay": (replay, CameraError),
    "password": (password, PublishError),
    "authorities": (authorities, PublishError),
    "identity": (identity, PublishError),
}
"""Name → how a path is read, and what is raised where that cannot be."""


class HungError(BaseException):
    """A reader took longer than it may; no reader catches it."""


def _hung(_signal: int, _frame: object) -> None:
    raise HungError


def answer(reader: str, path: Path, seconds: int) -> tuple[str | None, str]:
    """The error's type, None where there was none, and its message."""
    signal.alarm(seconds)
    try:
        READERS[reader][0](path)
    except (Exception, HungError) as error:  # noqa: BLE001 - whatever it is, is told
        return type(error).__name__, str(error)
    finally:
        signal.alarm(0)
    return None, ""


if __name__ == "__main__":
    most_mb, most_s = map(int, sys.argv[1:])
    resource.setrlimit(resource.RLIMIT_AS, (most_mb << 20, most_mb << 20))
    signal.signal(signal.SIGALRM, _hung)
    for line in sys.stdin:
        name, _, where = line.rstrip("\n").partition("\t")
        print(json.dumps(answer(name, Path(json.loads(where)), most_s)), flush=True)
