"""A bundle of RAUC: the parts, what they are for, and a signature over all of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from image.update.fault import BundleError
from image.update.tools import run

HOOK: Final = Path(__file__).with_name("hook")


def compatible(image: str) -> str:
    """Return which boxes an image of this name is for: those with the same base."""
    return "janban-raspios" if image.endswith("-raspios") else "janban-debian"


def manifest(*, version: str, fits: str, parts: Sequence[Path], built: str) -> str:
    """Return RAUC's manifest; the hook is called for the boot files, once they are in their slot.

    `built` is when the image was made, as `image_version.stamp` writes it.
    """
    lines = [manifest_alone(version=version, fits=fits, built=built), "[hooks]", f"filename={HOOK.name}"]
    for part in parts:
        lines += ["", f"[image.{part.stem}]", f"filename={part.name}"]
        lines += ["hooks=post-install"] if part.stem == "boot" else []
    return "\n".join(lines) + "\n"


def manifest_alone(*, version: str, fits: str, built: str) -> str:
    """Return RAUC's manifest of a bundle for no slot: what it is for, and when it was made."""
    update = f"[update]\ncompatible={fits}\nversion={version}\nbuild={built}\n"
    return f"{update}\n[bundle]\nformat=plain\n"


def pack(folder: Path, out: Path, *, key: Path, cert: Path, keyring: Path) -> None:
    """Sign what lies in `folder`, manifest and all, as the bundle `out`; raises `BundleError`.

    What boxes with that keyring would not take never has the name `out`.
    """
    # RAUC writes no file that is there already.
    unfinished = out.with_name(f".{out.name}.part")
    unfinished.unlink(missing_ok=True)
    try:
        keys = (f"--cert={cert}", f"--key={key}", f"--keyring={keyring}")
        run("rauc", "bundle", *keys, str(folder), str(unfinished))
        run("rauc", "info", f"--keyring={keyring}", str(unfinished))
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def check_keys(key: Path | None, cert: Path | None) -> tuple[Path, Path]:
    """Return the keys to sign with; raises `BundleError` if they are missing, do not match, or are open."""
    if key is None or cert is None:
        raise BundleError(
            "a bundle is signed: name KEY= and CERT=, which the boxes' keyring knows; `make update-key` makes"
            " some to try it with"
        )
    for file in (key, cert):
        if not file.is_file():
            raise BundleError(f"{file}: there is no such file")
    if key.stat().st_mode & 0o077:
        raise BundleError(f"{key}: others may read this key; chmod 600 {key}")
    certified = run("openssl", "x509", "-in", str(cert), "-noout", "-pubkey")
    if run("openssl", "pkey", "-in", str(key), "-pubout") != certified:
        raise BundleError(f"{cert}: is not the certificate of {key}")
    return key, cert
