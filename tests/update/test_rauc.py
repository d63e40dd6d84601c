"""RAUC itself installs a bundle of ours to slots in files, by our backend and hook."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.update.autoboot import parse
from image.update import key as update_key
from image.update.pack import HOOK, manifest, pack
from tests.image.update.slots import CMDLINE, file_system
from tests.update.boxes import FRESH, Box

ROOT = Path(__file__).parents[2]
PROGRAMS = ("rauc", "mksquashfs", "dbus-run-session", "mke2fs", "debugfs", "openssl")


def rauc_can_install() -> str | None:
    """Return why it cannot here; None if it can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    if os.geteuid() != 0:
        return "mounts need root"
    if not Path("/dev/loop-control").exists():
        return "this kernel has no loop devices"
    return None


pytestmark = pytest.mark.skipif(rauc_can_install() is not None, reason=f"{rauc_can_install()}")

BACKEND = """#!/bin/sh
exec {python} -c '
import sys
from pathlib import Path
from appliance.update.backend import main
from appliance.update.bootloader import Bootloader
sys.exit(main(sys.argv[1:], Bootloader(Path("{root}"))))
' "$@"
"""

SESSION = """
export DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS"
rauc --conf={conf} --override-boot-slot={slot} service &
service=$!
tries=0
until rauc --conf={conf} status >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || exit 99
    sleep 0.1
done
rauc --conf={conf} install {bundle}
status=$?
rauc --conf={conf} status --output-format=shell
kill $service
exit $status
"""


class Bench:
    """A box whose slots are files, with RAUC on a bus of its own."""

    def __init__(self, folder: Path, box: Box) -> None:
        self.folder, self.box = folder, box
        self.disks = folder / "disk"
        update_key.main(["--out", str(folder / "keys")])
        self.slots = {name: file_system(folder, name) for name in ("root_a", "root_b", "boot_a", "boot_b")}
        for number, (name, file) in enumerate(self.slots.items()):
            for kind, link in (("by-partlabel", name), ("by-partuuid", f"0000-0{number}")):
                (self.disks / kind).mkdir(parents=True, exist_ok=True)
                (self.disks / kind / link).symlink_to(file)
        backend = folder / "boot-backend"
        backend.write_text(BACKEND.format(python=shlex.quote(sys.executable), root=box.root))
        backend.chmod(0o755)
        text = (ROOT / "image/update/system.conf").read_text()
        for there, here in (
            ("/dev/disk/", f"{self.disks}/"),
            ("/usr/lib/janban/boot-backend", str(backend)),
            ("/etc/rauc/keyring.pem", str(folder / "keys/cert.pem")),
            ("/var/lib/rauc", str(folder / "data")),
            ("/run/rauc", str(folder / "mounts")),
            # Not every kernel that runs tests has vfat; what the hook does is the same on any file system.
            ("type=vfat", "type=ext4"),
        ):
            assert there in text
            text = text.replace(there, here)
        (folder / "data").mkdir()
        self.conf = folder / "system.conf"
        self.conf.write_text(text)

    def bundle(self, *, keys: Path | None = None, fits: str = "janban-debian") -> Path:
        """Pack a system whose root says that it is new."""
        folder = self.folder / "bundle"
        folder.mkdir()
        noise = "".join(hashlib.sha256(b"%d" % number).hexdigest() for number in range(999))
        parts = [folder / "boot.ext4", folder / "rootfs.ext4"]
        for part, files in zip(parts, ({"cmdline__txt": CMDLINE}, {"version": f"new {noise}"}), strict=True):
            shutil.copy(file_system(self.folder, f"new-{part.stem}", **files), part)
        text = manifest(version="2", fits=fits, parts=parts, built="20261129120000")
        shutil.copy2(HOOK, folder)
        (folder / "manifest.raucm").write_text(text)
        keys = keys or self.folder / "keys"
        cert = keys / "cert.pem"
        pack(folder, self.folder / "new.raucb", key=keys / "key.pem", cert=cert, keyring=cert)
        return self.folder / "new.raucb"

    def install(self, bundle: Path, slot: str) -> subprocess.CompletedProcess[str]:
        script = SESSION.format(conf=self.conf, slot=slot, bundle=bundle)
        environment = {
            **os.environ,
            "JANBAN_DISKS": str(self.disks),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.run(
            ("dbus-run-session", "--", "sh", "-c", script),
            env=environment,
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    def read(self, slot: str, file: str) -> str:
        read = ("debugfs", "-R", f"cat {file}", self.slots[slot])
        return subprocess.run(read, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture
def bench(tmp_path: Path, box: Box) -> Bench:
    return Bench(tmp_path, box)


def test_a_bundle_goes_to_the_spare_slot_and_is_to_be_tried(bench: Bench) -> None:
    ran = bench.install(bench.bundle(), "A")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    state = parse(bench.box.text)
    assert (state.default, state.spare_good, state.trial) == ("A", True, "wanted")
    assert bench.read("root_b", "version").startswith("new ")
    assert bench.read("root_a", "version") == ""
    assert (
        bench.read("boot_b", "cmdline.txt") == "console=tty1 root=PARTUUID=0000-01 ro panic=10 rauc.slot=B\n"
    )
    assert "RAUC_BOOT_PRIMARY='rootfs.1'" in ran.stdout
    assert bench.box.start() == "A"
    assert bench.box.start(tryboot=True) == "B"


@pytest.mark.parametrize("why", ["signature verification failed", "Compatible mismatch"])
def test_what_is_not_for_this_box_is_refused_by_rauc(bench: Bench, why: str) -> None:
    foreign = bench.folder / "foreign"
    update_key.main(["--out", str(foreign)])
    signed = why.startswith("signature")
    ran = bench.install(bench.bundle(keys=foreign) if signed else bench.bundle(fits="janban-raspios"), "A")
    assert ran.returncode not in (0, 99)
    assert why.lower() in (ran.stdout + ran.stderr).lower()
    assert bench.box.text == FRESH
    assert bench.read("root_b", "version") == ""


def test_during_a_trial_rauc_does_not_touch_what_the_box_falls_back_to(bench: Bench) -> None:
    bench.box.bootloader.save(parse(FRESH).wanting("B").begun())
    bench.box.start(tryboot=True)
    before = bench.slots["root_a"].read_bytes(), bench.box.text
    ran = bench.install(bench.bundle(), "B")
    assert ran.returncode not in (0, 99), ran.stdout + ran.stderr
    assert (bench.slots["root_a"].read_bytes(), bench.box.text) == before
