"""Metrics and logs: what they tell, that every metric is documented, and that nothing personal gets into them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from poju.engine.observer import AGAIN, REFUSED, REGISTERED, Committed, Told
from poju.node import logs
from poju.node.metrics import GAUGES, Metrics

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
MARKER = "SECRET-7f3a"


def metrics() -> Metrics:
    found = Metrics({"consent-grant", "advice"})
    found.gauges = lambda: {"log_leaves": 12.0, "queue_statements": 3.0}
    return found


def batch(*answers: Told) -> Committed:
    return Committed(answers, 0.004, 12, 3, 1_700_000_000)


def samples(found: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(found.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_statements_are_counted_by_kind_and_outcome() -> None:
    found = metrics()
    found.committed(batch(Told("advice", REGISTERED, "", 0.003), Told("advice", REGISTERED, "", 0.004)))
    found.committed(batch(Told("advice", REFUSED, "member.role", 0.2), Told("advice", AGAIN, "", 0.3)))
    told = samples(found)
    assert told["poju_statements_total", (("kind", "advice"), ("outcome", "registered"))] == 2
    assert told["poju_statements_total", (("kind", "advice"), ("outcome", "refused"))] == 1
    assert told["poju_statements_total", (("kind", "advice"), ("outcome", "again"))] == 1
    assert told["poju_refusals_total", (("code", "member.role"),)] == 1
    assert told["poju_log_leaves", ()] == 12
    assert found.totals() == {"registered": 2, "refused": 1, "again": 1, "throttled": 0, "failed": 0}


def test_histograms_are_cumulative_and_complete() -> None:
    found = metrics()
    waits = (0.0005, 0.001, 0.0011, 0.3, 99.0)
    found.committed(batch(*(Told("advice", REGISTERED, "", wait) for wait in waits)))
    told = samples(found)
    assert told["poju_answer_seconds_bucket", (("le", "0.001"),)] == 2
    assert told["poju_answer_seconds_bucket", (("le", "0.0025"),)] == 3
    assert told["poju_answer_seconds_bucket", (("le", "0.5"),)] == 4
    assert told["poju_answer_seconds_bucket", (("le", "+Inf"),)] == 5
    assert told["poju_answer_seconds_count", ()] == 5
    assert told["poju_answer_seconds_sum", ()] == pytest.approx(sum(waits))
    assert told["poju_commit_seconds_count", ()] == 1


def test_limits_and_failures_are_counted() -> None:
    found = metrics()
    found.throttled("member")
    found.throttled("member")
    found.failed(7)
    told = samples(found)
    assert told["poju_throttled_total", (("limit", "member"),)] == 2
    assert told["poju_failed_statements_total", ()] == 7


def test_priv_1_a_kind_that_a_sender_made_up_is_no_label() -> None:
    found = metrics()
    for number in range(100):
        found.committed(batch(Told(f'{MARKER}"}}\n{number}', REFUSED, "kind.unknown", 0.1)))
    text = found.render().decode()
    assert MARKER not in text
    assert samples(found)["poju_statements_total", (("kind", "unknown"), ("outcome", "refused"))] == 100


def test_every_metric_is_documented_and_every_documented_one_is_told() -> None:
    found = Metrics({"advice"})
    found.gauges = lambda: dict.fromkeys(GAUGES, 0.0)
    families = {item.name for item in text_string_to_metric_families(found.render().decode())}
    ours = {name for name in families if name.startswith("poju_")}
    documented = {
        name.removesuffix("_total")
        for name in re.findall(r"^\| `(poju_\w+)", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert ours == documented


def test_a_log_line_is_one_json_object_on_one_line() -> None:
    told = logs.line("started", {"part": "a\nb", "pid": 3}, milliseconds=1_700_000_000_123, form="json")
    assert "\n" not in told
    assert json.loads(told) == {
        "time": 1_700_000_000_123,
        "level": "info",
        "event": "started",
        "part": "a\nb",
        "pid": 3,
    }


def test_a_text_line_cannot_be_broken_by_what_it_tells() -> None:
    told = logs.line("fork", {"validator": "v0\nfork"}, milliseconds=1_700_000_000_123, form="text")
    assert told == '22:13:20 error fork validator="v0\\nfork"'


def test_the_form_is_chosen_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(logs.ENVIRONMENT, "text")
    logs.say("started", pid=1)
    assert " info started pid=1" in capsys.readouterr().err
    monkeypatch.setenv(logs.ENVIRONMENT, "other")
    logs.say("started", pid=1)
    assert json.loads(capsys.readouterr().err)["pid"] == 1
