"""Step 8, open the next: the scenario's own public notice is surveyed; the region's row gains its first pull event."""

from __future__ import annotations

import datetime as dt

from poju import survey
from poju.demo.session import Session
from poju.demo.steps.survey import save
from poju.i18n import _

NOTICE = "notice.txt"
TEXTS = {
    "zh-Hant": (
        "{year}年{month}月,貴州省衛生健康委員會發布醫療應用場景開放清單,首個場景為檢查檢驗結果互認。\n\n"
        "(示範文件,並非真實公告。)\n"
    ),
    "zh-Hans": (
        "{year}年{month}月,贵州省卫生健康委员会发布医疗应用场景开放清单,首个场景为检查检验结果互认。\n\n"
        "(示范文件,并非真实公告。)\n"
    ),
}
"""The notice is a Chinese public document in every language of the demonstration; its script follows the reader's."""


def run(session: Session) -> None:
    """Publish the notice, survey everything again, and mark the new event as the demonstration's."""
    voice = session.voice
    voice.step(8, "open the next", _("what does the region's row show now?"))
    today = dt.datetime.now(dt.UTC)
    text = TEXTS.get(session.options.language, TEXTS["zh-Hant"]).format(year=today.year, month=today.month)
    notice = session.path("public", NOTICE)
    notice.parent.mkdir(parents=True, exist_ok=True)
    notice.write_text(text, encoding="utf-8")
    own = [survey.extract(document) for document in survey.read([notice])]
    landscape = survey.landscape([*session.facts["survey"], *own])
    survey.mark(landscape, {str(notice)}, "demonstration")
    save(session, landscape)
    pulls = [event for event in landscape["events"] if event["side"] == "pull" and event["marked"]]
    language = session.options.language
    regions = {region["code"]: region["name"][language] for region in landscape["regions"]}
    instruments = {instrument["id"]: instrument["names"][language] for instrument in landscape["instruments"]}
    for event in pulls:
        voice.tell(
            _("first pull event of {region}: {instrument}, {date}, cited: “{cited}” (the demonstration's own notice)"),
            region=regions[event["regions"][0]["code"]],
            instrument=instruments[event["instrument"]],
            date=event["date"]["value"],
            cited=event["sentences"][0]["text"],
        )
    voice.file(session.shown(notice))
