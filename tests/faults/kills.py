"""Kills a device at random moments, many times, and counts what a subscriber misses.

`python -m tests.faults.kills --kills 500 --seed 1` prints the figures; it needs mosquitto.

Besides, the line to the broker breaks after random numbers of bytes, and now and then the broker is killed.
That happens only when the subscriber has all that the broker acknowledged: what a broker without persistence
takes to its grave, no publisher can know of.
"""

import argparse
import json
import logging
import multiprocessing
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import paho.mqtt.publish

from appliance.readings.settings import StoreSettings
from appliance.readings.store import Store
from tests.brokers import Mosquitto
from tests.faults import device
from tests.faults.patience import eventually
from tests.publish.listener import Listener
from tests.publish.scripted import CuttingProxy

_BROKER = "allow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true"
_PROBE = "janban/probe"
_KILLS_PER_BROKER = 25
_MOST_READINGS = 40
_START_S, _INSTANT_S = 0.3, 0.02


@dataclass(frozen=True)
class Outcome:
    """What came of it. A reading is captured once the recorder said that it is stored."""

    kills: int
    broker_kills: int
    line_cuts: int
    captured: int
    stored: int
    doubles: int
    lost: int
    gaps: int
    out_of_order: int
    damaged: int
    seconds: float


class Seen:
    """What the subscriber was told, in order."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._taken = 0
        self.ids: set[str] = set()
        self.sequences: list[int] = []
        self.doubles = 0

    def has(self, ids: set[str]) -> bool:
        self.catch_up()
        return ids <= self.ids

    def catch_up(self) -> None:
        messages = self._listener.messages[self._taken :]
        self._taken += len(messages)
        for message in messages:
            if message.topic.endswith("/reading"):
                reading = json.loads(message.payload)
                if reading["id"] in self.ids:
                    self.doubles += 1
                else:
                    self.ids.add(reading["id"])
                    self.sequences.append(reading["sequence"])


class Bench:
    """A device's folder, its broker and its subscriber."""

    def __init__(self, folder: Path, broker: Mosquitto, listener: Listener, seed: int) -> None:
        self.folder = folder
        self.broker = broker
        self.seen = Seen(listener)
        self.draw = random.Random(seed)  # noqa: S311 - nothing here is a secret
        self._listener = listener
        self._context: ForkServerContext = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([device.__name__])

    def device(self, port: int, *, capturing: bool = True) -> ForkServerProcess:
        process = self._context.Process(
            target=device.run,
            args=(self.folder, port, self.draw.getrandbits(32)),
            kwargs={"capturing": capturing},
            daemon=True,
        )
        process.start()
        return process

    def kill_once(self, port: int) -> None:
        """Start the device and kill it: while it starts, or after some readings, however long they take."""
        more = self.draw.choice((0, self.draw.randrange(1, _MOST_READINGS)))
        enough = len(self.captured()) + more
        running = self.device(port)
        if more:
            eventually(lambda: len(self.captured()) >= enough, "it captures", look_s=0.005)
        time.sleep(self.draw.uniform(0, _INSTANT_S if more else _START_S))
        kill(running)

    def kill_broker(self) -> None:
        """Kill it when it owes the subscriber nothing; return when the subscriber is back."""
        eventually(lambda: self.seen.has(self.stored(sent=True)), "the broker owes nothing")
        self.broker.stop(kill=True)
        self.broker.start()
        probes = self._probes()

        def probe() -> bool:
            paho.mqtt.publish.single(_PROBE, "x", 1, hostname="127.0.0.1", port=self.broker.port)
            return self._probes() > probes

        eventually(probe, "the subscriber is back")

    def captured(self) -> set[str]:
        """Return the ids that were acknowledged as captured."""
        file = self.folder / device.CAPTURED_FILE
        return set(file.read_text().split()) if file.exists() else set()

    def stored(self, *, sent: bool) -> set[str]:
        """Return the ids that the broker has, or has not, for all that the store knows."""
        file = self.folder / device.STORE_FILE
        if not file.exists():
            return set()
        with closing(sqlite3.connect(file)) as db:
            if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'loss'").fetchone():
                return set()
            rows = db.execute("SELECT id FROM reading WHERE (sent_at_s IS NOT NULL) = ?", (sent,)).fetchall()
        return {id_ for (id_,) in rows}

    def _probes(self) -> int:
        return sum(message.topic == "janban/probe" for message in list(self._listener.messages))


def kill(process: ForkServerProcess) -> None:
    process.kill()
    process.join()


def run(kills: int, seed: int, folder: Path, per_broker: int = _KILLS_PER_BROKER) -> Outcome:
    """Kill the device `kills` times, then let it send what it has."""
    started_s = time.monotonic()
    broker = Mosquitto(folder, _BROKER)
    broker.start()
    try:
        with Listener(broker.port) as listener:
            bench = Bench(folder, broker, listener, seed)
            lives = [bench.draw.randrange(200, 50_000) for _ in range(kills)]
            with CuttingProxy(broker.port, lives) as line:
                for number in range(1, kills + 1):
                    bench.kill_once(line.port)
                    if number % per_broker == 0:
                        bench.kill_broker()
            last = bench.device(broker.port, capturing=False)
            eventually(lambda: not bench.stored(sent=False), "all is sent")
            everything = bench.stored(sent=True)
            eventually(lambda: bench.seen.has(everything), "all is seen")
            kill(last)
    finally:
        broker.stop()
    seen = bench.seen
    with Store(folder / device.STORE_FILE, StoreSettings()) as store:
        given_up = store.counts().lost
    return Outcome(
        kills=kills,
        broker_kills=kills // per_broker,
        line_cuts=line.cuts,
        captured=len(bench.captured()),
        stored=len(everything),
        doubles=seen.doubles,
        lost=len(bench.captured() - seen.ids) + given_up,
        gaps=len(set(range(1, max(seen.sequences) + 1)) - set(seen.sequences)),
        out_of_order=sum(b <= a for a, b in zip(seen.sequences, seen.sequences[1:], strict=False)),
        damaged=len(list(folder.glob("*.damaged-*"))),
        seconds=round(time.monotonic() - started_s, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill a device at random moments, and count what is lost.")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # paho's own publisher complains of every probe that is done.
    logging.getLogger("paho").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asdict(run(options.kills, options.seed, Path(folder)))))


if __name__ == "__main__":
    main()
