"""`appliance demo`: the whole appliance on this machine: simulated line, broker, subscriber, overlay."""

import argparse
import sys
import threading
from pathlib import Path

from appliance.camera.settings import SimulatorSettings
from appliance.camera.simulator import SimulatedLine
from appliance.clock import SystemClock
from appliance.commands.run import serve, stop_on_signals
from appliance.config import DeviceSettings, ServiceSettings, Settings
from appliance.errors import JanbanError
from appliance.inference.settings import ModelSettings
from appliance.publish.demo_broker import DemoBroker
from appliance.publish.settings import PublishSettings
from appliance.publish.watch import watch
from appliance.service.appliance import Appliance
from appliance.service.assemble import assemble
from appliance.tray.calibration import calibrate
from appliance.tray.calibration_folder import save_calibration

_LAST_READING_S = 1.0
"""What the subscriber gets to print the reading that ended the demo."""


def command(options: argparse.Namespace) -> int:
    """Run until Ctrl-C, or until `--trays` trays are measured."""
    stop = stop_on_signals()
    settings = _settings(options.out.absolute(), options.port, options.models)
    said = sys.stderr if options.json else sys.stdout
    with DemoBroker(options.port):
        _calibrate(settings)
        appliance = assemble(settings, SystemClock())
        print(f"broker on 127.0.0.1:{options.port}, simulated line running; Ctrl-C ends", file=said)
        print(_networks(options.models), file=said)
        print(f"the last tray, with its overlay: {options.out / 'last-tray.png'}", file=said, flush=True)
        silent = threading.Event()
        subscriber = threading.Thread(
            target=watch,
            args=(settings.mqtt, settings.device.site),
            kwargs={"json": options.json, "out": sys.stdout, "stop": silent},
            name="watch",
            daemon=True,
        )
        subscriber.start()
        serve(appliance, stop, done=lambda: _enough(appliance, options.trays))
        silent.wait(_LAST_READING_S)
        silent.set()
        subscriber.join(timeout=5.0)
    if appliance.failure is not None:
        raise JanbanError(appliance.failure)
    print(f"stopped; {appliance.measured} trays measured", file=said)
    return 0


def _enough(appliance: Appliance, trays: int | None) -> bool:
    return trays is not None and appliance.measured >= trays


def _networks(models: Path | None) -> str:
    return (
        "no networks (--models names none): back projection measures alone"
        if models is None
        else f"networks of {models}; until they have started, back projection measures alone"
    )


def _settings(folder: Path, port: int, models: Path | None) -> Settings:
    return Settings(
        device=DeviceSettings(
            site="demo", name="box-1", state_dir=folder / "state", calibration_dir=folder / "calibration"
        ),
        camera=SimulatorSettings(),
        models=ModelSettings(folder=models and models.absolute()),
        service=ServiceSettings(metrics_port=0, overlay=True, overlay_file=folder / "last-tray.png"),
        # The demo's broker speaks 3.1.1 only, and lets a client that asks for 5 wait.
        mqtt=PublishSettings(host="127.0.0.1", port=port, protocol="3.1.1"),
    )


def _calibrate(settings: Settings) -> None:
    """Show the simulated line's own references to the calibration, as a site shows its trays."""
    line = SimulatedLine(SimulatorSettings(width=1280, height=960))
    calibration = calibrate(line.reference_empty(), line.reference_full(), line.layout.tray_mm)
    save_calibration(calibration, settings.device.calibration_dir)
