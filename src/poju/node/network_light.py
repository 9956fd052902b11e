"""Making the light client's file of a checkpoint: one validator's light blocks, and the signatures of all of them.

Steps: (1) find the first height whose header carries the wanted size (a header carries the log as the block before it
left it, so sizes never fall with the height); (2) take the light block to trust, by default the chain's first, and that
one; (3) where the validators of the former no longer make up a third of the signers of the latter, take blocks between
until each is reached from the one before (CometBFT v0.38, spec/light-client, skipping verification); (4) ask every
validator for its signature on the checkpoint; (5) read and verify the file before anybody gets it.
"""

from __future__ import annotations

import http.client
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from poju.engine.cometbft import light, light_verify
from poju.engine.cometbft.genesis import SIZE_BYTES
from poju.engine.cometbft.light import LightFile
from poju.engine.cometbft.light_hash import BILLION, header_hash, nanoseconds
from poju.engine.cometbft.rpc import Rpc
from poju.errors import CallerError, OperatorError, PojuError
from poju.i18n import _
from poju.ledger import checkpoint
from poju.node import network_folder
from poju.node.logs import say
from poju.node.network_folder import Network, Validator
from poju.units import Seconds

ANSWER_SECONDS = 5.0
MAX_NOTE = 4_096
OK = 200
KEPT = 16
Block = dict[str, Any]


def write(folder: Path, name: str, size: int | None, start: int | None, out: Path) -> LightFile:
    """Write to ``out`` the file of the checkpoint of ``size``, by default the newest; return what it says.

    Raises ``network.none``, ``network.validator``, ``network.engine-silent``, ``light.size``, ``light.height``,
    ``light.signatures``, ``light.write``.
    """
    network = network_folder.load(folder)
    made = build(network, network.find(name), size, start)
    try:
        out.write_bytes(made.encode())
    except OSError as error:
        raise OperatorError(
            "light.write",
            _("{path} cannot be written: {reason}."),
            hint=_("Name a file in a folder that you may write to."),
            path=out,
            reason=error.strerror or type(error).__name__,
        ) from error
    return made


def build(network: Network, validator: Validator, size: int | None = None, start: int | None = None) -> LightFile:
    """Return the file of ``size`` (leaves; by default the newest agreed), to be trusted from height ``start`` on.

    Raises as :func:`write`, and ``light.refused`` where the engine's answers do not fit together.
    """
    engine = Rpc(validator.rpc, ANSWER_SECONDS)
    try:
        return _build(network, Chain(engine.call), size, start)
    finally:
        engine.close()


def _build(network: Network, chain: Chain, size: int | None, start: int | None) -> LightFile:
    # (1) the height
    first, newest = chain.heights()
    wanted = chain.size(newest) if size is None else size
    height = chain.height_of(wanted, first, newest)
    # (2) where trust starts
    start = first if start is None else start
    if not first <= start <= height:
        raise CallerError(
            "light.height",
            _("Height {start} cannot be the start: this checkpoint stands at height {height}, the first is {first}."),
            hint=_("Give a height that you trust, not after the checkpoint's."),
            start=start,
            height=height,
            first=first,
        )
    # (3) from there to the checkpoint
    blocks = chain.path(start, height)
    # (4) who signs it
    header = blocks[-1]["signed_header"]["header"]
    root = bytes.fromhex(header["app_hash"])[SIZE_BYTES:]
    notes = signatures(network, wanted, root)
    if len(notes) < network.acknowledge:
        raise OperatorError(
            "light.signatures",
            _("{count} validators signed the checkpoint of size {size}; {needed} are needed."),
            hint=_("Run poju network status: start the missing validators, then ask again."),
            count=len(notes),
            size=wanted,
            needed=network.acknowledge,
        )
    made = LightFile(str(header["chain_id"]), light.merge(notes), tuple(blocks))
    # (5) nobody gets what would be refused, as of its own last header: how old it may be is its reader's question
    read = light.read(made.encode())
    trusted = light_verify.Trusted(start, header=header_hash(blocks[0]["signed_header"]["header"]))
    keys = {item.name: item.log_key for item in network.validators}
    now = Seconds(nanoseconds(header["time"]) // BILLION)
    light_verify.verify(read, trusted, keys, network.acknowledge, now, period=now)
    return read


class Chain:
    """One engine's chain, as its RPC tells it. ``ask``: (method, parameters) → result."""

    def __init__(self, ask: Callable[..., Mapping[str, Any]]) -> None:
        self._ask = ask

    def heights(self) -> tuple[int, int]:
        """Return the first and the newest height that the engine holds."""
        with _Strange():
            found = self._ask("status")["sync_info"]
            return int(found["earliest_block_height"]), int(found["latest_block_height"])

    def size(self, height: int) -> int:
        """Return the log's size that the header at ``height`` carries."""
        with _Strange():
            header = self._ask("header", height=str(height))["header"]
            return int.from_bytes(bytes.fromhex(header["app_hash"])[:SIZE_BYTES], "big")

    def height_of(self, size: int, first: int, newest: int) -> int:
        """Return the first height whose header carries ``size``, by halving; raise ``light.size`` if none does."""
        low, high = first, newest
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.size(middle) < size else (low, middle)
        found = self.size(low)
        if found != size or not size:
            raise CallerError(
                "light.size",
                _("The validators have agreed on no checkpoint of size {size}; the nearest is {nearest}."),
                hint=_("Leave the size away for the newest; sizes between are those at which a block ended."),
                size=size,
                nearest=found,
            )
        return low

    def light_block(self, height: int) -> Block:
        """Return header, commit, validators and next validators at ``height``."""
        with _Strange():
            signed = self._ask("commit", height=str(height))["signed_header"]
            return {
                "signed_header": {"header": signed["header"], "commit": signed["commit"]},
                "validators": self._validators(height),
                "next_validators": self._validators(height + 1),
            }

    def _validators(self, height: int) -> list[Block]:
        found = self._ask("validators", height=str(height), page="1", per_page=str(light.MAX_VALIDATORS))
        if int(found["total"]) != len(found["validators"]):
            raise light.refused(_("it has more validators than one answer holds"))
        return list(found["validators"])

    def path(self, start: int, end: int) -> list[Block]:
        """Return light blocks from ``start`` to ``end``, each of which can be verified from the one before it."""
        reached = [self.light_block(start)]
        ahead = [] if start == end else [self.light_block(end)]
        while ahead:
            if len(reached) + len(ahead) > light.MAX_BLOCKS:
                raise light.refused(_("its blocks are too many, or not in ascending height"))
            low, high = _height(reached[-1]), _height(ahead[-1])
            if high == low + 1 or light_verify.reachable(reached[-1], ahead[-1]):
                reached.append(ahead.pop())
            else:
                ahead.append(self.light_block((low + high) // 2))
        return reached


def _height(block: Block) -> int:
    return int(block["signed_header"]["header"]["height"])


class _Strange:
    """Turns an answer of another form than CometBFT's into ``light.refused``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if kind is not None and issubclass(kind, KeyError | TypeError | ValueError):
            raise light.refused(_("the engine's answer is not CometBFT's")) from error


def signatures(network: Network, size: int, root: bytes) -> list[str]:
    """Return the notes of those validators that answer with ``root`` of ``size``, in the validators' order.

    One that signed another root is left out and told: what it signed is the evidence of a fork (LOG-2).
    """
    with ThreadPoolExecutor(len(network.validators), "light") as pool:
        asked = list(pool.map(lambda item: _note(item, network.origin, size), network.validators))
    found = []
    for validator, note in zip(network.validators, asked, strict=True):
        if note is None:
            continue
        signed = light.unverified_checkpoint(note)
        if (signed.size, signed.root) == (size, root):
            found.append(note)
        else:
            say("fork", validator=validator.name, size=size, ours=root.hex(), theirs=signed.root.hex())
    return found


def _note(validator: Validator, origin: str, size: int) -> str | None:
    connection = http.client.HTTPConnection(validator.host, validator.http, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", f"/checkpoint/{size}")
        answer = connection.getresponse()
        note = answer.read(MAX_NOTE).decode()
        if answer.status != OK:
            return None
        checkpoint.open_note(note, origin, validator.log_key)
    except (OSError, http.client.HTTPException, UnicodeDecodeError):
        return None
    except PojuError as error:
        say("signature-refused", validator=validator.name, code=error.code)
        return None
    finally:
        connection.close()
    return note


def routes(network: Network, validator: Validator) -> APIRouter:
    """Return ``GET /light`` and ``GET /light/{size}``: one file is made at a time, the last sixteen are kept."""
    router = APIRouter()
    kept: OrderedDict[int, bytes] = OrderedDict()
    lock = threading.Lock()

    def answer(size: int | None) -> Response:
        with lock:
            data = kept.get(size) if size is not None else None
            if data is None:
                made = build(network, validator, size)
                data = kept[made.checkpoint.size] = made.encode()
                if len(kept) > KEPT:
                    kept.popitem(last=False)
        return Response(data, media_type="application/json")

    @router.get("/light")
    def newest() -> Response:
        return answer(None)

    @router.get("/light/{size}")
    def named(size: int) -> Response:
        return answer(size)

    return router
