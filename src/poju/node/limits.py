"""What one node takes at once: its operator's settings, visible to everyone, and no part of the rules.

A statement turned away by a limit leaves no entry and no signed refusal: the same bytes may be sent again later.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from poju.errors import CallerError
from poju.i18n import _
from poju.ledger.statement import MAX_BYTES
from poju.scenario import toml

MOST = 1_000_000_000
FILE_BYTES = 65_536


@dataclass(frozen=True)
class Rate:
    """``per_second`` statements go on for ever; ``burst`` of them may come at once after a rest."""

    per_second: int
    burst: int


@dataclass(frozen=True)
class Limits:
    """``member``: for each member, charged once its signature holds. ``address``: for each client address, before it.

    ``statement_bytes`` is the format's own bound and cannot be set; ``body_seconds``: how long a request's body may
    take to arrive; ``connections``: how many are served at once; ``proxies``: addresses whose X-Forwarded-For is taken.
    """

    member: Rate = Rate(2_000, 10_000)
    address: Rate = Rate(20_000, 40_000)
    body_seconds: int = 10
    connections: int = 4_096
    proxies: tuple[str, ...] = ()
    statement_bytes: int = field(default=MAX_BYTES, init=False)

    def describe(self) -> dict[str, object]:
        """Return them for ``GET /limits``; which proxies are trusted is the operator's own matter."""
        found = asdict(self)
        del found["proxies"]
        return found


DEFAULT = Limits()


def _wrong(path: Path, reason: str) -> CallerError:
    return CallerError(
        "limits.malformed",
        _("{path} is no file of limits: {reason}."),
        hint=_("Write what docs/reference/limits.md shows; what is left out keeps its default."),
        path=path,
        reason=reason,
    )


def load(path: Path) -> Limits:
    """Read a TOML file of limits strictly; raise ``limits.malformed``."""
    try:
        with path.open("rb") as handle:
            found = toml.loads(handle.read(FILE_BYTES).decode())
    except (OSError, ValueError) as error:
        raise _wrong(path, _("it cannot be read as TOML")) from error
    known = {item.name for item in fields(Limits) if item.init}
    if unknown := set(found) - known:
        raise CallerError(
            "limits.malformed",
            _("{path} sets {name}, which is no limit."),
            hint=_("Write what docs/reference/limits.md shows; what is left out keeps its default."),
            path=path,
            name=min(unknown),
        )
    changes: dict[str, object] = {}
    for name, value in found.items():
        if name in {"member", "address"}:
            changes[name] = _rate(path, value)
        elif name == "proxies":
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                raise _wrong(path, _("proxies is a list of addresses"))
            changes[name] = tuple(value)
        else:
            changes[name] = _count(path, value)
    return replace(DEFAULT, **changes)  # type: ignore[arg-type]  # names and types were checked above


def _rate(path: Path, value: object) -> Rate:
    if not isinstance(value, dict) or set(value) != {"per_second", "burst"}:
        raise _wrong(path, _("a rate has per_second and burst"))
    return Rate(_count(path, value["per_second"]), _count(path, value["burst"]))


def _count(path: Path, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MOST:
        raise _wrong(path, _("a limit is a whole number from 1 to 1,000,000,000"))
    return value
