"""Score `poju survey` against a folder of our own labels.

    python scripts/survey_gold.py tuning [--errors] [--keep DIR]
    python scripts/survey_gold.py --gold DIR [--errors]

A label file (tests/gold/README.md describes it) stores where a passage lies in a public text, never its
sentences. This script composes the passages from ../shared/data/policy/corpus into a folder, fills in the text of
every span, runs `poju survey --json` over that folder and hands both to ../shared/tools/score_survey.py.

Exit code: 0 scored, 2 something it needs is absent or a label file does not fit its text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
HEADER_END = "\n---\n"
SPAN_KEYS = {"start", "end"}

Record = dict[str, Any]


class GoldError(Exception):
    """A label file, its text or a tool is absent or does not fit; the message says which and what to do."""


@dataclass(frozen=True)
class Passage:
    """One labelled passage: its file stem, its composed text and its gold record with every span's text filled in."""

    name: str
    text: str
    gold: Record


def corpus_body(path: Path) -> str:
    """Return a corpus text without its header, unchanged (`newline=""`, as the offsets of the labels are counted)."""
    with path.open(encoding="utf-8", newline="") as handle:
        whole = handle.read()
    _, found, body = whole.partition(HEADER_END)
    if not found:
        raise GoldError(f"{path}: no header ended by a line ---")
    return body


def compose(doc: Record, folder: Path, corpus: Path) -> str:
    """Return the text of a passage.

    From `doc.text` where we wrote it; from `doc.corpus_ranges`, the pieces joined by line feeds, one at the end; else
    from the file `doc.text_file` beside the label (as the public development labels have it).

    Raises GoldError when the text is absent or is not the one that was labelled (SHA-256 of its body).
    """
    if "text" in doc:
        return str(doc["text"])
    inside = "corpus_ranges" in doc
    path = corpus / Path(doc["corpus_file"]).name if inside else folder / doc["text_file"]
    if not path.is_file():
        raise GoldError(f"{path} is absent: these labels need the shared corpus beside the repository")
    if not inside:
        with path.open(encoding="utf-8", newline="") as handle:
            return handle.read()
    body = corpus_body(path)
    if hashlib.sha256(body.encode()).hexdigest() != doc["corpus_sha256"]:
        raise GoldError(f"{path}: its text is not the one that was labelled (SHA-256 differs)")
    return "\n".join(body[start:end] for start, end in doc["corpus_ranges"]) + "\n"


def fill(value: object, text: str, where: str) -> None:
    """Add `text` to every {start, end} below `value`, in place; refuse a span outside the passage or empty."""
    if isinstance(value, list):
        for item in value:
            fill(item, text, where)
    elif isinstance(value, dict):
        if value.keys() >= SPAN_KEYS:
            start, end = value["start"], value["end"]
            if not 0 <= start < end <= len(text):
                raise GoldError(f"{where}: span {start}-{end} lies outside its passage of {len(text)} characters")
            value["text"] = text[start:end]
        for item in list(value.values()):
            fill(item, text, where)


def read(file: Path, corpus: Path) -> Passage:
    """Read one label file; its gold record comes back in the scorer's format."""
    try:
        gold: Record = json.loads(file.read_text(encoding="utf-8"))
        doc = gold["doc"]
        text = compose(doc, file.parent, corpus)
        if doc.get("sha256", "") not in {"", hashlib.sha256(text.encode()).hexdigest()}:
            raise GoldError(f"{file}: the composed passage is not the one that was labelled (doc.sha256 differs)")
        fill(gold["events"], text, file.name)
        fill(gold.get("findings", []), text, file.name)
    except (ValueError, KeyError, TypeError) as error:
        raise GoldError(f"{file} is no label file of the format in tests/gold/README.md: {error!r}") from error
    return Passage(file.stem, text, gold)


def load(folder: Path, corpus: Path) -> list[Passage]:
    """Read every label file of `folder`, by name."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise GoldError(f"{folder} holds no label file (*.json)")
    return [read(file, corpus) for file in files]


def write(passages: list[Passage], folder: Path) -> tuple[Path, Path]:
    """Write texts and gold records as the scorer wants them; return the folders of both."""
    texts, golds = folder / "texts", folder / "gold"
    for made in (texts, golds):
        made.mkdir(parents=True, exist_ok=True)
    for passage in passages:
        (texts / f"{passage.name}.txt").write_text(passage.text, encoding="utf-8", newline="")
        record = {**passage.gold, "doc": {**passage.gold["doc"], "text_file": f"../texts/{passage.name}.txt"}}
        (golds / f"{passage.name}.json").write_text(json.dumps(record, ensure_ascii=False, indent=1), encoding="utf-8")
    return texts, golds


def survey(texts: Path) -> Record:
    """Run the product's own command over a folder of texts and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "poju", "survey", str(texts), "--json"], capture_output=True, text=True, check=False
    )
    try:
        answer: Record = json.loads(done.stdout)
    except ValueError as error:
        raise GoldError(f"`poju survey {texts} --json` ended with {done.returncode}:\n{done.stderr.strip()}") from error
    return answer


class Judge:
    """The scorer's own rules, read from its file, so that what is listed here is what is counted there."""

    def __init__(self, scorer: Path) -> None:
        rules = runpy.run_path(str(scorer))
        self.expand: Callable[[Record], list[Record]] = rules["expand"]
        self.overlap: Callable[[list[tuple[int, int]], list[tuple[int, int]]], bool] = rules["overlap"]
        self.spans: Callable[[list[Record]], list[tuple[int, int]]] = rules["spans"]
        self.allowed: Callable[[Record], set[str]] = rules["allowed"]
        self.region_hit: Callable[[Record, Record], bool] = rules["region_hit"]
        self.date_hit: Callable[[Record, Record], bool | None] = rules["date_hit"]
        self.amounts: Callable[[Record], set[float]] = rules["amounts"]

    def pairs(self, golds: list[Record], found: list[Record]) -> dict[int, int]:
        """Return which gold event each found event was taken for: index in `golds` to index in `found`."""
        candidates = sorted(
            (
                (
                    self.region_hit(gold, event),
                    self.date_hit(gold, event) or False,
                    event["instrument"] == gold["instrument"],
                    -i,
                    -j,
                )
                for i, gold in enumerate(golds)
                for j, event in enumerate(found)
                if event["instrument"] in self.allowed(gold)
                and self.overlap(self.spans(gold["citations"]), self.spans(event.get("citations", [])))
            ),
            reverse=True,
        )
        taken: dict[int, int] = {}
        for *_, i, j in candidates:
            if -i not in taken and -j not in taken.values():
                taken[-i] = -j
        return taken

    def errors(self, passage: Passage, found: list[Record]) -> Iterator[str]:
        """Yield one line for each miss, false alarm and wrong field of one passage, with the words concerned."""
        kept = [e for e in passage.gold["events"] if e.get("kind", "policy_event") == "policy_event"]
        golds = [g for e in kept for g in self.expand(e)]
        events = [q for e in found for q in self.expand(e)]
        taken = self.pairs(golds, events)
        for i, gold in enumerate(golds):
            if gold.get("optional"):
                continue
            if i in taken:
                for line in self.field_errors(gold, events[taken[i]]):
                    yield f"{passage.name}: {line}"
            else:
                yield f"{passage.name}: missed {gold['instrument']}: {quote(gold)}"
        findings = passage.gold.get("findings", [])
        traps = [self.spans([c for c in f.get("citations", [f.get("citation")]) if c]) for f in findings]
        for j, event in enumerate(events):
            if j not in taken.values():
                trapped = any(self.overlap(trap, self.spans(event.get("citations", []))) for trap in traps)
                kind = "false alarm in a trap" if trapped else "false alarm"
                yield f"{passage.name}: {kind} {event['instrument']}: {quote(event)}"

    def field_errors(self, gold: Record, event: Record) -> Iterator[str]:
        """Yield what a found event says otherwise than its label: region, date, sums, what the sums mean."""
        where = f"{gold['instrument']}: {quote(gold)}"
        if not self.region_hit(gold, event):
            yield f"region {brief(event['regions'])}, label {brief(gold['regions'])}: {where}"
        if self.date_hit(gold, event) is False:
            yield f"date {event.get('date', {}).get('value')}, label {gold['date']['value']}: {where}"
        if not self.amounts(gold) <= self.amounts(event):
            yield f"amount {sorted(self.amounts(event))}, label {sorted(self.amounts(gold))}: {where}"
        wanted, got = meanings(gold), meanings(event)
        if self.amounts(gold) and wanted != got:
            yield f"semantics {sorted(got)}, label {sorted(wanted)}: {where}"


def quote(event: Record) -> str:
    """Return the cited words of an event on one line."""
    return " … ".join(str(c["text"]) for c in event.get("citations", [])).replace("\n", " ")


def brief(regions: list[Record]) -> str:
    """Return regions as codes, or names where they have no code."""
    return ", ".join(str(r.get("code") or r.get("name")) for r in regions) or "none"


def meanings(event: Record) -> set[str]:
    """Return what an event's sums mean, as the scorer pools them."""
    return {s for a in event.get("amounts", []) for s in a.get("semantics", [])}


def run(folder: Path, shared: Path, work: Path, *, errors: bool) -> None:
    """Compose, survey, score and print; `work` receives the texts, the gold records and the predictions."""
    scorer = shared / "tools" / "score_survey.py"
    if not scorer.is_file():
        raise GoldError(f"{scorer} is absent: put the shared folder beside the repository, or name it with --shared")
    passages = load(folder, shared / "data" / "policy" / "corpus")
    texts, golds = write(passages, work)
    predictions = survey(texts)
    (work / "predictions.json").write_text(json.dumps(predictions, ensure_ascii=False), encoding="utf-8")
    if errors:
        judge = Judge(scorer)
        found = {Path(d["path"]).stem: d["events"] for d in predictions["documents"]}
        for passage in passages:
            print("\n".join(judge.errors(passage, found.get(passage.name, []))) or f"{passage.name}: as labelled")
    done = subprocess.run(
        [sys.executable, str(scorer), str(golds), str(work / "predictions.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, end="")
    if done.stderr:
        raise GoldError(f"{scorer}: {done.stderr.strip()}")


def main() -> int:
    """Read the command line, print the scorer's figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("split", nargs="?", default="tuning", help="a folder below tests/gold (default: tuning)")
    parser.add_argument("--gold", type=Path, help="another folder of label files in the same format")
    parser.add_argument("--errors", action="store_true", help="list each miss, false alarm and wrong field")
    parser.add_argument("--keep", type=Path, help="keep the composed texts, gold records and predictions here")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder that holds data/ and tools/")
    options = parser.parse_args()
    folder = options.gold or ROOT / "tests" / "gold" / options.split
    try:
        with tempfile.TemporaryDirectory() as made:
            run(folder, options.shared, options.keep or Path(made), errors=options.errors)
    except GoldError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
