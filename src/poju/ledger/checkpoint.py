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
TEXT_PARTS = 4
KEY_ID_BYTES = 4


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


def read_text(text: str) -> Checkpoint:
    """Return the checkpoint that a note's three lines say, signed by nobody yet; raise ``checkpoint.refused``."""
    lines = text.split("\n")
    if len(lines) != TEXT_PARTS:
        raise _refused("not a note of three lines and a signature")
    try:
        checkpoint = Checkpoint(lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True))
    except (ValueError, binascii.Error) as error:
        raise _refused("a line cannot be read") from error
    if checkpoint.text() != text or len(checkpoint.root) != ROOT_BYTES or checkpoint.size < 0:
        raise _refused("not in its one canonical form")
    return checkpoint


def read_line(line: str) -> tuple[str, bytes]:
    """Return name and signature bytes (key id first) of one signature line, without its line feed."""
    dash, _space, rest = line.partition(" ")
    name, _space, encoded = rest.partition(" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise _refused("a signature line cannot be read") from error
    if dash != "—" or not name or line != f"— {name} {base64.b64encode(signature).decode()}":
        raise _refused("a signature line is not in its one form")
    return name, signature


def open_note(note: str, origin: str, key: PublicKey) -> Checkpoint:
    """Return the checkpoint that ``key`` signed for ``origin``, or raise ``checkpoint.refused``."""
    text, separator, line = note.partition("\n\n")
    checkpoint = read_text(f"{text}\n")
    name, signature = read_line(line.removesuffix("\n"))
    if not separator or not line.endswith("\n"):
        raise _refused("not a note of three lines and a signature")
    if checkpoint.origin != origin or name != origin:
        raise _refused("another log's origin")
    own = signature[:KEY_ID_BYTES] == key.note_key_id(name)
    if not own or not key.verifies(signature[KEY_ID_BYTES:], checkpoint.text().encode()):
        raise _refused("the signature is not the log key's")
    return checkpoint
