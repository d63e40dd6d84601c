"""Images with the partitions of a box, small, and made without loop devices."""

import hashlib
import subprocess
from pathlib import Path

LABELS = ("bootcfg", "boot_a", "boot_b", "root_a", "root_b", "data")
START, SECTORS = 2048, 16384
"""Of each partition, in sectors of 512 bytes: 8 MiB."""
CMDLINE = "console=tty1 root=PARTUUID=11111111-0000-0000-0000-00000000000a rauc.slot=A ro panic=10\n"


def call(*command: str | Path, **options: object) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60, **options)  # type: ignore[call-overload]


def file_system(folder: Path, name: str, **files: str) -> Path:
    """Make an ext4 file system with some files in it, without mounting it."""
    content = folder / f"{name}.d"
    content.mkdir()
    for file, text in files.items():
        (content / file.replace("__", ".")).write_text(text)
    out = folder / name
    with out.open("wb") as image:
        image.truncate(SECTORS * 512)
    call("mke2fs", "-q", "-t", "ext4", "-d", content, out)
    return out


def image(folder: Path, name: str, boot: Path, root: Path) -> Path:
    """Write an image, not compressed, with its checksum; slot A has what is given, the rest is empty."""
    out = folder / f"{name}.img"
    with out.open("wb") as disk:
        disk.truncate((START + len(LABELS) * SECTORS + 2048) * 512)
    table = "label: gpt\n" + "".join(
        f"start={START + at * SECTORS}, size={SECTORS}, name={label}\n" for at, label in enumerate(LABELS)
    )
    call("sfdisk", "--no-reread", "--quiet", out, input=table.encode())
    with out.open("r+b") as disk:
        for label, part in (("boot_a", boot), ("root_a", root)):
            disk.seek((START + LABELS.index(label) * SECTORS) * 512)
            disk.write(part.read_bytes())
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    out.with_suffix(".sha256").write_text(f"{digest}  {out.name}\n")
    return out
