"""A served ledger's metrics, limits and log lines, under floods, against a real process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from support_rules import HEALTHCARE, key_of

from poju.ledger import cbor, statement
from poju.ledger.keys import parse_vkey
from poju.units import Seconds

pytestmark = pytest.mark.network

LIMITS = """
body_seconds = 1
[member]
per_second = 1
burst = 20
[address]
per_second = 10
burst = 400
"""
MARKER = "person-4711"


@dataclass(frozen=True)
class Served:
    """A ledger in a process of its own, with small limits; what it wrote on standard error stands in ``log``."""

    url: str
    folder: Path
    log: Path


def signed(kind: str, subject: str, fields: dict[str, cbor.Value], signer: str, issuer: str = "") -> bytes:
    return statement.sign(
        key_of(signer),
        kind,
        issuer=issuer or signer,
        subject=subject,
        issued_at=Seconds(int(time.time())),
        identifier=statement.new_identifier(),
        fields=fields,
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "limits.toml").write_text(LIMITS)
    log = tmp_path / "log"
    command = [sys.executable, "-m", "poju", "ledger", "serve", str(tmp_path / "ledger"), "--package", str(HEALTHCARE)]
    command += ["--origin", "test.example/log", "--limits", str(tmp_path / "limits.toml"), "--attached"]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    facts = json.loads(process.stdout.readline())
    _origin, key = parse_vkey((tmp_path / "ledger" / "log.vkey").read_text())
    fields: dict[str, cbor.Value] = {
        "key": key_of("commission").public.raw,
        "origin": "test.invalid",
        "log_key": key.raw,
        "demonstration": True,
    }
    opened = httpx.post(facts["url"] + "/entries", content=signed("ledger-open", "ledger", fields, "commission"))
    assert opened.status_code == 201
    yield Served(facts["url"], tmp_path, log)
    process.communicate(timeout=20)
    assert process.returncode == 0


def chosen(number: int, signer: str = "commission", issuer: str = "") -> bytes:
    fields: dict[str, cbor.Value] = {
        "scenario": "healthcare",
        "region": "520000",
        "evidence": [],
        "missing": [],
        "rank_common": 1,
        "rank_distinctive": 1,
    }
    return signed("selection", f"selection/{MARKER}-{number}", fields, signer, issuer)


def samples(url: str) -> dict[str, float]:
    families = text_string_to_metric_families(httpx.get(url + "/metrics").text)
    found: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            place = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{place}}}"] = sample.value
    return found


def test_metrics_count_what_was_answered_and_priv_1_tell_nobody_s_name(served: Served) -> None:
    with httpx.Client() as client:
        for number in range(3):
            client.post(served.url + "/entries", content=chosen(number))
        client.post(served.url + "/entries", content=chosen(9, "stranger"))
    told = samples(served.url)
    registered = sum(value for name, value in told.items() if "outcome=registered" in name)
    refused = sum(value for name, value in told.items() if name.startswith("poju_refusals_total"))
    assert registered + refused == 5
    assert refused >= 1
    assert told["poju_log_leaves{}"] == registered + told["poju_log_blocks{}"]
    assert told["poju_answer_seconds_count{}"] == 5
    text = httpx.get(served.url + "/metrics").text
    assert MARKER not in text
    assert "commission" not in text
    assert "stranger" not in text


def test_one_member_s_flood_is_turned_away_with_a_time_and_leaves_no_trace(served: Served) -> None:
    with httpx.Client() as client:
        answers = [client.post(served.url + "/entries", content=chosen(number)) for number in range(40)]
        late = [answer for answer in answers if answer.status_code == 429]
        assert len(late) >= 15
        assert cbor.decode(late[0].content)[-1] == "limit.member"  # type: ignore[index]  # a map, or this fails
        assert int(late[0].headers["retry-after"]) >= 1
        before = samples(served.url)
        assert before["poju_throttled_total{limit=member}"] == len(late)
        assert before["poju_answer_seconds_count{}"] == 41 - len(late)
        # another member is served as ever: an unknown one is refused by the rules, not by the limit
        assert client.post(served.url + "/entries", content=chosen(99, "stranger")).status_code == 403


def test_a_forger_s_flood_costs_the_member_in_whose_name_it_speaks_nothing(served: Served) -> None:
    with httpx.Client() as client:
        for number in range(60):
            forged = client.post(served.url + "/entries", content=chosen(number, "stranger", "commission"))
            assert forged.status_code == 403
        assert client.post(served.url + "/entries", content=chosen(100)).status_code in {201, 403}
    assert "poju_throttled_total{limit=member}" not in samples(served.url)


def test_an_address_is_charged_before_anything_is_read_and_cannot_name_another(served: Served) -> None:
    with httpx.Client() as client:
        answers = [
            client.post(served.url + "/entries", content=b"", headers={"x-forwarded-for": f"10.0.0.{number % 250}"})
            for number in range(600)
        ]
    late = [answer for answer in answers if answer.status_code == 429]
    assert late, "400 at once and 10 a second pass; faster than that is turned away"
    assert cbor.decode(late[0].content)[-1] == "limit.address"  # type: ignore[index]  # a map, or this fails
    # what may be read is not charged
    assert httpx.get(served.url + "/checkpoint").status_code == 200


def test_a_body_that_does_not_arrive_is_not_waited_for(served: Served) -> None:
    address = urlsplit(served.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(b"POST /entries HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfew")
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_limits_are_visible(served: Served) -> None:
    told = httpx.get(served.url + "/limits").json()
    assert told["member"] == {"per_second": 1, "burst": 20}
    assert told["statement_bytes"] == 65_535


def test_priv_1_the_log_says_counts_and_no_names(served: Served) -> None:
    with httpx.Client() as client:
        for number in range(5):
            client.post(served.url + "/entries", content=chosen(number))
        client.post(served.url + "/entries", content=chosen(7, "stranger"))
    deadline = time.monotonic() + 20
    while not served.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.2)
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert lines[0]["event"] == "ledger"
    assert lines[0]["log_leaves"] > 0
    text = served.log.read_text()
    assert MARKER not in text
    assert "commission" not in text
