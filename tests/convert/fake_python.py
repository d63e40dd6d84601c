"""A `python3.11` that is a shell script, so that environments are built in no time and fail as told."""

from pathlib import Path

_SCRIPT = """\
#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    -c) exit {version_status} ;;
    -m) module=$2; shift 2; break ;;
    *) echo "ran $*"; {script}
       exit $? ;;
  esac
done
if [ "$module" = venv ]; then
  {venv}
  mkdir -p "$1/bin" && cp "$0" "$1/bin/python"
  exit $?
fi
echo "Collecting absl-py==2.5.1 (from -r lock.txt)"
echo "Installing collected packages: absl-py"
{pip}
"""


def fake_python(
    folder: Path, *, version_status: int = 0, venv: str = ":", pip: str = "exit 0", script: str = "exit 0"
) -> Path:
    """Write it; `venv`, `pip` and `script` are shell commands for what it does in each role."""
    path = folder / "python3.11"
    path.write_text(_SCRIPT.format(version_status=version_status, venv=venv, pip=pip, script=script))
    path.chmod(0o755)
    return path
