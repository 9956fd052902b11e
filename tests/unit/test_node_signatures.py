"""PRIV-2 between nodes: HTTP message signatures that are missing, another's, replayed over another body, or too old."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest
from support_rules import key_of

from poju.errors import PojuError
from poju.ledger.keys import PublicKey
from poju.node import signatures

URL = "http://127.0.0.1:8600/records"
BODY = b"the proof"
KEYS = {key_of(name).public.thumbprint: key_of(name).public for name in ("hospital-a", "hospital-b")}


def find(key_id: bytes) -> PublicKey | None:
    return KEYS.get(key_id)


def request(body: bytes = BODY, url: str = URL, method: str = "POST", signer: str = "hospital-b") -> httpx.Request:
    made = httpx.Request(method, url, content=body)
    signatures.sign(made, key_of(signer), body)
    return made


def refused(message: httpx.Request, body: bytes = BODY) -> None:
    with pytest.raises(PojuError) as caught:
        signatures.verify(message, body, find)
    assert caught.value.code == "http.signature"


def moved(message: httpx.Request, method: str = "POST", url: str = URL, **headers: str) -> httpx.Request:
    kept = {name: message.headers[name] for name in ("content-digest", "signature-input", "signature")}
    return httpx.Request(method, url, headers={**kept, **{n.replace("_", "-"): v for n, v in headers.items()}})


def test_a_signed_request_names_its_signer() -> None:
    assert signatures.verify(request(), BODY, find) == key_of("hospital-b").public
    assert signatures.verify(request(b""), b"", find) == key_of("hospital-b").public


def test_priv_2_no_signature() -> None:
    refused(httpx.Request("POST", URL, content=BODY))


def test_priv_2_an_unknown_key() -> None:
    refused(request(signer="stranger"))


def test_priv_2_anothers_key_is_named() -> None:
    message = request(signer="stranger")
    stranger, known = key_of("stranger").public.fingerprint, key_of("hospital-a").public.fingerprint
    refused(moved(message, signature_input=message.headers["signature-input"].replace(stranger, known)))


@pytest.mark.parametrize("body", [b"", b"another proof", BODY + b" "])
def test_priv_2_a_signature_replayed_over_another_body(body: bytes) -> None:
    refused(request(), body)


def test_priv_2_a_signature_over_no_body_replayed_over_one() -> None:
    refused(request(b""), BODY)
    message = request(b"")
    stripped = httpx.Request("POST", URL, headers={n: message.headers[n] for n in ("signature-input", "signature")})
    refused(stripped)


def test_priv_2_a_signature_replayed_elsewhere() -> None:
    message = request()
    assert signatures.verify(moved(message), BODY, find)
    refused(moved(message, url="http://127.0.0.1:8600/request"))
    refused(moved(message, url="http://127.0.0.1:8601/records"))
    refused(moved(message, url=URL + "?x=1"))
    refused(moved(message, method="PUT"))


def test_priv_2_too_old_or_from_the_future(monkeypatch: pytest.MonkeyPatch) -> None:
    for shift in (-3_600, 3_600):

        class Clock(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None, *, seconds: int = shift) -> dt.datetime:
                return dt.datetime.now(tz) + dt.timedelta(seconds=seconds)

        class Times:
            datetime, UTC, timedelta = Clock, dt.UTC, dt.timedelta

        monkeypatch.setattr(signatures, "dt", Times)
        message = request()
        monkeypatch.undo()
        refused(message)


@pytest.mark.parametrize("header", ["signature", "signature-input", "content-digest"])
@pytest.mark.parametrize(
    "value", ["", "x", "pyhms=", "pyhms=()", 'pyhms=("@method");keyid="zz"', "a=1, b=2", ":" * 999]
)
def test_priv_2_headers_that_are_no_signature(header: str, value: str) -> None:
    refused(moved(request(), **{header.replace("-", "_"): value}))


def test_priv_2_a_signature_that_covers_too_little() -> None:
    message = request()
    for part in (' "@target-uri"', '"@method" ', ' "content-digest"'):
        refused(moved(message, signature_input=message.headers["signature-input"].replace(part, "")))
