"""One frame of a display, asked for as a viewer would (RFC 6143), and what is on it in numbers."""

import asyncio
import struct
from collections import Counter

VERSION = b"RFB 003.008\n"
NO_SECURITY = 1
RAW = 0
# 32 bits a pixel, little-endian, blue first: 7.4 Pixel Format Data Structure.
FORMAT = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)


async def look(path):
    """width, height, how many colours, and the share of the commonest one (0 to 1)."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        width, height = await _greet(reader, writer)
        writer.write(struct.pack(">Bxxx", 0) + FORMAT)
        writer.write(struct.pack(">BxHi", 2, 1, RAW))
        writer.write(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
        pixels = await _pixels(reader, width * height)
    finally:
        writer.close()
    counts = Counter(struct.unpack(f"<{len(pixels) // 4}I", pixels))
    share = counts.most_common(1)[0][1] / len(pixels) * 4
    return {"width": width, "height": height, "colours": len(counts), "commonest": round(share, 4)}


async def _greet(reader, writer):
    """To the end of the initialisation; the display's size."""
    await reader.readexactly(len(VERSION))
    writer.write(VERSION)
    (count,) = await reader.readexactly(1)
    if NO_SECURITY not in await reader.readexactly(count):
        raise EOFError("the display asks for a password")
    writer.write(bytes([NO_SECURITY]))
    await reader.readexactly(4)
    # Shared: nobody who looks at it is turned away.
    writer.write(b"\x01")
    width, height = struct.unpack(">HH", await reader.readexactly(4))
    await reader.readexactly(16)
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    await reader.readexactly(length)
    return width, height


async def _pixels(reader, wanted):
    """Of as many updates as it takes to have all of the screen once."""
    found = b""
    while len(found) < wanted * 4:
        (kind,) = await reader.readexactly(1)
        if kind == 2:
            continue
        if kind == 3:
            _, length = struct.unpack(">3sI", await reader.readexactly(7))
            await reader.readexactly(length)
            continue
        if kind != 0:
            raise EOFError(f"the display sent a message that it was not asked for ({kind})")
        (count,) = struct.unpack(">xH", await reader.readexactly(3))
        for _ in range(count):
            _, _, width, height, encoding = struct.unpack(">HHHHi", await reader.readexactly(12))
            if encoding != RAW:
                raise EOFError(f"the display sent an encoding that it was not asked for ({encoding})")
            found += await reader.readexactly(width * height * 4)
    return found
