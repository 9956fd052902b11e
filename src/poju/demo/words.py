"""Codes of the ledger as words of the reader's language."""

from __future__ import annotations

from poju.i18n import _

WORDS = {
    "granted": _("granted"),
    "denied": _("denied"),
    "True": _("yes"),
    "False": _("no"),
    "open": _("shown to providers"),
    "held-out": _("held out"),
    "records": _("of given records"),
    "log": _("log: recomputable by anyone from the log"),
    "cohort": _("cohort: by the runners now, by everyone once opened"),
    "attested": _("attested: audited by samples"),
}
"""Code → English word, itself a key of the catalogues."""


def word(code: object) -> str:
    """Return the English word for ``code``, or the code itself where there is none."""
    return WORDS.get(str(code), str(code))
