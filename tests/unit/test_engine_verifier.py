"""The process that checks signatures: right answers, and nothing lost where it dies."""

from __future__ import annotations

import io
import os
import signal

from poju.engine.verifier import HEAD, Verifier, question, serve
from poju.ledger.cose import Sign1, signature_input
from poju.ledger.keys import PrivateKey

KEY, OTHER = (PrivateKey.from_seed(bytes([number]) * 32) for number in (1, 2))


def checks() -> list[bytes]:
    said = [bytes([number]) * (1 + 300 * number) for number in range(40)]
    return [
        asked((OTHER if number % 5 == 3 else KEY), message, header=message[:number])
        for number, message in enumerate(said)
    ]


def envelope(payload: bytes, header: bytes = b"header") -> Sign1:
    """What KEY signed."""
    return Sign1(header, {}, {}, payload, KEY.sign(signature_input(header, payload)), b"")


def asked(key: PrivateKey, payload: bytes, header: bytes = b"header") -> bytes:
    """The question whether ``key`` signed what KEY signed."""
    return question(key.public, envelope(payload, header))


EXPECTED = [number % 5 != 3 for number in range(40)]


def test_it_says_which_signatures_hold_request_after_request() -> None:
    verifier = Verifier()
    try:
        for _turn in range(3):
            assert verifier.ask(checks())
            assert verifier.answer() == EXPECTED
        assert verifier.ask([])
        assert verifier.answer() == []
    finally:
        verifier.close()


def test_a_request_larger_than_a_pipe_is_answered() -> None:
    message = bytes(60_000)
    verifier = Verifier()
    try:
        assert verifier.ask([asked(KEY, message)] * 100)
        assert verifier.answer() == [True] * 100
    finally:
        verifier.close()


def test_a_killed_process_is_noticed_and_not_asked_again() -> None:
    verifier = Verifier()
    assert verifier.ask(checks())
    process = verifier._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while verifier.ask(checks()) and verifier.answer() is not None:
        pass  # an answer that was written before it died still counts
    assert not verifier.ask(checks())
    assert verifier.answer() is None
    verifier.close()


def test_an_interrupt_from_the_terminal_leaves_it_to_its_parent() -> None:
    verifier = Verifier()
    try:
        assert verifier.ask(checks())
        assert verifier.answer() == EXPECTED
        assert verifier._process is not None
        os.kill(verifier._process.pid, signal.SIGINT)
        assert verifier.ask(checks())
        assert verifier.answer() == EXPECTED
    finally:
        verifier.close()


def test_it_ends_where_its_input_ends_in_the_middle_of_a_head() -> None:
    body = checks()[2]
    answers = io.BytesIO()
    serve(io.BytesIO(HEAD.pack(1, len(body)) + body + b"\x00\x00"), answers)
    assert answers.getvalue() == b"\x01"


def test_rule_1_bytes_moved_from_the_header_to_the_payload_are_another_signature() -> None:
    signed = envelope(b"payload")
    moved = signed._replace(protected_bytes=b"heade", payload=b"rpayload")
    verifier = Verifier()
    try:
        assert verifier.ask([question(KEY.public, item) for item in (signed, moved)])
        assert verifier.answer() == [True, False]
    finally:
        verifier.close()
