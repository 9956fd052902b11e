"""Cosignatures (C2SP tlog-cosignature, version 1): a cosigner saw this checkpoint at a time, and no fork of it.

The signed message is ``cosignature/v1``, the time, and the checkpoint's own text; the signature is eight bytes of time
and 64 of Ed25519 behind the key id, as one more line of the note.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.checkpoint import KEY_ID_BYTES, Checkpoint, open_note, read_line
from poju.ledger.keys import SIGNATURE_BYTES, PrivateKey, PublicKey
from poju.units import Seconds

ALGORITHM = 4
TIME_BYTES = 8
MOST_LINES = 64


@dataclass(frozen=True)
class Cosigned:
    """A checkpoint that the log signed, and when each known cosigner signed it too, by the cosigner's name."""

    checkpoint: Checkpoint
    note: str
    times: Mapping[str, Seconds]


def key_id(name: str, key: PublicKey) -> bytes:
    """Return the four-byte key id of a cosigner's key."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([ALGORITHM]) + key.raw).digest()[:KEY_ID_BYTES]


def vkey(name: str, key: PublicKey) -> str:
    """Return the C2SP verifier key of a cosigner: ``name+id+base64`` with algorithm 4."""
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(bytes([ALGORITHM]) + key.raw).decode()}"


def parse_vkey(text: str) -> tuple[str, PublicKey]:
    """Return name and key of a cosigner's vkey, or raise ``key.malformed``."""
    name, _key_id, material = (*text.strip().split("+", 2), "", "", "")[:3]
    try:
        raw = base64.b64decode(material, validate=True)
    except ValueError:
        raw = b""
    if raw[:1] == bytes([ALGORITHM]):
        key = PublicKey(raw[1:])
        if name and vkey(name, key) == text.strip():
            return name, key
    raise CallerError(
        "key.malformed",
        _("This is not a C2SP verifier key."),
        hint=_("Take the cosigner's vkey as its operator published it: one line, name+key id+base64."),
    )


def _message(text: str, time: Seconds) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def cosign(note: str, name: str, key: PrivateKey, time: Seconds) -> str:
    """Return ``note`` with ``name``'s cosignature at ``time`` below; that the log only grew, the caller has checked."""
    text = note.partition("\n\n")[0] + "\n"
    signature = key_id(name, key.public) + time.to_bytes(TIME_BYTES, "big") + key.sign(_message(text, time))
    return f"{note}— {name} {base64.b64encode(signature).decode()}\n"


def open_cosigned(note: str, origin: str, log_key: PublicKey, cosigners: Mapping[str, PublicKey]) -> Cosigned:
    """Return the checkpoint of ``note``, signed by the log first and then by any number of cosigners.

    A line of a cosigner who is not among ``cosigners`` says nothing and is passed over (C2SP signed notes); one of a
    known cosigner that does not hold raises ``checkpoint.refused``, as do the log's own faults.
    """
    text, _separator, signatures = note.partition("\n\n")
    own, *lines = signatures.split("\n")[: MOST_LINES + 2]
    if len(lines) > MOST_LINES or not lines or lines.pop():
        raise _refused("more than 64 cosignatures, or no line feed at the end")
    checkpoint = open_note(f"{text}\n\n{own}\n", origin, log_key)
    times: dict[str, Seconds] = {}
    for line in lines:
        name, signature = read_line(line)
        if name in cosigners:
            if name in times:
                raise _refused("a cosigner stands there twice")
            times[name] = verified(f"{text}\n", name, cosigners[name], signature)
    return Cosigned(checkpoint, f"{text}\n\n{own}\n", times)


def verified(text: str, name: str, key: PublicKey, signature: bytes) -> Seconds:
    """Return the time of ``name``'s cosignature on the note's ``text``; raise ``checkpoint.refused``."""
    time = Seconds(int.from_bytes(signature[KEY_ID_BYTES : KEY_ID_BYTES + TIME_BYTES], "big"))
    signed = signature[KEY_ID_BYTES + TIME_BYTES :]
    right = signature[:KEY_ID_BYTES] == key_id(name, key) and len(signed) == SIGNATURE_BYTES
    if not right or not key.verifies(signed, _message(text, time)):
        raise _refused("a known cosigner's signature does not hold")
    return time


def _refused(reason: str) -> CallerError:
    return CallerError(
        "checkpoint.refused",
        _("This checkpoint does not hold: {reason}."),
        hint=_("Fetch the checkpoint again from the log; if it still fails, do not trust this copy."),
        reason=reason,
    )
