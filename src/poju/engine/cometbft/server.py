"""ABCI 2.0 over a Unix socket: the engine opens four connections, each is answered in order by a thread of its own.

Whatever the application cannot answer stops the process: an application that goes on after a failed block would be the
one that differs (LOG-2). The engine ends when its application does, and the supervisor starts both again.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import codec
from poju.engine.cometbft.application import Application
from poju.errors import OperatorError, PojuError
from poju.i18n import _
from poju.ledger import block
from poju.ledger.statement import VerifiedStatement
from poju.units import Seconds

VERSION = "poju-abci-2"
CODESPACE = "poju"
REFUSED = 1
ACCEPT, REJECT = 1, 2
RECEIVE_BYTES = 1 << 18
BACKLOG = 8
INDEX_BYTES = 8
Report = Callable[[PojuError | Exception], None]


def result_of(answer: block.Answer) -> abci.TxResult:
    """Return what the next header commits to: code 0 and the leaf index (8 bytes), or 1 and the rule's code."""
    if isinstance(answer, block.Declined):
        return abci.TxResult(code=REFUSED, data=answer.code.encode(), codespace=CODESPACE)
    return abci.TxResult(data=answer.index.to_bytes(INDEX_BYTES, "big"))


class Dispatcher:
    """Puts each ABCI request to the application and its answer into a response."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def answer(self, request: abci.Request) -> abci.Response:
        """Return the response to ``request``; raise ``abci.malformed`` for a question that nobody defined."""
        kind = request.WhichOneof("value")
        if kind is None:
            raise codec.malformed("a request of an unknown kind")
        found: abci.Response = getattr(self, f"_{kind}")(getattr(request, kind))
        return found

    def _check_tx(self, question: abci.CheckTxQuestion) -> abci.Response:
        found = self._application.check(question.tx)
        if isinstance(found, VerifiedStatement):
            return abci.Response(check_tx=abci.TxResult())
        return abci.Response(check_tx=abci.TxResult(code=REFUSED, data=found.encode(), codespace=CODESPACE))

    def _echo(self, question: abci.Text) -> abci.Response:
        return abci.Response(echo=abci.Text(text=question.text))

    def _flush(self, _question: abci.Empty) -> abci.Response:
        return abci.Response(flush=abci.Empty())

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


class SocketServer:
    """Listens on a Unix socket until closed. ``report`` is called once for a failure that has to end the process."""

    def __init__(self, application: Application, path: Path, report: Report) -> None:
        self._dispatcher = Dispatcher(application)
        self._report = report
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        try:
            self._listener.bind(str(path))
        except OSError as error:
            self._listener.close()
            raise OperatorError(
                "network.socket",
                _("The socket {path} cannot be made: {reason}."),
                hint=_("Choose a folder on a local disk, and a path of fewer than 100 letters."),
                path=path,
                reason=error.strerror or str(error),
            ) from error
        path.chmod(0o600)
        self._listener.listen(BACKLOG)
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Accept connections until :meth:`close`; returns then."""
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connections.add(connection)
            threading.Thread(target=self._converse, args=(connection,), name="abci", daemon=True).start()

    def close(self) -> None:
        """Stop listening and end all conversations."""
        with self._lock:
            left = list(self._connections)
        for item in (self._listener, *left):
            # the engine may have closed its end already
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _converse(self, connection: socket.socket) -> None:
        frames = codec.Frames()
        try:
            while data := connection.recv(RECEIVE_BYTES):
                answers = bytearray()
                for message in frames.feed(data):
                    response = self._dispatcher.answer(codec.decode(message))
                    answers += codec.frame(response.SerializeToString())
                connection.sendall(answers)
        except OSError:  # the engine went away; it connects again or the supervisor starts it again
            return
        except Exception as error:  # noqa: BLE001 whatever failed, this application must not answer the next block
            self._explain(connection, error)
            self._report(error)
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    @staticmethod
    def _explain(connection: socket.socket, error: Exception) -> None:
        text = str(error) if isinstance(error, PojuError) else type(error).__name__
        response = abci.Response(exception=abci.Text(text=text))
        try:
            connection.sendall(codec.frame(response.SerializeToString()))
        except OSError:  # nobody is left to be told
            return
