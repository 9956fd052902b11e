"""Checkpoints: C2SP tlog-checkpoint in a C2SP signed note, and their strict reading.

Reading is exact: a checkpoint that does not re-serialise to the same bytes is refused, so that no byte is idle.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.keys import PrivateKey, PublicKey

ROOT_BYTES = 32
SIGNATURE_LINE_PARTS = 3


@dataclass(frozen=True)
class Checkpoint:
    """A log's size (in leaves) and root (32 bytes) under its origin."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note's text (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def sign(self, key: PrivateKey) -> str:
        """Return the signed note, the log's own signature on it."""
        signature = key.public.note_key_id(self.origin) + key.sign(self.text().encode())
        return f"{self.text()}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def _refused(reason: str) -> CallerError:
    return CallerError(
        "checkpoint.refused",
        _("This checkpoint does not hold: {reason}."),
        hint=_("Fetch the checkpoint again from the log; if it still fails, do not trust this copy."),
        reason=reason,
    )


def open_note(note: str, origin: str, key: PublicKey) -> Checkpoint:
    """Return the checkpoint that ``key`` signed for ``origin``, or raise ``checkpoint.refused``."""
    text, separator, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not separator or len(lines) != SIGNATURE_LINE_PARTS:
        raise _refused("not a note of three lines and a signature")
    try:
        checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
        dash, name, encoded = signatures.removesuffix("\n").split(" ")
        signature = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refused("a line cannot be read") from error
    again = f"{checkpoint.text()}\n— {name} {base64.b64encode(signature).decode()}\n"
    if dash != "—" or again != note or len(checkpoint.root) != ROOT_BYTES:
        raise _refused("not in its one canonical form")
    if checkpoint.origin != origin or name != origin:
        raise _refused("another log's origin")
    if signature[:4] != key.note_key_id(name) or not key.verifies(signature[4:], checkpoint.text().encode()):
        raise _refused("the signature is not the log key's")
    return checkpoint
