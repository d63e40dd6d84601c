"""`make update-key`: a key to try updates with, on a bench."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import JanbanError
from image.update.fault import BundleError
from image.update.tools import run

_SUBJECT = "/CN=Janban development key, not for canteens"
_DAYS = 365


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a key and its certificate, and say what they are for; none that exists is replaced."""
    parser = argparse.ArgumentParser(prog="update-key", description="Make a key to try updates with.")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for both files")
    options = parser.parse_args(arguments)
    try:
        key, cert = _make(options.out)
    except JanbanError as error:
        print(f"update-key: {error}", file=sys.stderr)
        return 1
    print(f"make bundle KEY={key} CERT={cert}; a box takes it with {cert} as its /etc/rauc/keyring.pem")
    return 0


def _make(folder: Path) -> tuple[Path, Path]:
    key, cert = folder / "key.pem", folder / "cert.pem"
    if key.exists() or cert.exists():
        raise BundleError(f"{folder}: has a key already; remove it first if no box trusts it any more")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.umask(0o077)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    run(
        *("openssl", "req", "-x509", *curve, "-sha256", "-days", str(_DAYS), "-subj", _SUBJECT),
        *("-addext", "keyUsage=critical,digitalSignature", "-keyout", str(key), "-out", str(cert)),
    )
    return key, cert


if __name__ == "__main__":
    sys.exit(main())
