"""The folder of a box's identity, `identity` in the state folder, and its generations.

`device.key` is the box's own key, made once. Everything else lies in a folder named after the order that it
came with, so that nothing of an earlier identity is touched before the configuration names the new one:
replacing that one file is the step that counts.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.provision.certificate import new_key, private_key
from appliance.provision.disk import Disk
from appliance.provision.order import Order

_SECRETS: Final = {"identity": {"key", "password"}}


@dataclass(frozen=True)
class IdentityFolder:
    """The folder itself; it may not be there yet."""

    path: Path
    disk: Disk

    def make_own_key(self) -> bytes:
        """Return the box's own key; it is made where there is none, or a damaged one."""
        key = self.present_key()
        if key is None:
            key = new_key()
            self.disk.make_folder(self.path)
            self.disk.write_secret(self._own_key, key)
        return key

    def present_key(self) -> bytes | None:
        """Return the key that the box made, None where there is none."""
        try:
            if self._own_key.is_symlink():
                return None
            key = self._own_key.read_bytes()
            private_key(key)
        except (FileNotFoundError, ValueError):
            return None
        return key

    @property
    def _own_key(self) -> Path:
        return self.path / "device.key"

    def generation(self, name: str) -> "Generation":
        """Return one generation; it may not be there yet."""
        return Generation(self.path / name)

    def generations(self) -> list["Generation"]:
        """Return those that are there: one, or two after a power cut."""
        return [Generation(folder) for folder in sorted(self.path.glob("*")) if folder.is_dir()]

    def make(self, generation: "Generation", contents: dict[Path, bytes]) -> None:
        """Write the files of a generation."""
        self.disk.make_folder(self.path)
        self.disk.make_folder(generation.path)
        for file, content in contents.items():
            self.disk.write_secret(file, content)

    def keep_only(self, files: Collection[Path]) -> None:
        """Remove all but the own key and `files`, overwritten first: what was before, and what a cut left."""
        kept = {self._own_key, *files, *(file.parent for file in files)}
        # In this order what is in a folder comes before it.
        for path in sorted(self.path.rglob("*"), reverse=True):
            if path not in kept:
                if path.is_file() and not path.is_symlink():
                    self.disk.overwrite(path)
                self.disk.remove(path)


@dataclass(frozen=True)
class Generation:
    """The files of one identity; which of them there are depends on its kind."""

    path: Path

    @property
    def order(self) -> Path:
        """The provision file of a box that asked for a certificate; it holds no secret."""
        return self.path / "order.toml"

    @property
    def ca(self) -> Path:
        """The authorities that vouch for the broker."""
        return self.path / "ca.pem"

    @property
    def operators(self) -> Path:
        """Who may give commands."""
        return self.path / "operators.toml"

    @property
    def certificate(self) -> Path:
        """The box's certificate."""
        return self.path / "device.pem"

    @property
    def key(self) -> Path:
        """The private key of that certificate."""
        return self.path / "device.key"

    @property
    def password(self) -> Path:
        """The password or token."""
        return self.path / "password"


def name_of(order: Order, certificate: bytes | None) -> str:
    """Name a generation after all of an order but its secrets, which no name must betray."""
    public = order.model_dump_json(exclude=_SECRETS).encode()
    return hashlib.sha256(public + (certificate or b"")).hexdigest()[:16]


def waits_for_certificate(state: Path) -> bool:
    """Whether a box has asked for a certificate that it does not have yet; `state` is its state folder."""
    asked = state.glob("identity/*/order.toml")
    return any(not Generation(order.parent).certificate.exists() for order in asked)
