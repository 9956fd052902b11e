"""Bringing a log that somebody serves into a folder, so that it can be verified there: nothing here is trusted.

Hash tiles, checkpoint and key are for everyone; entry bundles are served to auditors, whose key signs the requests.
What is complete on disk is not fetched again, so that a download that was cut off goes on; whether the files are the
log's, the verification afterwards finds. A file is written apart and then renamed: none is ever there in part.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx

from poju.errors import CallerError, OperatorError, RefusedError
from poju.i18n import _
from poju.ledger import cbor, tiles
from poju.ledger.checkpoint import Checkpoint, open_note, read_text
from poju.ledger.keys import PrivateKey, PublicKey, parse_vkey
from poju.node import signatures
from poju.node.client import ADDRESS, TIMEOUT_SECONDS

NOTE_BYTES, KEYS_BYTES = 16_384, 4_096
BUNDLE_BYTES = tiles.WIDTH * (tiles.LENGTH_BYTES + 65_535)
OK = 200
TRIES = 3
SCRATCH = ".incoming"


class Download:
    """One log's files, from ``url`` into ``folder``; ``key`` signs the requests for entry bundles."""

    def __init__(self, url: str, folder: Path, key: PrivateKey | None) -> None:
        if not ADDRESS.fullmatch(url.rstrip("/")):
            raise CallerError(
                "ledger.address",
                _("{url} is no address of a ledger."),
                hint=_("Give it as http://HOST:PORT or https://HOST."),
                url=url[:200],
            )
        self._url, self._folder, self._key = url.rstrip("/"), folder, key

    def run(
        self, fingerprint: str | None, progress: Callable[[int, int], None], *, together: bool = False
    ) -> Checkpoint:
        """Fetch what is missing for the newest checkpoint, which the log's key has to have signed; return it.

        ``fingerprint``: the key to trust; None takes the one that is served, and the verification afterwards says so.
        ``together``: take a consortium's checkpoint with several signatures, none of which is looked at here.
        Raises ``checkpoint.refused``, ``key.not-trusted``, ``ledger.unreachable``, ``ledger.answer`` and
        ``download.too-large``.
        """
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as self._http:
            note = self._note(together=together)
            origin, key = self._log_key(note)
            if fingerprint is not None and key.fingerprint != fingerprint:
                raise RefusedError(
                    "key.not-trusted",
                    _("The log's key is {found}, not the trusted {wanted}."),
                    hint=_("Nothing was fetched. Compare the address and the fingerprint with what the log published."),
                    found=key.fingerprint,
                    wanted=fingerprint,
                )
            head = read_text(note.partition("\n\n")[0] + "\n") if together else open_note(note, origin, key)
            self._forget(set(_partial(head.size)))
            # one name after the other: a log may sign any size, and only what it really serves is kept
            for number, (path, limit) in enumerate(_files(head.size), 1):
                if not (self._folder / path).is_file():
                    self._write(path, self._get(path, limit))
                progress(number, _count(head.size))
        self._write("log.vkey", f"{key.vkey(origin)}\n".encode())
        # last: a folder that has a checkpoint has all that stands under it
        self._write("checkpoint", note.encode())
        return head

    def _note(self, *, together: bool) -> str:
        if together:
            with suppress(RefusedError):
                return self._get("checkpoint/agreed", NOTE_BYTES).decode(errors="replace")
        # one operator's ledger has no more than this
        return self._get("checkpoint", NOTE_BYTES).decode(errors="replace")

    def _log_key(self, note: str) -> tuple[str, PublicKey]:
        """Return the log's name and key: its published verifier key, or its key set and the name in the checkpoint."""
        try:
            return parse_vkey(self._get("log.vkey", KEYS_BYTES).decode(errors="replace"))
        except RefusedError:
            # a ledger that serves itself has no file of that name
            raw = self._get(".well-known/scitt-keys", KEYS_BYTES)
        match cbor.decode(raw, KEYS_BYTES):
            case [{-2: bytes(public)}, *_earlier]:
                return note.split("\n", 1)[0], PublicKey(public)
        raise self._strange(".well-known/scitt-keys", OK)

    def _get(self, path: str, limit: int) -> bytes:
        for attempt in range(TRIES):
            try:
                return self._once(path, limit)
            except httpx.HTTPError as error:
                if attempt == TRIES - 1:
                    raise OperatorError(
                        "ledger.unreachable",
                        _("The ledger at {url} does not answer: {reason}."),
                        hint=_("Run the same command again: what was fetched is kept."),
                        url=self._url,
                        reason=type(error).__name__,
                    ) from error
        raise AssertionError(path)

    def _once(self, path: str, limit: int) -> bytes:
        request = self._http.build_request("GET", f"{self._url}/{path}")
        if self._key is not None and path.startswith("tile/entries/"):
            signatures.sign(request, self._key)
        response = self._http.send(request, stream=True)
        try:
            if response.status_code != OK:
                raise self._strange(path, response.status_code)
            data = bytearray()
            for part in response.iter_bytes():
                data += part
                if len(data) > limit:
                    raise OperatorError(
                        "download.too-large",
                        _("{path} has more than {limit} bytes: it is not what it should be."),
                        hint=_("Ask the log's operator; nothing of it was kept."),
                        path=path,
                        limit=limit,
                    )
        finally:
            response.close()
        return bytes(data)

    def _strange(self, path: str, status: int) -> RefusedError:
        hint = _("See the node's log for the reason.")
        if path.startswith("tile/entries/"):
            hint = _("Entry bundles are for auditors: give the key of a member with that role as --member-key.")
        return RefusedError(
            "ledger.answer",
            _("The ledger at {url} answered with status {status}."),
            hint=hint,
            url=f"{self._url}/{path}",
            status=status,
        )

    def _forget(self, wanted: set[str]) -> None:
        """Take away the partial tiles of an earlier, smaller checkpoint, which nothing accounts for any more."""
        (self._folder / "checkpoint").unlink(missing_ok=True)
        for path in (self._folder / "tile").rglob("*.p/*"):
            if path.is_file() and path.relative_to(self._folder).as_posix() not in wanted:
                path.unlink()

    def _write(self, path: str, data: bytes) -> None:
        target, scratch = self._folder / path, self._folder / SCRATCH
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_bytes(data)
            scratch.rename(target)
        except OSError as error:
            raise _unwritable(target, error) from error


def _files(size: int) -> Iterator[tuple[str, int]]:
    """Yield path and greatest size of every file of a log of ``size`` leaves."""
    for level, number, width in tiles.tile_names(size):
        yield tiles.path(str(level), number, width), width * tiles.HASH_BYTES
        if level == 0:
            yield tiles.path("entries", number, width), BUNDLE_BYTES


def _partial(size: int) -> Iterator[str]:
    """Yield the paths among :func:`_files` of tiles that are not full: at most one on each level, and a bundle."""
    level = 0
    while size:
        number, width = divmod(size, tiles.WIDTH)
        if width:
            yield tiles.path(str(level), number, width)
            if level == 0:
                yield tiles.path("entries", number, width)
        size, level = number, level + 1


def _count(size: int) -> int:
    """Return how many files :func:`_files` yields."""
    count = -(-size // tiles.WIDTH)
    while size:
        count += -(-size // tiles.WIDTH)
        size //= tiles.WIDTH
    return count


def place_package(package: Path, folder: Path) -> None:
    """Put a copy of the package in ``package`` beside the log; the verification compares its digest."""
    target = folder / "package"
    try:
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(package, target)
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(path: Path, error: OSError) -> OperatorError:
    return OperatorError(
        "download.write",
        _("{path} cannot be written: {reason}."),
        hint=_("Free disk space or choose another folder, then run the same command again."),
        path=path,
        reason=error.strerror or type(error).__name__,
    )
