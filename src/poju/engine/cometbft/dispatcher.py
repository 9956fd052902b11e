"""Each ABCI request put to the application, and its answer as the bytes that go back over the socket.

CheckTx comes once for each statement on each validator, and a flush behind a handful of them: their answers are made
once and sent again.
"""

from __future__ import annotations

from collections.abc import Callable

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import codec
from poju.engine.cometbft.application import Application
from poju.ledger import block
from poju.ledger.statement import VerifiedStatement
from poju.units import Seconds

VERSION = "poju-abci-2"
CODESPACE = "poju"
REFUSED = 1
ACCEPT, REJECT = 1, 2
INDEX_BYTES = 8


def reply(response: abci.Response) -> bytes:
    """Return ``response`` as it goes over the socket."""
    return codec.frame(response.SerializeToString())


TAKEN = reply(abci.Response(check_tx=abci.TxResult()))
FLUSHED = reply(abci.Response(flush=abci.Empty()))


def result_of(answer: block.Answer) -> abci.TxResult:
    """Return what the next header commits to: code 0 and the leaf index (8 bytes), or 1 and the rule's code."""
    if isinstance(answer, block.Declined):
        return abci.TxResult(code=REFUSED, data=answer.code.encode(), codespace=CODESPACE)
    return abci.TxResult(data=answer.index.to_bytes(INDEX_BYTES, "big"))


class Dispatcher:
    """Puts each ABCI request to the application. Safe to share between threads, as the application is."""

    def __init__(self, application: Application) -> None:
        self._application = application
        kinds = [field.name for field in abci.Request.DESCRIPTOR.fields if field.name not in {"check_tx", "flush"}]
        self._answers: dict[str, Callable[..., abci.Response]] = {kind: getattr(self, f"_{kind}") for kind in kinds}

    def answer(self, message: bytes) -> bytes:
        """Return the framed answer to the request in ``message``; raise ``abci.malformed`` for what is none."""
        request = codec.decode(message)
        kind = request.WhichOneof("value")
        if kind == "check_tx":
            return self._check_tx(request.check_tx.tx)
        if kind == "flush":
            return FLUSHED
        if kind is None:
            raise codec.malformed("a request of an unknown kind")
        return reply(self._answers[kind](getattr(request, kind)))

    def _check_tx(self, raw: bytes) -> bytes:
        found = self._application.check(raw)
        if isinstance(found, VerifiedStatement):
            return TAKEN
        return reply(abci.Response(check_tx=abci.TxResult(code=REFUSED, data=found.encode(), codespace=CODESPACE)))

    def _echo(self, question: abci.Text) -> abci.Response:
        return abci.Response(echo=abci.Text(text=question.text))

    def _info(self, _question: abci.InfoQuestion) -> abci.Response:
        height, hashed = self._application.info()
        answer = abci.InfoAnswer(data=CODESPACE, version=VERSION)
        # before the first commit there is no block to name, and the engine asks InitChain
        if height:
            answer.last_block_height, answer.last_block_app_hash = height, hashed
        return abci.Response(info=answer)

    def _init_chain(self, question: abci.InitChainQuestion) -> abci.Response:
        hashed = self._application.init_chain(question.app_state_bytes, question.initial_height)
        return abci.Response(init_chain=abci.InitChainAnswer(app_hash=hashed))

    def _query(self, question: abci.StateQuestion) -> abci.Response:
        """Answer ``path`` "refusal" with the signed refusal of the statement whose digest is ``data``."""
        kept = self._application.store.refusal(question.data) if question.path == "refusal" else None
        if kept is None:
            return abci.Response(query=abci.StateAnswer(code=REFUSED, codespace=CODESPACE))
        return abci.Response(query=abci.StateAnswer(value=kept[0]))

    def _prepare_proposal(self, question: abci.PrepareProposalQuestion) -> abci.Response:
        chosen = self._application.prepare_proposal(question.txs, question.max_tx_bytes)
        return abci.Response(prepare_proposal=abci.PrepareProposalAnswer(txs=chosen))

    def _process_proposal(self, question: abci.BlockQuestion) -> abci.Response:
        status = ACCEPT if self._application.process_proposal(question.txs) else REJECT
        return abci.Response(process_proposal=abci.VerdictAnswer(status=status))

    def _finalize_block(self, question: abci.BlockQuestion) -> abci.Response:
        if question.misbehavior:
            self._application.on_misbehaviour(question.height)
        time = Seconds(question.time.seconds)
        hashed, answers = self._application.finalize_block(question.height, time, question.txs)
        results = [result_of(answer) for answer in answers]
        updates = [
            abci.ValidatorUpdate(pub_key=abci.PublicKey(ed25519=key), power=power)
            for key, power in self._application.validator_updates
        ]
        answer = abci.FinalizeBlockAnswer(tx_results=results, app_hash=hashed, validator_updates=updates)
        return abci.Response(finalize_block=answer)

    def _commit(self, _question: abci.Empty) -> abci.Response:
        self._application.commit()
        return abci.Response(commit=abci.CommitAnswer())

    def _extend_vote(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(extend_vote=abci.Empty())

    def _verify_vote_extension(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(verify_vote_extension=abci.VerdictAnswer(status=ACCEPT))

    def _list_snapshots(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(list_snapshots=abci.Empty())

    def _offer_snapshot(self, _question: abci.Empty) -> abci.Response:
        # a node joins by replaying the log: state that somebody else folded is not taken over
        return abci.Response(offer_snapshot=abci.SnapshotAnswer(result=2))

    def _load_snapshot_chunk(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(load_snapshot_chunk=abci.Empty())

    def _apply_snapshot_chunk(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(apply_snapshot_chunk=abci.SnapshotAnswer(result=2))
