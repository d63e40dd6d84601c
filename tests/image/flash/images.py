"""Images as `make image` leaves them: compressed, with checksum and block map."""

import hashlib
import subprocess
from pathlib import Path

BLOCK = 4096
BLOCKS = 1536
MAPPED = ((0, 0), (2, 400), (900, 1200), (1535, 1535))
"""Of 6 MiB: the partition table, some, some more, and the last block, where GPT has its second table."""


def content() -> bytes:
    image = bytearray(BLOCK * BLOCKS)
    for first, last in MAPPED:
        for block in range(first, last + 1):
            image[block * BLOCK : (block + 1) * BLOCK] = hashlib.sha256(b"%d" % block).digest() * 128
    return bytes(image)


def bmap_text(image: bytes, mapped: tuple[tuple[int, int], ...] = MAPPED, size: int | None = None) -> str:
    ranges = "\n".join(
        f'<Range chksum="{hashlib.sha256(image[a * BLOCK : (b + 1) * BLOCK]).hexdigest()}">'
        f" {a if a == b else f'{a}-{b}'} </Range>"
        for a, b in mapped
    )
    text = f"""<?xml version="1.0" ?>
<bmap version="2.0">
<ImageSize> {len(image) if size is None else size} </ImageSize>
<BlockSize> {BLOCK} </BlockSize>
<BlocksCount> {BLOCKS} </BlocksCount>
<MappedBlocksCount> {sum(b - a + 1 for a, b in mapped)} </MappedBlocksCount>
<ChecksumType> sha256 </ChecksumType>
<BmapFileChecksum> {"0" * 64} </BmapFileChecksum>
<BlockMap>
{ranges}
</BlockMap>
</bmap>
"""
    return signed(text)


def signed(text: str) -> str:
    """Put the checksum of a map, which has zeros there, into it."""
    return text.replace("0" * 64, hashlib.sha256(text.encode()).hexdigest(), 1)


def build(folder: Path, image: bytes, bmap: str | None) -> Path:
    """Write an image with its siblings and return the link to the latest."""
    plain, packed = folder / "janban-1.img", folder / "janban-1.img.zst"
    plain.write_bytes(image)
    subprocess.run(["zstd", "-q", "-f", "--rm", plain, "-o", packed], check=True, timeout=60)
    digest = hashlib.sha256(packed.read_bytes()).hexdigest()
    (folder / "janban-1.sha256").write_text(f"{digest}  {packed.name}\n")
    if bmap is not None:
        (folder / "janban-1.bmap").write_text(bmap)
    link = folder / "janban-latest.img.zst"
    link.unlink(missing_ok=True)
    link.symlink_to(packed.name)
    return link
