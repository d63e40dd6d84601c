"""A real mosquitto on a free loopback port, and certificates for it."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_BINARY = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
_START_S = 10.0


@dataclass(frozen=True)
class Certificates:
    """Files (PEM) of an authority, of a broker on 127.0.0.1, and of the client `line-1`."""

    ca: Path
    broker_cert: Path
    broker_key: Path
    client_cert: Path
    client_key: Path


class Mosquitto:
    """One broker process; `stop` and `start` again keep its port, and nothing else."""

    def __init__(self, folder: Path, settings: str = "allow_anonymous true") -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / f"mosquitto-{self.port}.log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert _BINARY is not None
        file = self.folder / f"mosquitto-{self.port}.conf"
        file.write_text(
            f"listener {self.port} 127.0.0.1\nuser root\nlog_type all\n{self._settings}\n",
            encoding="utf-8",
        )
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([_BINARY, "-c", str(file)], stdout=log, stderr=log)
        until = time.monotonic() + _START_S
        while not accepts(self.port):
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                pytest.fail(f"mosquitto did not start: {self.log.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self, *, kill: bool = False) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill() if kill else process.terminate()
            process.wait(timeout=_START_S)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Return a function that starts a broker with lines of mosquitto.conf; all are stopped afterwards."""
    if _BINARY is None:
        pytest.skip("mosquitto is not installed")
    started: list[Mosquitto] = []

    def start(settings: str = "allow_anonymous true") -> Mosquitto:
        broker = Mosquitto(tmp_path, settings)
        started.append(broker)
        broker.start()
        return broker

    yield start
    for broker in started:
        broker.stop()


@pytest.fixture
def mosquitto(mosquitto_broker: Callable[[str], Mosquitto]) -> Mosquitto:
    """Return a running broker that lets everybody in."""
    return mosquitto_broker("allow_anonymous true")


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return fresh certificates made with the openssl command."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    ca_extension = ("-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", *ca_extension)
    for name, extension in (
        ("broker", "subjectAltName=IP:127.0.0.1"),
        ("line-1", "extendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(extension, encoding="ascii")
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-days", "2", "-out", f"{name}.pem", "-extfile", f"{name}.ext"),
        )
    return Certificates(
        *(folder / n for n in ("ca.pem", "broker.pem", "broker.key", "line-1.pem", "line-1.key"))
    )
