"""A device without a camera: captures readings at random moments until somebody kills it."""

import logging
import os
import random
import time
from pathlib import Path

from appliance.publish.client import Publisher
from appliance.publish.settings import PublishSettings
from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from appliance.service.recorder import Recorder
from tests.readings.examples import ORIGIN, draft

STORE_FILE = "readings.sqlite"
CAPTURED_FILE = "captured"
"""One id per line: the readings that were acknowledged as captured."""

_PAUSE_S = 0.004


def run(folder: Path, port: int, seed: int, *, capturing: bool) -> None:
    """Capture (if wanted) and publish, for ever."""
    logging.basicConfig(filename=folder / "log", level=logging.INFO)
    draw = random.Random(seed)  # noqa: S311 - nothing here is a secret
    captured = os.open(folder / CAPTURED_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    settings = PublishSettings(host="127.0.0.1", port=port, backoff_first_s=0.05, backoff_max_s=1.0)
    with Store(folder / STORE_FILE, StoreSettings()) as store:
        publisher = Publisher(settings, ORIGIN, store)
        publisher.start()
        recorder = Recorder(store)
        while True:
            if capturing:
                one = draft()
                if recorder.record(one):
                    os.write(captured, f"{one.id}\n".encode())
                    publisher.wake()
            time.sleep(draw.expovariate(1 / _PAUSE_S))
