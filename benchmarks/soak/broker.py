"""A real mosquitto, which keeps what it has accepted over a restart."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from appliance.errors import JanbanError

_BINARY: Final = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
_START_S: Final = 10.0


class Broker:
    """A broker on a free loopback port; raises `JanbanError` where mosquitto is absent or will not start."""

    def __init__(self, folder: Path) -> None:
        if _BINARY is None:
            raise JanbanError("the soak needs a broker: apt install mosquitto")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        folder.mkdir()
        self._file = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._file.write_text(
            f"listener {self.port} 127.0.0.1\nuser root\nallow_anonymous true\nmax_queued_messages 0\n"
            f"persistence true\npersistence_location {folder}/\n",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return once it takes connections."""
        assert _BINARY is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([_BINARY, "-c", str(self._file)], stdout=log, stderr=log)  # noqa: S603
        until_s = time.monotonic() + _START_S
        while time.monotonic() < until_s and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(_START_S / 500)
        self.stop()
        raise JanbanError(f"mosquitto does not start: {self._log.read_text(errors='replace')[-300:]}")

    def stop(self) -> None:
        """End it as its own unit would; safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait()
