import os
import subprocess
import sys
from pathlib import Path

from appliance.service.memory import descendants, peak_mb, peaks_mb

HOLD = "held = bytearray(100_000_000); print(flush=True); input()"


def test_a_child_and_its_child_are_found_with_what_they_took() -> None:
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        child.stdout.readline()
        found = list(descendants(os.getpid()))
        own_mb, children_mb = peaks_mb()
        child.stdin.write("\n")
        child.stdin.flush()
    assert child.pid in found
    assert len(found) >= 2
    assert children_mb > 100_000_000 / 1024**2
    assert own_mb is not None
    assert own_mb == peak_mb(os.getpid())


def test_a_process_that_is_gone_or_a_kernel_that_does_not_say_is_no_error(tmp_path: Path) -> None:
    assert peak_mb(1, tmp_path) is None
    assert list(descendants(1, tmp_path)) == []
