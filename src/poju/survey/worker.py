"""One worker process of a survey: reads one document after another, each within its bounds, and answers in JSON.

Run as ``python -m poju.survey.worker`` by `poju.survey.workers`. One line of JSON on standard input is one task, one
line on the first standard output is its answer; what libraries print goes nowhere. The process ends with its input,
and by itself when one document takes longer than it may: nobody has to be left to end it.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from poju.errors import PojuError
from poju.survey.document import Document
from poju.survey.input.limits import MEMORY_BYTES, SECONDS
from poju.survey.input.load import load
from poju.survey.input.sources import Source
from poju.survey.landscape import record

Json = dict[str, Any]
_GRACE = 15.0
_ORIGIN = ("media_type", "encoding", "extractor", "reason", "text_sha256", "url", "retrieved")


def main() -> None:
    """Answer tasks until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _bound_memory()
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    _tell(answers, {"ready": True})
    for line in sys.stdin.buffer:
        task = json.loads(line)
        faulthandler.dump_traceback_later(task.get("seconds", SECONDS) + _GRACE, exit=True)
        answer = _answer(task)
        faulthandler.cancel_dump_traceback_later()
        _tell(answers, answer)


def _bound_memory() -> None:
    """Let this process have a bounded address space, where the system knows such a bound."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _tell(answers: Any, answer: Json) -> None:  # noqa: ANN401 - any binary stream
    answers.write(json.dumps(answer, ensure_ascii=False).encode("utf-8") + b"\n")
    answers.flush()


def _answer(task: Json) -> Json:
    """Return ``{"document"}``, ``{"record"}`` or ``{"error"}``; no failure of one document ends the process."""
    source = Source(task["shown"], Path(task["file"]), task.get("url"), task.get("retrieved"))
    try:
        document = load(source, encoding=task.get("encoding"))
        if task.get("only_text"):
            return {"document": asdict(document)}
        return {"record": recorded(document, Path(task["texts"]) if task.get("texts") else None, task.get("model"))}
    except PojuError as error:
        parameters = {name: value if isinstance(value, int) else str(value) for name, value in error.parameters.items()}
        return {"error": [error.code, error.message, error.hint, parameters]}
    except MemoryError:
        return {"failed": "memory"}
    except Exception as error:  # noqa: BLE001 - one document's failure is told, and the next one is read
        return {"failed": type(error).__name__}


def recorded(document: Document, texts: Path | None, model: Json | None = None) -> Json:
    """Return the record of ``document`` with where it came from; keep its extracted text in ``texts`` where asked.

    The rules read it, or the language ``model`` that the operator named (the fields of a `ModelChoice`).

    ``text_file`` names that text, in which the offsets count; it is absent where they count in the file itself.
    """
    from poju.survey.extractor import ModelChoice, extractor_of  # noqa: PLC0415 - the lexicon is not needed to take out a text only

    found = record(extractor_of(ModelChoice(**model) if model else None).extract(document)) | {
        name: getattr(document, name) for name in _ORIGIN
    }
    if texts is not None and not document.exact:
        file = texts / f"{document.text_sha256}.txt"
        if not file.exists():
            partial = file.with_suffix(f".{os.getpid()}")
            partial.write_bytes(document.text.encode("utf-8"))
            partial.replace(file)
        found["text_file"] = f"{texts.name}/{file.name}"
    return found


if __name__ == "__main__":
    main()
