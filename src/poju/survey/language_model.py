"""The optional extractor that asks a language model at an address which the operator sets (OpenAI-compatible).

Nothing is sent unless it was asked for. What goes out: the prompt and the document's text, to that address only, over
no proxy and through no redirection. What comes back is bounded in size and time, and counts only as far as
`poju.survey.grounding` finds it in the text.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from poju.errors import CallerError, OperatorError
from poju.i18n import _, translate
from poju.survey.cues import instruments
from poju.survey.datafiles import data_text
from poju.survey.extract import extract, finished
from poju.survey.grounding import Grounding
from poju.survey.model import Document, DocumentEvents, Json, Span
from poju.survey.profile import profile_of
from poju.survey.text import Page, page_of

WINDOW = 6_000
"""Characters of a text in one question."""
OVERLAP = 800
"""Characters that two questions share, so that no sentence stands at an edge of both."""
MOST_ANSWER_BYTES = 1_000_000
MOST_WINDOWS = 400
ATTEMPTS = 4
_LONGEST_PAUSE = 30.0
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_OK = 200
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_NOTICE = _(
    "The text of {documents} documents is going to be sent to {host} (model {model}). Interrupt now if it must not be."
)
_log = logging.getLogger("poju.survey")


class _UnusableError(Exception):
    """An answer that came but cannot be used; its only argument is the reason that is counted."""


@cache
def prompt() -> str:
    """Return the instructions to the model: ``model_prompt.txt`` with the instruments of the taxonomy filled in."""
    lines = [line for line in data_text("model_prompt.txt").splitlines() if not line.startswith("#")]
    kinds = "\n".join(f"{kind.id}: {kind.names['en']} / {kind.names['zh-Hans']}" for kind in instruments().values())
    return "\n".join(lines).strip().replace("{instruments}", kinds)


def prompt_digest() -> str:
    """Return the SHA-256 of `prompt` in UTF-8, in hex."""
    return hashlib.sha256(prompt().encode()).hexdigest()


def windows(page: Page) -> list[Span]:
    """Return overlapping parts of at most `WINDOW` characters that begin and end at bounds of sentences."""
    sentences = [sentence for line in page.lines() for sentence in page.sentences(line)]
    found: list[Span] = []
    first = 0
    while first < len(sentences):
        last = first
        while last + 1 < len(sentences) and sentences[last + 1].end - sentences[first].start <= WINDOW:
            last += 1
        found.append(Span(sentences[first].start, sentences[last].end))
        if last + 1 >= len(sentences):
            break
        following = last + 1
        while following > first + 1 and sentences[last].end - sentences[following - 1].start <= OVERLAP:
            following -= 1
        first = following
    return found


@dataclass(frozen=True, slots=True)
class LanguageModelExtractor:
    """Asks ``model`` at ``address``, the base of an OpenAI-compatible interface such as ``http://localhost:8000/v1``.

    ``key_env`` names the environment variable that holds the key, if one is needed; the key itself is kept nowhere.
    ``timeout`` bounds each question in seconds. Raises `CallerError` ``survey-model-address`` for an address that is no
    http(s) address or holds credentials, ``survey-model-name`` for no model.
    """

    address: str
    model: str
    key_env: str | None = None
    timeout: float = 120.0
    name: str = "model"
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise CallerError("survey-model-name", _("No model was named."), hint=_("Add --model-name NAME."))
        try:
            url = httpx.URL(self.address)
        except httpx.InvalidURL:
            url = httpx.URL("")
        named = url.scheme in {"http", "https"} and _HOST.fullmatch(url.host) is not None
        if not named or url.userinfo or url.fragment or url.query:
            raise CallerError(
                "survey-model-address",
                _("The address of the language model cannot be used."),
                hint=_(
                    "Give http(s)://HOST[:PORT]/PATH without name, password, ? and #; a key goes by --model-key-env."
                ),
            )

    @property
    def host(self) -> str:
        """The host of the address, with its port: all of it that is told in logs and records."""
        return httpx.URL(self.address).netloc.decode("ascii")

    @property
    def version(self) -> str:
        """Model, host and prompt: what an answer rests on. A model may still answer otherwise another time."""
        return f"{self.model}@{self.host}+{prompt_digest()[:12]}"

    def notice(self, documents: int, language: str = "en") -> str:
        """Return the sentence to show before the first of ``documents`` is sent."""
        return translate(_NOTICE, language, documents=documents, host=self.host, model=self.model)

    def extract(self, document: Document) -> DocumentEvents:
        """Return the grounded events of ``document``; outcomes and findings are those of the rules.

        ``extractor`` of the result tells model, host, digest of the prompt, questions asked, events told and kept, and
        what was ``dropped``, by reason. Raises `OperatorError` ``survey-model-unreachable``, ``survey-model-refused``
        or ``survey-model-no-key``; nothing half-read is returned then.
        """
        by_rules = extract(document)
        page = page_of(document.text)
        profile = profile_of(page)
        grounding = Grounding(page, profile)
        parts = windows(page)
        grounding.dropped["window_beyond_limit"] += max(0, len(parts) - MOST_WINDOWS)
        headers = self._headers()
        _log.info("model %s at %s, prompt %s", self.model, self.host, prompt_digest())
        with httpx.Client(timeout=self.timeout, follow_redirects=False, trust_env=False, headers=headers) as client:
            for part in parts[:MOST_WINDOWS]:
                try:
                    grounding.take(self._answer(client, page.text[slice(*part)]), part)
                except _UnusableError as error:
                    grounding.dropped[str(error.args[0])] += 1
        found = finished(document, page, profile, grounding.events, by_rules.outcomes, by_rules.findings)
        found.extractor = self._told(grounding, min(len(parts), MOST_WINDOWS))
        return found

    def _told(self, grounding: Grounding, asked: int) -> Json:
        return {
            "name": self.name,
            "version": self.version,
            "model": self.model,
            "host": self.host,
            "prompt_sha256": prompt_digest(),
            "asked": asked,
            "told": grounding.told,
            "kept": len(grounding.events),
            "dropped": {reason: count for reason, count in sorted(grounding.dropped.items()) if count},
        }

    def _headers(self) -> dict[str, str]:
        """Return the key's header; a key is never sent in the clear to another machine."""
        plain = {"Accept-Encoding": "identity"}  # what is bounded is then what is held
        if self.key_env is None:
            return plain
        key = os.environ.get(self.key_env, "")
        url = httpx.URL(self.address)
        clear = url.scheme == "http" and url.host not in _LOCAL
        if not key or not key.isascii() or not key.isprintable() or clear:
            raise OperatorError(
                "survey-model-no-key",
                _("The key in {variable} is missing, or would be sent unencrypted."),
                hint=_("Set {variable}; with a key, use an https address unless the model runs on this machine."),
                variable=self.key_env,
            )
        return plain | {"Authorization": f"Bearer {key}"}

    def _answer(self, client: httpx.Client, text: str) -> Any:  # noqa: ANN401 - untrusted JSON
        """Return the decoded answer about ``text``; raise `_UnusableError` for one that is no JSON or too large."""
        question = {
            "model": self.model,
            "temperature": 0,
            "seed": 0,
            "messages": [
                {"role": "system", "content": prompt()},
                {"role": "user", "content": json.dumps({"text": text}, ensure_ascii=False)},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "policy_events", "strict": True, "schema": answer_schema()},
            },
        }
        body = self._asked(client, question)
        try:
            choice = json.loads(body)["choices"][0]
            content = choice["message"]["content"]
            if choice.get("finish_reason") == "length":
                raise _UnusableError("answer_cut_off")
            return json.loads(content)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise _UnusableError("answer_not_json") from None

    def _asked(self, client: httpx.Client, question: Json) -> bytes:
        """Return the body of the first good answer; ask again, at growing intervals, where asking again may help."""
        address = self.address.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        for attempt in range(ATTEMPTS):
            wait = 2.0**attempt
            try:
                with client.stream("POST", address, json=question) as response:
                    if response.status_code == _OK:
                        return b"".join(self._bounded(response))
                    if response.status_code not in _AGAIN:
                        raise OperatorError(
                            "survey-model-refused",
                            _("{host} answered with status {status} instead of reading."),
                            hint=_("Check address, model and key; the model has to offer answers by a JSON schema."),
                            host=self.host,
                            status=response.status_code,
                        )
                    told = response.headers.get("Retry-After", "")
                    wait = min(_LONGEST_PAUSE, float(told)) if told.isdecimal() else wait
            except httpx.HTTPError as error:
                _log.info("model at %s: %s", self.host, type(error).__name__)
            if attempt + 1 < ATTEMPTS:
                self.sleep(wait)
        raise OperatorError(
            "survey-model-unreachable",
            _("{host} did not answer, asked {attempts} times."),
            hint=_("Check that the model is running, or survey by the rules: leave --model-address out."),
            host=self.host,
            attempts=ATTEMPTS,
        )

    def _bounded(self, response: httpx.Response) -> Iterator[bytes]:
        """Yield the body while it is of a bounded size and comes in a bounded time."""
        ends, size = time.monotonic() + self.timeout, 0
        for chunk in response.iter_raw(65_536):
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise _UnusableError("answer_too_large")
            if time.monotonic() > ends:
                raise httpx.ReadTimeout("too slow")
            yield chunk


@cache
def answer_schema() -> Json:
    """Return the JSON schema (draft 2020-12) of an answer."""
    words: Json = {"type": "string"}
    maybe: Json = {"type": ["string", "null"]}
    several: Json = {"type": "array", "items": words}
    fields: Json = {
        "instrument": {"type": "string", "enum": list(instruments())},
        "quote": words,
        "cue": words,
        "region_quote": maybe,
        "date_quote": maybe,
        "amount_quotes": several,
        "issuer_quotes": several,
    }
    event: Json = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"events": {"type": "array", "items": event}},
        "required": ["events"],
        "additionalProperties": False,
    }
