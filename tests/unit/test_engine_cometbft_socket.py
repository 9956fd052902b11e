"""ABCI over a real Unix socket, against a scripted client: framing, order of answers, what ends the process."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import support_ledger as support
from hypothesis import given
from hypothesis import strategies as st
from test_engine_cometbft_application import STATE, badly_signed, fresh

from poju.engine.cometbft import abci_pb2 as abci
from poju.engine.cometbft import codec, home
from poju.engine.cometbft.dispatcher import ACCEPT, REJECT
from poju.engine.cometbft.genesis import Genesis
from poju.engine.cometbft.server import SocketServer
from poju.errors import OperatorError, PojuError
from poju.ledger.keys import PrivateKey
from poju.ledger.store import Store

WAIT = 10.0
TIME = abci.Timestamp(seconds=support.TIME)


class Client:
    """Speaks ABCI as the engine does: several requests at once, answers in their order."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect(str(path))
        self.buffer = b""

    def send(self, *requests: abci.Request) -> None:
        self.socket.sendall(b"".join(codec.frame(item.SerializeToString()) for item in requests))

    def receive(self) -> abci.Response:
        while True:
            length, shift = 0, 0
            for at, byte in enumerate(self.buffer):
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    if len(self.buffer) > at + length:
                        found = self.buffer[at + 1 : at + 1 + length]
                        self.buffer = self.buffer[at + 1 + length :]
                        return abci.Response.FromString(found)
                    break
            data = self.socket.recv(65_536)
            assert data, "the application closed the connection"
            self.buffer += data

    def ask(self, request: abci.Request) -> abci.Response:
        self.send(request)
        return self.receive()


class Served:
    """A running server, and what it reported."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.application = fresh(Store.open(path.parent / "ledger.sqlite"))
        self.reported: list[Exception] = []
        self.failed = threading.Event()
        self.clients: list[Client] = []
        self.server = SocketServer(self.application, path, self.report)
        self.thread = threading.Thread(target=self.server.serve)
        self.thread.start()

    def client(self) -> Client:
        self.clients.append(Client(self.path))
        return self.clients[-1]

    def report(self, error: Exception) -> None:
        self.reported.append(error)
        self.failed.set()


@pytest.fixture
def served(tmp_path: Path, socket_enabled: None) -> Iterator[Served]:
    assert socket_enabled is None
    made = Served(tmp_path / "abci.sock")
    yield made
    for client in made.clients:
        client.socket.close()
    made.server.close()
    made.thread.join(WAIT)
    assert not made.thread.is_alive()
    made.application.close()


def block_of(height: int, *raws: bytes) -> abci.BlockQuestion:
    return abci.BlockQuestion(txs=raws, height=height, time=TIME)


def test_an_engines_whole_conversation(served: Served) -> None:
    consensus, mempool = served.client(), served.client()
    assert consensus.ask(abci.Request(echo=abci.Text(text="hello"))).echo.text == "hello"
    assert consensus.ask(abci.Request(info=abci.InfoQuestion())).info.last_block_height == 0
    started = consensus.ask(abci.Request(init_chain=abci.InitChainQuestion(app_state_bytes=STATE, initial_height=1)))
    assert started.init_chain.app_hash == bytes(8) + served.application.store.root(0)
    good, bad = support.signed(1), badly_signed(2)
    mempool.send(
        abci.Request(check_tx=abci.CheckTxQuestion(tx=good)),
        abci.Request(check_tx=abci.CheckTxQuestion(tx=bad)),
        abci.Request(flush=abci.Empty()),
    )
    first, second, third = (mempool.receive() for _number in range(3))
    assert (first.check_tx.code, second.check_tx.code, second.check_tx.data) == (0, 1, b"statement.signature")
    assert third.WhichOneof("value") == "flush"
    proposal = abci.PrepareProposalQuestion(txs=[good, bad], max_tx_bytes=10_000, height=1, time=TIME)
    assert list(consensus.ask(abci.Request(prepare_proposal=proposal)).prepare_proposal.txs) == [good]
    for raws, status in (([good], ACCEPT), ([good, bad], REJECT)):
        answer = consensus.ask(abci.Request(process_proposal=block_of(1, *raws)))
        assert answer.process_proposal.status == status
    decided = consensus.ask(abci.Request(finalize_block=block_of(1, good, support.signed(3, "forbid"))))
    results = decided.finalize_block.tx_results
    assert [(item.code, item.data) for item in results] == [(0, bytes(8)), (1, b"test.forbidden")]
    assert consensus.ask(abci.Request(commit=abci.Empty())).WhichOneof("value") == "commit"
    info = consensus.ask(abci.Request(info=abci.InfoQuestion())).info
    assert (info.last_block_height, info.last_block_app_hash) == (1, decided.finalize_block.app_hash)
    assert info.last_block_app_hash[:8] == (2).to_bytes(8, "big")
    assert not served.reported


def test_log_2_an_application_that_cannot_answer_says_so_and_stops(served: Served) -> None:
    client = served.client()
    answer = client.ask(abci.Request(finalize_block=block_of(7, support.signed(1))))
    assert "block 7" in answer.exception.text
    assert served.failed.wait(WAIT)
    assert [getattr(error, "code", "") for error in served.reported] == ["network.height"]


def test_log_2_a_rule_that_fails_as_a_bug_would_stops_it_without_telling_what_a_statement_says(served: Served) -> None:
    client = served.client()
    answer = client.ask(abci.Request(finalize_block=block_of(1, support.signed(1, "raise"))))
    assert answer.exception.text == "ZeroDivisionError"
    assert served.failed.wait(WAIT)


@pytest.mark.parametrize(
    "attack",
    [
        b"\xff" * 9,
        codec.frame(b"\xff\xff"),
        codec.frame(b""),
        b"\xff\xff\xff\xff\x7f",
        # a field that no version of ABCI has, and a length one over the limit
        codec.frame(b"\xfa\x07\x00"),
        codec.frame(bytes(codec.MAX_MESSAGE + 1))[:8],
    ],
)
def test_bytes_that_are_no_abci_end_the_conversation(served: Served, attack: bytes) -> None:
    client = served.client()
    client.socket.sendall(attack)
    assert client.receive().WhichOneof("value") == "exception"
    assert served.failed.wait(WAIT)
    assert isinstance(served.reported[0], PojuError)


def test_an_engine_that_goes_away_in_the_middle_of_a_message_is_no_failure(served: Served) -> None:
    client = served.client()
    client.socket.sendall(codec.frame(bytes(100))[:50])
    client.socket.close()
    assert served.client().ask(abci.Request(flush=abci.Empty())).WhichOneof("value") == "flush"
    assert not served.reported


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_requests_that_come_in_pieces_or_together_are_answered_one_by_one_in_order(served: Served, step: int) -> None:
    requests = [abci.Request(echo=abci.Text(text=f"{number}" * 40)) for number in range(60)]
    client = served.client()
    stream = b"".join(codec.frame(item.SerializeToString()) for item in requests)
    for at in range(0, len(stream), step):
        client.socket.sendall(stream[at : at + step])
    assert [client.receive().echo.text for _item in requests] == [item.echo.text for item in requests]


def test_the_answers_to_the_same_statement_are_alike_and_each_has_its_own(served: Served) -> None:
    client = served.client()
    raws = [support.signed(1), badly_signed(2), support.signed(1), b"nonsense", support.signed(3)] * 20
    client.send(*(abci.Request(check_tx=abci.CheckTxQuestion(tx=raw)) for raw in raws))
    found = [client.receive().check_tx for _raw in raws]
    assert [item.data.decode() for item in found] == ["", "statement.signature", "", "statement.malformed", ""] * 20
    assert [item.code for item in found] == [0, 1, 0, 1, 0] * 20


def test_an_engine_that_reads_no_answers_can_go_on_writing(served: Served) -> None:
    client = served.client()
    requests = [abci.Request(echo=abci.Text(text=str(number) * 60)) for number in range(2_000)]
    # all that the socket and the inbox hold: written before the first answer is read
    client.send(*requests)
    assert [client.receive().echo.text for _item in requests] == [item.echo.text for item in requests]
    assert not served.reported


def test_a_socket_that_cannot_be_made_is_explained(tmp_path: Path, socket_enabled: None) -> None:
    assert socket_enabled is None
    with pytest.raises(OperatorError) as caught:
        SocketServer(fresh(), tmp_path / ("a" * 120), lambda _error: None)
    assert caught.value.code == "network.socket"


@given(st.lists(st.binary(max_size=400)), st.integers(1, 7))
def test_framed_messages_come_out_as_they_went_in_however_they_are_cut(messages: list[bytes], step: int) -> None:
    stream = b"".join(codec.frame(item) for item in messages)
    frames = codec.Frames()
    found: list[bytes] = []
    for at in range(0, len(stream), step):
        frames.add(stream[at : at + step])
        found += frames.messages()
    assert found == messages


@given(st.binary(max_size=300))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    frames = codec.Frames()
    frames.add(data)
    with suppress(PojuError):
        for message in frames.messages():
            assert codec.decode(message).ByteSize() <= len(data)


def test_an_engines_files_are_the_ones_that_the_guide_describes() -> None:
    seeds = [bytes([number]) * 32 for number in range(4)]
    keys = [PrivateKey.from_seed(seed).public for seed in seeds]
    nodes = [home.Node("v0", keys[0], keys[1], 1, 2), home.Node("v1", keys[2], keys[3], 3, 4)]
    state = Genesis(support.ORIGIN, bytes(32), {"v0": support.LOG.public}, 1)
    text = home.genesis_file(nodes, state, chain="poju-x", time="2026-01-01T00:00:00Z", initial_height=5)
    found = json.loads(text)
    assert found["initial_height"] == "5"
    assert found["app_state"] == state.describe()
    assert [item["address"] for item in found["validators"]] == [home.address(key).upper() for key in keys[::2]]
    settings = home.settings(nodes[0], nodes[1:])
    assert f"{home.address(keys[3])}@127.0.0.1:3" in settings
    for line in (
        "create_empty_blocks = true",
        'create_empty_blocks_interval = "60s"',
        "recheck = false",
        'indexer = "null"',
        'flush_throttle_timeout = "10ms"',
    ):
        assert line in settings
