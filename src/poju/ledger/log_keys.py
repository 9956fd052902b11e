"""The keys that may speak for a log, each for a range of sizes, and how many of them it takes (LOG-3).

A key retires at a size: what it signed below stays good for ever. What a key declared compromised signed is worth
nothing by itself at any size, since whoever holds it can sign an old size too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger import cosignature, receipt
from poju.ledger.checkpoint import KEY_ID_BYTES, Checkpoint, read_line, read_text
from poju.ledger.keys import PrivateKey, PublicKey
from poju.units import Seconds

MOST_LINES = 128
T = TypeVar("T")


@dataclass(frozen=True)
class LogKey:
    """``name``'s key, good for sizes from ``first`` to ``last`` inclusive (None: no end yet)."""

    name: str
    key: PublicKey
    first: int = 0
    last: int | None = None
    compromised: bool = False

    def speaks_at(self, size: int) -> bool:
        """Return whether this key may sign the log of ``size`` leaves and be believed by itself."""
        return not self.compromised and self.first <= size and (self.last is None or size <= self.last)


@dataclass(frozen=True)
class Agreed:
    """A checkpoint, who signed it by a key that speaks at its size, and when each known cosigner did."""

    checkpoint: Checkpoint
    signers: frozenset[str]
    cosigners: Mapping[str, Seconds]


@dataclass(frozen=True)
class LogKeys:
    """``threshold`` of ``keys``' holders stand behind a root; ``witnesses`` of ``cosigners`` saw it too.

    ``threshold`` None: more than two thirds of the holders whose keys speak at the root's size.
    """

    origin: str
    keys: Sequence[LogKey]
    threshold: int | None
    cosigners: Mapping[str, PublicKey] = field(default_factory=dict)
    witnesses: int = 0

    def needed(self, size: int) -> int:
        """Return how many holders have to have signed the root of ``size`` leaves."""
        if self.threshold is not None:
            return self.threshold
        return 2 * len({item.name for item in self.keys if item.speaks_at(size)}) // 3 + 1

    def open(self, note: str) -> Agreed:
        """Return what ``note`` says and who signed it, each holder and cosigner counted once.

        A line under a key that is not known here says nothing (C2SP signed notes); one that claims a known key and
        does not hold, or stands there twice, raises ``checkpoint.refused``. How many it takes is the caller's to ask.
        """
        text, separator, rest = note.partition("\n\n")
        lines = rest.split("\n")[: MOST_LINES + 2]
        if not separator or len(lines) > MOST_LINES + 1 or lines.pop() or not lines:
            raise refused(_("it has no signature line, too many, or no line feed at its end"))
        checkpoint = read_text(f"{text}\n")
        if checkpoint.origin != self.origin:
            raise refused(_("it is another log's"))
        if len(set(lines)) != len(lines):
            raise refused(_("a signature stands there twice"))
        signers: set[str] = set()
        times: dict[str, Seconds] = {}
        for line in lines:
            name, signature = read_line(line)
            if name == self.origin:
                signers |= self._signer(checkpoint, signature)
            elif name in self.cosigners:
                times[name] = cosignature.verified(checkpoint.text(), name, self.cosigners[name], signature)
        return Agreed(checkpoint, frozenset(signers), times)

    def _signer(self, checkpoint: Checkpoint, signature: bytes) -> set[str]:
        """Return the holder of the known key that ``signature`` claims and that speaks at this size, if any."""
        # a key id has four bytes, so that two keys may share one: the signature tells which of them it was
        claimed = [item for item in self.keys if item.key.note_key_id(self.origin) == signature[:KEY_ID_BYTES]]
        message = checkpoint.text().encode()
        held = [item for item in claimed if item.key.verifies(signature[KEY_ID_BYTES:], message)]
        if claimed and not held:
            raise refused(_("a known key's signature does not hold"))
        return {item.name for item in held if item.speaks_at(checkpoint.size)}

    def inclusion(self, proof: bytes, leaf: bytes) -> tuple[LogKey, receipt.VerifiedReceipt]:
        """Return which known key signed the receipt ``proof`` of ``leaf`` and what it proved; ``receipt.refused``.

        The key may be retired or compromised: whether it speaks at that size is the caller's to ask.
        """
        return self._first_that_holds(lambda key: receipt.verify(proof, leaf, key))

    def growth(self, proof: bytes, old: receipt.VerifiedReceipt) -> tuple[LogKey, receipt.VerifiedGrowth]:
        """Return which known key signed that the log under ``old`` only grew, and to what; ``receipt.refused``."""
        return self._first_that_holds(lambda key: receipt.verify_consistency(proof, old.size, old.root, key))

    def _first_that_holds(self, check: Callable[[PublicKey], T]) -> tuple[LogKey, T]:
        failure = refused(_("no key is known"))
        for item in self.keys:
            try:
                return item, check(item.key)
            except CallerError as error:
                failure = error
        raise failure


Turn = Callable[[Mapping[str, bytes | None]], PrivateKey | None]
"""What a block writes → the private key that signs from this block on, or None where it stays.

It raises where that key is not held: the block is not made then.
"""


class OwnKeys:
    """The private keys with which one node signs its log, each from a size on. One thread writes, others read."""

    def __init__(self, key: PrivateKey, turn: Turn | None = None) -> None:
        self._from = [(0, key)]
        self._turn = turn

    @property
    def present(self) -> PrivateKey:
        """The one that signs what comes next."""
        return self._from[-1][1]

    def at(self, size: int) -> PrivateKey:
        """Return the key that signs the log of ``size`` leaves."""
        return next(key for first, key in reversed(self._from) if first <= size)

    def take_turn(self, writes: Mapping[str, bytes | None], size: int) -> None:
        """Change over where the block that ends at ``size`` gives another key its turn, before it is durable."""
        found = None if self._turn is None else self._turn(writes)
        if found is not None:
            self._from.append((size, found))


def refused(reason: str) -> CallerError:
    """Return ``checkpoint.refused``."""
    return CallerError(
        "checkpoint.refused",
        _("This checkpoint does not hold: {reason}."),
        hint=_("Fetch the checkpoint again from the log; if it still fails, do not trust this copy."),
        reason=reason,
    )
