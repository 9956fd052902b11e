"""Figures, dates and names as a reader of one language writes them (Unicode CLDR patterns through Babel)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from poju.i18n import LANGUAGES, _, translate
from poju.units import FEN_PER_YUAN, PPM

NOTHING = "–"
TEN_THOUSAND = 10_000
HUNDRED_MILLION = 100_000_000
# Pages are read where the region is: China's one civil time, without daylight saving since 1991.
CIVIL_TIME = timezone(timedelta(hours=8))
LONGEST_DUMP = 600
LARGEST_POWER = 18  # beyond 10^18 a figure is shown as it was written


class Figures:
    """Formats for one language: zh-Hant, zh-Hans or en. Every method takes None and answers with a dash."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.locale = Locale.parse(language.replace("-", "_"))

    def text(self, message: str, **parameters: object) -> str:
        """Return the console's own ``message`` in this language."""
        return translate(message, self.language, **parameters)

    def words(self, value: object) -> str:
        """Return what a report says: a text, ``{language: text}``, a record with a name, or compact JSON."""
        if value is None or value == "":
            return NOTHING
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping):
            for tag in (self.language, *LANGUAGES):
                if isinstance(value.get(tag), str) and value[tag]:
                    return str(value[tag])
            for name in ("names", "name", "text", "title", "figure", "id"):
                if value.get(name):
                    return self.words(value[name])
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))[:LONGEST_DUMP]

    def integer(self, value: float | str | None) -> str:
        """Return a count or a measured figure with its thousands grouped; text that is no figure stays as it is."""
        if value is None or value == "":
            return NOTHING
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return str(value)
        if not number.is_finite() or abs(number.adjusted()) > LARGEST_POWER:
            return str(value)
        return str(format_decimal(number, format="#,##0.###", locale=self.locale))

    def percent(self, ppm: int | None, digits: int = 1) -> str:
        """Return parts per million as a percentage with ``digits`` decimals."""
        if ppm is None:
            return NOTHING
        pattern = f"#,##0.{'0' * digits}%" if digits else "#,##0%"
        return str(format_percent(Decimal(ppm) / PPM, format=pattern, locale=self.locale))

    def ratio(self, ppm: int | None) -> str:
        """Return parts per million as a plain number with two decimals: a location quotient, a similarity."""
        return NOTHING if ppm is None else str(format_decimal(Decimal(ppm) / PPM, format="0.00", locale=self.locale))

    def money(self, fen: int | None) -> str:
        """Return an amount in fen as yuan; in Chinese round amounts in units of 10^4 or 10^8 yuan, as offices write."""
        if fen is None:
            return NOTHING
        return self.yuan(Decimal(fen) / FEN_PER_YUAN)

    def whole_yuan(self, fen: int | None) -> str:
        """Return an amount in fen as grouped yuan without the unit, for sentences that carry it themselves."""
        return NOTHING if fen is None else self.integer(str(Decimal(fen) / FEN_PER_YUAN))

    def yuan(self, amount: float | str | Decimal | None) -> str:
        """Return an amount in yuan; see :meth:`money`."""
        if amount is None or amount == "":
            return NOTHING
        try:
            number = Decimal(str(amount))
        except InvalidOperation:
            return str(amount)
        if not number.is_finite() or number.adjusted() > LARGEST_POWER:
            return str(amount)
        if self.language.startswith("zh") and number:
            if number % HUNDRED_MILLION == 0:
                return self.text(
                    _("{amount} hundred million yuan"), amount=self.integer(int(number // HUNDRED_MILLION))
                )
            if number % TEN_THOUSAND == 0:
                return self.text(_("{amount} ten thousand yuan"), amount=self.integer(int(number // TEN_THOUSAND)))
        pattern = "#,##0" if number == number.to_integral_value() else "#,##0.00"
        return self.text(_("{amount} yuan"), amount=format_decimal(number, format=pattern, locale=self.locale))

    def moment(self, value: object) -> str:
        """Return an ISO time or seconds since 1970 in civil time (UTC+8), to the second; other text as it is."""
        if value is None or value == "" or isinstance(value, bool):
            return NOTHING
        try:
            when = (
                datetime.fromtimestamp(value, UTC)
                if isinstance(value, int | float)
                else datetime.fromisoformat(str(value))
            )
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            written = format_datetime(when.astimezone(CIVIL_TIME), format="medium", locale=self.locale)
        except (ValueError, OverflowError, OSError):
            return str(value)
        return f"{written} (UTC+8)"

    def day(self, value: Mapping[str, str]) -> str:
        """Return a policy event's date ``{value, precision}`` no more precisely than its source tells."""
        told = value.get("value") or ""
        parts = told.split("-")
        try:
            numbers = [int(part) for part in parts]
            when = date(*[*numbers, 1, 1][:3])
        except (ValueError, TypeError):
            return told or self.text(_("no date given"))
        skeleton = {1: ("y", "y年"), 2: ("MMMM y", "y年M月"), 3: ("d MMMM y", "y年M月d日")}.get(len(parts))
        if skeleton is None:
            return told
        pattern = skeleton[1] if self.language.startswith("zh") else skeleton[0]
        return str(format_date(when, format=pattern, locale=self.locale))
