"""Provisioning: a box takes on the identity that a file on the boot partition gives it, and wipes the file.

Every step can be repeated, and the file goes last: after a power cut at any moment, the next run ends where
this one would have.
"""

from dataclasses import replace
from pathlib import Path

from appliance.clock import Clock
from appliance.errors import JanbanError, ProvisionError
from appliance.provision.boot import BootPartition
from appliance.provision.certificate import asks_for, check, request
from appliance.provision.configuration import Files, generation_of, write
from appliance.provision.disk import Disk
from appliance.provision.identity import Generation, IdentityFolder, name_of
from appliance.provision.order import Certificate, Order, Password, Request, load_order
from appliance.provision.places import Places


def provision(places: Places, clock: Clock, disk: Disk, *, overwrite: bool = False) -> str:
    """Do what is due and say in a line what that was.

    Without `overwrite`, a configuration that a person wrote or edited stays. Raises `JanbanError` with no
    identity changed, and reports it on the boot partition; `OSError` where a disk fails.
    """
    boot = BootPartition(places.here(places.file), disk)
    try:
        said = _Provisioning(places, boot, clock, disk, overwrite=overwrite).run()
    except JanbanError as error:
        if boot.file.parent.is_dir():
            boot.report(str(error))
        raise
    boot.withdraw_report()
    return said


class _Provisioning:
    def __init__(
        self, places: Places, boot: BootPartition, clock: Clock, disk: Disk, *, overwrite: bool
    ) -> None:
        self._places = places
        self._boot = boot
        self._clock = clock
        self._disk = disk
        self._overwrite = overwrite
        self._config = places.here(places.config)
        self._identity = IdentityFolder(places.here(places.state) / "identity", disk)

    def run(self) -> str:
        self._boot.finish_wiping()
        if self._boot.file.exists():
            order = load_order(self._boot.file)
            said = self._take_on(order, self._boot.file.read_bytes())
            self._boot.wipe()
            return f"{order.site}/{order.device}: {said}"
        self._boot.refuse_misnamed()
        for asked in self._asked():
            order = load_order(asked.order)
            signed = self._boot.certificate(order.label)
            if signed.exists():
                self._refuse_changed(asked, order)
                said = self._take_on(order, asked.order.read_bytes(), (signed.name, signed.read_bytes()))
                self._disk.remove(signed)
                return f"{order.site}/{order.device}: {said}"
        if self._config.exists():
            return "nothing to do"
        raise ProvisionError(
            f"{self._boot.file}: does not exist, and this box has no configuration yet; write one as"
            " docs/provisioning.md shows"
        )

    def _asked(self) -> list[Generation]:
        """Return the identity for which this box has asked for a certificate, if it has.

        Without a configuration of ours to name it, all there are: who dropped a certificate is to be told.
        """
        name = self._written()
        there = self._identity.generations() if name is None else [self._identity.generation(name)]
        return [generation for generation in there if generation.order.exists()]

    def _refuse_changed(self, asked: Generation, order: Order) -> None:
        """Believe an order only as it was: the state folder is the service's, the configuration is not."""
        had = asked.certificate.read_bytes() if asked.certificate.exists() else None
        if self._written() is not None and name_of(order, had) != asked.path.name:
            raise ProvisionError(
                f"{asked.path}: was changed since this box took it on; put the provision file on the boot"
                " partition again"
            )

    def _take_on(self, order: Order, text: bytes, answer: tuple[str, bytes] | None = None) -> str:
        """Make the identity's files, then the configuration that names them, then clean up.

        `answer` is the certificate that answers the box's request, with the name of its file.
        """
        self._refuse_hand_made()
        key, certificate = self._credentials(order, answer)
        name = name_of(order, certificate)
        generation = self._identity.generation(name)
        contents, files = self._files(order, generation, text, key, certificate)
        config = write(order, files, state=self._places.state, identity=name)
        self._identity.make(generation, contents)
        self._disk.write_public(self._config, config.encode())
        self._identity.keep_only(contents)
        return self._exchange(order, key, answered=certificate is not None)

    def _refuse_hand_made(self) -> None:
        if self._config.exists() and not self._overwrite and self._written() is None:
            raise ProvisionError(
                f"{self._config}: was written or edited by hand and stays; to replace it, run"
                " `appliance provision --replace`"
            )

    def _written(self) -> str | None:
        """Return the generation that the present configuration was written for, if it was."""
        try:
            return generation_of(self._config.read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            return None

    def _credentials(self, order: Order, answer: tuple[str, bytes] | None) -> tuple[bytes, bytes | None]:
        """Return the box's key and its certificate, which go together; empty and None where there is none."""
        match order.identity:
            case Password():
                return b"", None
            case Request():
                key = self._identity.make_own_key()
            case Certificate():
                key = self._brought_or_own_key(order.identity)
                answer = "identity.certificate", order.identity.certificate.encode()
        if answer is None:
            return key, None
        source, certificate = answer
        authority = order.identity.ca or order.broker.ca
        try:
            check(certificate, key, device=order.device, authority=authority, now=self._clock.utc())
        except ValueError as error:
            raise ProvisionError(f"{source}: {error}") from None
        return key, certificate

    def _brought_or_own_key(self, identity: Certificate) -> bytes:
        key = identity.key.encode() if identity.key else self._identity.present_key()
        if key is None:
            raise ProvisionError("identity.key: is missing, and this box has made no request; give the key")
        return key

    def _files(
        self, order: Order, generation: Generation, text: bytes, key: bytes, certificate: bytes | None
    ) -> tuple[dict[Path, bytes], Files]:
        """Return the files of the generation with their contents, and those that the configuration names."""
        contents: dict[Path, bytes] = {}
        named = Files()
        if order.broker.ca is not None:
            contents[generation.ca] = order.broker.ca.encode()
            named = replace(named, ca=generation.ca)
        if order.operators is not None:
            contents[generation.operators] = order.operators.encode()
            named = replace(named, operators=generation.operators)
        match order.identity:
            case Request():
                contents[generation.order] = text
            case Password(password=str(password)):
                contents[generation.password] = f"{password}\n".encode()
                named = replace(named, password=generation.password)
        if certificate is not None:
            contents |= {generation.certificate: certificate, generation.key: key}
            named = replace(named, certificate=generation.certificate, key=generation.key)
        return contents, named.moved(self._places.seen)

    def _exchange(self, order: Order, key: bytes, *, answered: bool) -> str:
        """Put the request on the boot partition, or take it away once it is answered."""
        file = self._boot.request(order.label)
        if not isinstance(order.identity, Request) or answered:
            self._disk.remove(file)
            return "provisioned"
        if not (file.exists() and asks_for(file.read_bytes(), key, site=order.site, device=order.device)):
            self._disk.write_public(file, request(key, site=order.site, device=order.device))
        return f"waits for its certificate: sign {file.name} and put {order.label}.crt beside it"
