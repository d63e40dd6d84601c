import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.provision.places import Places

UNIT = Path(__file__).parents[2] / "systemd" / "janban-provision.service"

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_systemd_takes_the_unit_without_a_remark(tmp_path: Path) -> None:
    program = tmp_path / "appliance"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/janban/bin/appliance", str(program)))
    verified = analyse("verify", "--man=no", unit)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_exposure_is_small_though_it_is_root() -> None:
    analysed = analyse("security", "--offline=true", "--no-pager", UNIT)
    found = re.search(r"Overall exposure level for janban-provision\.service: ([\d.]+)", analysed.stdout)
    assert found is not None, analysed.stderr
    assert float(found[1]) <= 2.5


def test_it_may_write_where_provisioning_writes_and_nowhere_else() -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    places = Places()
    writable = {str(place) for place in (places.file.parent, places.config.parent, places.state)}
    assert set(parser["Service"]["ReadWritePaths"].split()) == writable
    assert parser["Service"]["ProtectSystem"] == "strict"
    assert parser["Unit"]["Before"] == "janban.service"
