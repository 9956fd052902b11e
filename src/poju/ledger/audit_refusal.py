"""Asking the rules again about one refused statement, on the very state on which they refused it (RULE-2).

While a log is audited, at the end of the block that the refusal names: (1) the refusal's place and time fit into the
log; (2) the statement's key and signature are looked at in the state before its block; (3) the statements of its own
block that stood before it are executed, and it behind them; (4) the answer has to be the refusal's code. Nothing of
this changes the audited state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from poju.errors import OperatorError
from poju.i18n import _
from poju.ledger import block
from poju.ledger.audit_state import FoldState
from poju.ledger.refusal import Refusal
from poju.ledger.rulebook import RuleBook
from poju.ledger.statement import UnverifiedStatement, VerifiedStatement
from poju.units import Seconds

KEEP = _("Keep the refusal, the statement and this log: together they show that the node answered wrongly.")


@dataclass
class _Known:
    """Memory of the log before the block: exact, also about what was registered under the same (issuer, cti)."""

    state: FoldState
    leaf: Callable[[int], bytes]

    def seen(self, issuer: str, identifier: bytes) -> tuple[int, bytes] | None:
        index = self.state.find(issuer, identifier)
        return None if index is None else (index, hashlib.sha256(self.leaf(index)).digest())


class Rejudged:
    """Implements :class:`poju.ledger.audit.Watch` for one refusal. ``leaf``: the log's leaf by index."""

    def __init__(
        self, rules: RuleBook, refused: Refusal, item: UnverifiedStatement, leaf: Callable[[int], bytes]
    ) -> None:
        if refused.position is None:
            raise _unfit(_("it has the first form, which does not say on which state the rules decided"))
        self.size = refused.size
        self._position = refused.position
        self._rules, self._refused, self._item, self._leaf = rules, refused, item, leaf
        self._judged = False

    def judge(
        self,
        state: FoldState,
        head: block.Head,
        following: list[tuple[int, VerifiedStatement]],
        closing: Seconds | None,
    ) -> None:
        """Ask the rules; raise ``refusal.unfit`` or ``refusal.unfounded``. ``closing``: the following block's time."""
        refused = self._refused
        # 1. a moment of this log
        late = closing is not None and refused.time > closing
        if refused.time < head.time or late or (self._position and refused.time != closing):
            raise _unfit(_("its time is not one of the block that it names"))
        before = [item for index, item in following if index < head.size + self._position]
        # 2. key and signature, in the state before the block
        key = self._rules.key_for(state, self._item)
        verified = None if key is None else self._item.verify(key)
        if verified is None:
            self._compare("statement.key-unknown" if key is None else "statement.signature")
            return
        # 3. its own block up to its place
        known = _Known(state, self._leaf)
        outcome = block.execute(self._rules, state, known, head, refused.time, [*before, verified])
        *earlier, answer = outcome.answers
        places = [answer.decision or answer.index for answer in earlier if isinstance(answer, block.Entered)]
        if (places[-1] + 1 if places else head.size) != head.size + self._position:
            raise _unfit(_("its position is not one between two statements of that block"))
        # 4. the code
        self._compare(answer.code if isinstance(answer, block.Declined) else "registered")

    def _compare(self, found: str) -> None:
        if found != self._refused.code:
            raise OperatorError(
                "refusal.unfounded",
                _("The rules answer {found} to this statement where the node refused it as {wanted}."),
                hint=KEEP,
                found=found,
                wanted=self._refused.code,
            )
        self._judged = True

    def require_judged(self) -> None:
        """Raise ``refusal.unfit`` where the audited log never was at the refusal's size between two blocks."""
        if not self._judged:
            raise _unfit(_("the log never ended a block at the size that it names, or this copy is too short"))


def _unfit(reason: str) -> OperatorError:
    return OperatorError(
        "refusal.unfit",
        _("The refusal cannot be judged on this log: {reason}."),
        hint=_("Give the log that the node's checkpoint signs, at least up to the refusal's size."),
        reason=reason,
    )
