"""One file for each checkpoint: all that a light client of the consortium needs, in one strict form.

The file is JSON of the fields ``format``, ``chain``, ``checkpoint`` and ``blocks`` (docs/guides/light-client.md).
Headers, commits and validators stand in it as CometBFT's RPC writes them (CometBFT v0.38, spec/light-client and
spec/core/data_structures), the checkpoint as C2SP tlog-checkpoint with one signature line for each validator.

Reading takes four steps: (1) bounded and decoded, no field twice; (2) each field there, none more, each of its type;
(3) the bytes are the one form of what they say, so that no byte is idle; (4) what the file says of one thing in two
places agrees: chain and heights, and the last header's application hash with the checkpoint (LOG-2). Nobody's signature
is checked by that. :func:`signers` checks the checkpoint's; a light client checks the commits'.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from poju.engine.cometbft.genesis import app_hash
from poju.errors import CallerError, PojuError
from poju.i18n import _
from poju.ledger import checkpoint
from poju.ledger.checkpoint import Checkpoint
from poju.ledger.keys import PublicKey

FORMAT = "poju-light-1"
MAX_BYTES = 1 << 21
MAX_BLOCKS, MAX_VALIDATORS, MAX_LINES = 64, 100, 103
MAX_ROUND = (1 << 31) - 1
MAX_NOTE = 20_000

HASH = re.compile(r"[0-9A-F]{64}")
ADDRESS = re.compile(r"[0-9A-F]{40}")
APP_HASH = re.compile(r"[0-9A-F]{80}")
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
SIGNED_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,18}")
KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
SIGNATURE = re.compile(r"[A-Za-z0-9+/]{86}==")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
NAME = re.compile(r"[A-Za-z0-9._-]{1,50}")
NOTHING = re.compile(r"")

_BLOCK_ID = {"hash": HASH, "parts": {"total": int, "hash": HASH}}
_NO_BLOCK_ID = {"hash": NOTHING, "parts": {"total": int, "hash": NOTHING}}
_HEADER = {
    "version": ({"block": NUMBER}, {"block": NUMBER, "app": NUMBER}),
    "chain_id": NAME,
    "height": NUMBER,
    "time": TIME,
    "last_block_id": (_BLOCK_ID, _NO_BLOCK_ID),
    "last_commit_hash": HASH,
    "data_hash": HASH,
    "validators_hash": HASH,
    "next_validators_hash": HASH,
    "consensus_hash": HASH,
    "app_hash": APP_HASH,
    "last_results_hash": HASH,
    "evidence_hash": HASH,
    "proposer_address": ADDRESS,
}
_VOTE = {"block_id_flag": int, "validator_address": ADDRESS, "timestamp": TIME, "signature": SIGNATURE}
_NO_VOTE = {"block_id_flag": int, "validator_address": NOTHING, "timestamp": TIME, "signature": None}
_COMMIT = {"height": NUMBER, "round": int, "block_id": _BLOCK_ID, "signatures": [(_VOTE, _NO_VOTE)]}
_VALIDATOR = {
    "address": ADDRESS,
    "pub_key": {"type": re.compile("tendermint/PubKeyEd25519"), "value": KEY},
    "voting_power": NUMBER,
    "proposer_priority": SIGNED_NUMBER,
}
_BLOCK = {
    "signed_header": {"header": _HEADER, "commit": _COMMIT},
    "validators": [_VALIDATOR],
    "next_validators": [_VALIDATOR],
}
SHAPE = {"format": re.compile(FORMAT), "chain": NAME, "checkpoint": str, "blocks": [_BLOCK]}
"""The file's fields: a pattern is a string that matches it, a tuple is one of these, a list is some of that."""


@dataclass(frozen=True)
class LightFile:
    """What a light client starts from, and what it should arrive at.

    ``chain``: the chain's id; ``note``: the checkpoint with its signature lines; ``blocks``: light blocks in ascending
    height, the first the one to trust from elsewhere, the last the one whose header carries the checkpoint's root.
    """

    chain: str
    note: str
    blocks: tuple[dict[str, Any], ...]

    @property
    def checkpoint(self) -> Checkpoint:
        """Size and root that the file is about, as its text says; no signature is checked by reading it."""
        return unverified_checkpoint(self.note)

    @property
    def heights(self) -> list[int]:
        """The heights of the light blocks."""
        return [int(block["signed_header"]["header"]["height"]) for block in self.blocks]

    def encode(self) -> bytes:
        """Return the file's bytes: the same for the same content."""
        fields = {"format": FORMAT, "chain": self.chain, "checkpoint": self.note, "blocks": self.blocks}
        # JSON can name half of a surrogate pair: no file's bytes hold one, so that reading refuses it as another form
        text = json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False)
        return f"{text}\n".encode("utf-8", "surrogatepass")


def refused(reason: str) -> CallerError:
    """Return ``light.refused``: the file is not what it says."""
    return CallerError(
        "light.refused",
        _("This light client's file does not hold: {reason}."),
        hint=_("Fetch it again, from another validator: GET /light; if it still fails, do not trust this copy."),
        reason=reason,
    )


def read(data: bytes) -> LightFile:
    """Return the file in ``data`` (at most 2 MiB), or raise ``light.refused``. The steps are the module's.

    No signature is checked: a file that can be read proves nothing yet.
    """
    # (1) bounded and decoded
    if len(data) > MAX_BYTES:
        raise refused(_("it is larger than such a file can be"))
    try:
        found = json.loads(data.decode(), object_pairs_hook=_fields)
    except (ValueError, RecursionError) as error:
        raise refused(_("it is not JSON with each field once")) from error
    # (2) every field and no other
    if not _fits(found, SHAPE):
        raise refused(_("a field is missing, not known, or not of its type"))
    read_file = LightFile(found["chain"], found["checkpoint"], tuple(found["blocks"]))
    # (3) one form
    if read_file.encode() != data:
        raise refused(_("it is not in its one canonical form"))
    # (4) what is said twice agrees
    _agree(read_file)
    return read_file


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _fits(value: Any, shape: object) -> bool:  # noqa: ANN401 - decoded JSON, of which nothing is known yet
    """Return whether ``value`` is of ``shape``, in the notation of ``SHAPE``."""
    fits = value is shape
    if isinstance(shape, dict):
        same = isinstance(value, dict) and value.keys() == shape.keys()
        fits = same and all(_fits(value[name], part) for name, part in shape.items())
    elif isinstance(shape, list):
        some = isinstance(value, list) and 0 < len(value) <= MAX_VALIDATORS
        fits = some and all(_fits(item, shape[0]) for item in value)
    elif isinstance(shape, tuple):
        fits = any(_fits(value, part) for part in shape)
    elif isinstance(shape, re.Pattern):
        fits = isinstance(value, str) and shape.fullmatch(value) is not None
    elif shape is int:
        # to Python true is an int
        fits = type(value) is int and 0 <= value <= MAX_ROUND
    elif shape is str:
        fits = isinstance(value, str) and len(value) <= MAX_NOTE
    return fits


def _agree(found: LightFile) -> None:
    if len(found.blocks) > MAX_BLOCKS or any(low >= high for low, high in pairwise(found.heights)):
        raise refused(_("its blocks are too many, or not in ascending height"))
    for block in found.blocks:
        header, commit = block["signed_header"]["header"], block["signed_header"]["commit"]
        if header["chain_id"] != found.chain:
            raise refused(_("a header is another chain's"))
        if header["height"] != commit["height"]:
            raise refused(_("a commit is of another height than its header"))
        if len(commit["signatures"]) != len(block["validators"]):
            raise refused(_("a commit has not one place for each validator"))
    claimed = found.checkpoint
    if app_hash(claimed.size, claimed.root).hex().upper() != found.blocks[-1]["signed_header"]["header"]["app_hash"]:
        raise refused(_("the last header carries another size or root than the checkpoint"))


def unverified_checkpoint(note: str) -> Checkpoint:
    """Return what the text of a note with any number of signature lines says, or raise ``light.refused``."""
    text, lines = _parts(note)
    try:
        origin, size, root = text.split("\n")
        found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
        same = found.text() == text + "\n" and 0 <= found.size < 1 << 63 and len(found.root) == checkpoint.ROOT_BYTES
    except ValueError as error:
        raise refused(_("the checkpoint is no note of three lines")) from error
    if not same or len(set(lines)) != len(lines):
        raise refused(_("the checkpoint is not in its one canonical form"))
    return found


def _parts(note: str) -> tuple[str, list[str]]:
    text, separator, rest = note.partition("\n\n")
    lines = rest.split("\n")
    if not separator or lines.pop() or not lines or len(lines) > MAX_LINES:
        raise refused(_("the checkpoint is no note of three lines"))
    return text, lines


def merge(notes: Iterable[str]) -> str:
    """Return one note with the signature lines of all ``notes``, which sign the same text, in their order."""
    parts = [_parts(note) for note in notes]
    texts = {text for text, _lines in parts}
    if len(texts) != 1:
        raise refused(_("the validators signed different checkpoints"))
    lines = dict.fromkeys(line for _text, lines in parts for line in lines)
    return "\n".join([texts.pop(), "", *lines, ""])


def signers(note: str, keys: Mapping[str, PublicKey]) -> list[str]:
    """Return the names of those among ``keys`` who signed ``note``, each once, in the order of their names.

    Raises ``light.refused`` for a line that is nobody's among them: an honest file has none.
    """
    claimed = unverified_checkpoint(note)
    text, lines = _parts(note)
    found: set[str] = set()
    for line in lines:
        name = next((name for name, key in keys.items() if _signed(f"{text}\n\n{line}\n", claimed.origin, key)), None)
        if name is None or name in found:
            raise refused(_("a signature of the checkpoint is none of the validators'"))
        found.add(name)
    return sorted(found)


def _signed(note: str, origin: str, key: PublicKey) -> bool:
    try:
        checkpoint.open_note(note, origin, key)
    except PojuError:
        return False
    return True
