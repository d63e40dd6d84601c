"""`appliance run`: the service, until it is told to stop or cannot measure any more."""

import argparse
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from appliance.budget import Budget
from appliance.clock import SystemClock
from appliance.config import Settings, load
from appliance.errors import ConfigError, JanbanError, PublishError
from appliance.service.appliance import Appliance
from appliance.service.assemble import STORE_FILE, assemble
from appliance.service.notify import MEASURING, Notifier, Watchdog

_LOOK_S = 0.5


def command(options: argparse.Namespace) -> int:
    """Run until SIGTERM, SIGINT, or the end of a replay; an inner failure is an error: systemd restarts."""
    logging.getLogger().setLevel(min(logging.INFO, logging.getLogger().level))
    stop = stop_on_signals()
    settings = load(options.config)
    try:
        Notifier().extend_start(Budget.of(settings.deadline).start_s(_store_mb(settings)))
        appliance = assemble(settings, SystemClock(), diagnostics=lambda: _diagnostics(settings))
    except PublishError as error:
        # Nothing is connected yet: what fails here is what [mqtt] names, and no restart mends it.
        raise ConfigError(str(error)) from error
    serve(appliance, stop)
    if appliance.failure is not None:
        raise JanbanError(appliance.failure)
    return 0


def _diagnostics(settings: Settings) -> bytes:
    """Return the archive for operators; imported when it is asked for, as that may be never."""
    from appliance.diagnostics.collect import collect_in_service  # noqa: PLC0415 - see above

    return collect_in_service(settings)


def _store_mb(settings: Settings) -> float:
    try:
        return (settings.device.state_dir / STORE_FILE).stat().st_size / 1e6
    except OSError:
        return 0.0


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set; a second one ends the process at once."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def serve(appliance: Appliance, stop: threading.Event, *, done: Callable[[], bool] = lambda: False) -> None:
    """Run the appliance under systemd's eyes until `stop`, `done`, its end, or a wish to start anew."""
    notifier = Notifier()
    watchdog = Watchdog(notifier, appliance.unable)
    appliance.start()
    notifier.ready()
    watchdog.start()
    said = ""
    try:
        while not (stop.wait(_LOOK_S) or done() or _over(appliance)):
            appliance.look_around()
            state = "; ".join(appliance.degraded()) or MEASURING
            if state != said:
                notifier.status(state)
                said = state
    finally:
        notifier.stopping()
        watchdog.stop()
        appliance.stop()


def _over(appliance: Appliance) -> bool:
    return appliance.finished or appliance.leaving or appliance.failure is not None
