"""Registering what the engine found out: a validator that signed two blocks is suspended by its own signatures.

A node whose folder holds ``member.key``, an admitted member's private key, registers the evidence in that member's
name. Every node tries; the first one is registered, and the rules refuse the others as told already. The heights that
are not settled stand in ``misbehaviour``, a line each, so that a node that is killed in between goes on with them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from poju.engine.cometbft import evidence
from poju.engine.cometbft.evidence import DoubleVote
from poju.engine.embedded import Answer, Refusal
from poju.errors import PojuError
from poju.ledger.cbor import Value
from poju.ledger.keys import PrivateKey
from poju.ledger.rulebook import State
from poju.ledger.statement import new_identifier, sign
from poju.node import network_keys
from poju.node.logs import say
from poju.scenario import governance_state
from poju.scenario.governance_state import ADMITTED
from poju.units import Seconds

MEMBER_KEY, PENDING = "member.key", "misbehaviour"
PAUSE_SECONDS = 2.0
SETTLED = {"misbehaviour.taken", "misbehaviour.validator-unknown"}
Ask = Callable[..., Mapping[str, Any]]


class Reporter:
    """Registers the evidence of the heights that :meth:`note` is told of. Ends with :meth:`close`.

    ``ask``: the engine's RPC, (method, parameters) → result; ``register``: bytes of a statement → the answer.
    """

    def __init__(self, home: Path, state: State, ask: Ask, register: Callable[[bytes], Answer]) -> None:
        self._home = home.resolve()
        self._state = state
        self._ask = ask
        self._register = register
        self._lock = threading.Lock()
        self._news, self._closing = threading.Event(), threading.Event()
        self._told: dict[str, str] = {}
        if self._pending():
            self._news.set()
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self._thread.start()

    def note(self, height: int) -> None:
        """Remember that the block of ``height`` holds evidence; durable when it returns."""
        self._change(lambda waiting: waiting | {height})
        self._news.set()

    def close(self) -> None:
        """Report no more; what is not settled waits in the folder."""
        self._closing.set()
        self._news.set()
        self._thread.join(2 * PAUSE_SECONDS)

    def _pending(self) -> set[int]:
        try:
            return {int(line) for line in (self._home / PENDING).read_text(encoding="ascii").split()}
        except (OSError, ValueError):
            return set()

    def _change(self, change: Callable[[set[int]], set[int]]) -> None:
        with self._lock:
            heights = sorted(change(self._pending()))
            network_keys.replace(self._home / PENDING, "".join(f"{height}\n" for height in heights))

    def _run(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            while (heights := sorted(self._pending())) and not self._closing.is_set():
                if settled := {height for height in heights if self._settle(height)}:
                    self._change(lambda waiting: waiting - settled)
                self._closing.wait(PAUSE_SECONDS)

    def _settle(self, height: int) -> bool:
        """Return whether nothing is left to do about the block of ``height``."""
        try:
            found = evidence.read(self._ask("block", height=str(height)))
        except PojuError:
            return False
        except (KeyError, TypeError, ValueError) as error:
            say("evidence-unread", height=height, code=type(error).__name__)
            return True
        # no comprehension inside all(): each is to be tried
        outcomes = [self._report(item) for item in found]
        return all(outcomes)

    def _report(self, item: DoubleVote) -> bool:
        known = self._state.get(governance_state.VALIDATORS) or []
        same = [entry for entry in known if evidence.address_of(entry["consensus"]) == item.address]
        if not any(entry["state"] == ADMITTED for entry in same):
            return self._say(item, "already out" if same else "not on the register: no vote admitted it")
        try:
            signer = self._signer()
            if signer is None:
                self._say(item, f"put an admitted member's {MEMBER_KEY} into the node's folder")
                return False
            member, key = signer
            fields = {**item.fields, "consensus": same[-1]["consensus"]}
            answer = self._register(_statement(member, key, item.name, fields))
        except PojuError as error:
            self._say(item, error.code)
            return False
        except TimeoutError:
            return False
        code = answer.code if isinstance(answer, Refusal) else "registered"
        self._say(item, code)
        return not isinstance(answer, Refusal) or code in SETTLED

    def _signer(self) -> tuple[str, PrivateKey] | None:
        """Return the member whose key stands in the folder, and the key."""
        path = self._home / MEMBER_KEY
        if not path.is_file():
            return None
        key = PrivateKey.load(path)
        entry = self._state.get(f"key/{key.public.fingerprint}")
        return None if entry is None else (str(entry["member"]), key)

    def _say(self, item: DoubleVote, outcome: str) -> bool:
        """Say once what became of it; return True."""
        if self._told.get(item.name) != outcome:
            self._told[item.name] = outcome
            say("double-signing", validator=item.address.hex(), height=int(item.fields["height"]), outcome=outcome)
        return True


def _statement(member: str, key: PrivateKey, name: str, fields: Mapping[str, Value]) -> bytes:
    return sign(
        key,
        "misbehaviour",
        issuer=member,
        subject=f"misbehaviour/{name}",
        issued_at=Seconds(int(time.time())),
        identifier=new_identifier(),
        fields=dict(fields),
    )
