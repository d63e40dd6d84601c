"""A box in a folder, and disks that fail."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from appliance.clock import SystemClock
from appliance.config import Settings, parse
from appliance.provision.certificate import new_key, request
from appliance.provision.disk import Disk
from appliance.provision.places import Places
from appliance.provision.provision import provision
from tests.provision.authority import NOW, Authority

REQUEST = 'kind = "certificate_request"'
LOGIN = 'kind = "password"\nusername = "line-1"\npassword = "correct horse"'
CSR = "canteen-3-line-1.csr"
CRT = "canteen-3-line-1.crt"


class Calendar(SystemClock):
    """A clock at one moment."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def utc(self) -> datetime:
        return self._now


class PowerCutError(Exception):
    """Ends a run as a power cut would."""


class FailingDisk(Disk):
    """Does `left` steps; the next one is cut off before or after it is done."""

    def __init__(self, left: int, *, after: bool) -> None:
        super().__init__()
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "after", after)

    def __getattribute__(self, name: str) -> object:
        found = object.__getattribute__(self, name)
        if name.startswith("_") or not callable(found):
            return found
        return lambda *words: self._step(found, *words)

    def _step(self, work: Callable[..., object], *words: object) -> object:
        left = object.__getattribute__(self, "left")
        if left == 0 and not self.after:
            raise PowerCutError
        done = work(*words)
        if left == 0:
            raise PowerCutError
        object.__setattr__(self, "left", left - 1)
        return done


@dataclass(frozen=True)
class Box:
    """The file system of a box below a folder."""

    root: Path

    @property
    def boot(self) -> Path:
        return self.root / "boot/firmware"

    @property
    def file(self) -> Path:
        return self.boot / "provision.toml"

    @property
    def config(self) -> Path:
        return self.root / "etc/janban/janban.toml"

    @property
    def identity(self) -> Path:
        return self.root / "var/lib/janban/identity"

    @property
    def error(self) -> Path:
        return self.boot / "provision-error.txt"

    def run(self, disk: Disk | None = None, *, now: datetime = NOW, overwrite: bool = False) -> str:
        return provision(Places(root=self.root), Calendar(now), disk or Disk(), overwrite=overwrite)

    def settings(self) -> Settings:
        return parse(self.config.read_text())

    def here(self, path: Path | None) -> Path:
        """Return where a path in the configuration is."""
        assert path is not None
        return self.root / path.relative_to("/")

    def files(self) -> dict[str, bytes]:
        """Return every file of the box with its contents."""
        return {
            str(file.relative_to(self.root)): file.read_bytes()
            for file in sorted(self.root.rglob("*"))
            if file.is_file()
        }


def new_box(root: Path) -> Box:
    for folder in ("boot/firmware", "etc/janban", "var/lib/janban"):
        (root / folder).mkdir(parents=True)
    return Box(root)


def order(identity: str, *, ca: str | None = None, more: str = "") -> str:
    """Return the text of a provision file."""
    authority = "" if ca is None else f'ca = """\n{ca}"""\n'
    return (
        f'site = "canteen-3"\ndevice = "line-1"\n[broker]\nhost = "broker.example.org"\n{authority}'
        f"[identity]\n{identity}\n{more}"
    )


def certificate(authority: Authority) -> tuple[str, str]:
    """Return the lines of an identity that brings certificate and key, and that key."""
    key = new_key()
    signed = authority.sign(request(key, site="canteen-3", device="line-1")).decode()
    return f'kind = "certificate"\ncertificate = """\n{signed}"""\nkey = """\n{key.decode()}"""', key.decode()
