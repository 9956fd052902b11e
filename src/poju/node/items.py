"""How many CBOR items a stranger's bytes hold, counted before they are decoded, in memory that does not grow."""

from __future__ import annotations

STRINGS, ARGUMENT_BYTES = (2, 3), {24: 1, 25: 2, 26: 4, 27: 8}


def few_items(data: bytes, most: int) -> bool:
    """Return whether ``data`` has at most ``most`` CBOR items; what is no CBOR, the decoder refuses.

    Asked before large bodies and answers are decoded: an empty array is one byte on the line and seventy in memory.
    """
    at = items = 0
    while at < len(data):
        items += 1
        if items > most:
            return False
        major, low = data[at] >> 5, data[at] & 31
        width = ARGUMENT_BYTES.get(low, 0)
        argument = int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else low
        at += 1 + width + (argument if major in STRINGS else 0)
    return True
