"""The words of a mail: what is released, corrected and withdrawn for one advertiser.

Campaigns, periods and how many figures there are; never a figure. The two languages are written
side by side, so that both say the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.delivery.delivery_changes import Change
from anonymizer.delivery.released_facts import ReleasedFacts
from anonymizer.exports.language import Language, grouped, worded
from anonymizer.exports.statements import period_in_words
from anonymizer.model.dimensions import Text
from anonymizer.model.escaping import visible

_NEW = Text("New figures", "Angka baru")
_CORRECTIONS = Text("Corrected figures", "Angka yang dikoreksi")
_CALLED_OFF = Text("Figures that are no longer valid", "Angka yang tidak berlaku lagi")
_EVERYONE = Text("all advertisers", "semua pengiklan")


@dataclass(frozen=True)
class MailItem:
    """A change, and the facts of the figures in force, if there are any."""

    change: Change
    facts: ReleasedFacts | None


@dataclass(frozen=True)
class MailWords:
    """A mail without its addresses."""

    subject: str
    body: str


def mail_words(
    items: Sequence[MailItem], language: Language, fetch_from: str, delivery: str
) -> MailWords:
    """What a mail says about changes of one advertiser."""
    facts = next((one.facts for one in items if one.facts), None)
    provider = visible(facts.provider) if facts else ""
    recipient = visible(facts.recipient) if facts and facts.recipient else ""
    if not recipient:
        own = items[0].change.export.recipient
        recipient = worded(_EVERYONE, language) if own.startswith("_") else own
    title = Text(f"Audience figures for {recipient}", f"Angka audiens untuk {recipient}")
    heading = worded(title, language) + (f" ({provider})" if provider else "")
    paragraphs = [
        heading,
        *_sections(items, language),
        worded(_where(fetch_from), language),
        worded(_closing(delivery), language),
    ]
    return MailWords(f"{worded(title, language)}: {_counted(items, language)}", _joined(paragraphs))


def _counted(items: Sequence[MailItem], language: Language) -> str:
    """`2 new, 1 withdrawn`."""
    new = sum(one.change.event == "released" and not one.change.export.corrects for one in items)
    corrections = sum(one.change.event == "released" for one in items) - new
    withdrawn = sum(one.change.event == "withdrawn" for one in items)
    corrected = len(items) - new - corrections - withdrawn
    counts = (
        (new, Text("new", "baru")),
        (max(corrections, corrected), Text("corrected", "dikoreksi")),
        (withdrawn, Text("withdrawn", "ditarik")),
    )
    return ", ".join(f"{number} {worded(word, language)}" for number, word in counts if number)


def _sections(items: Sequence[MailItem], language: Language) -> Iterator[str]:
    for title, chosen in (
        (_NEW, [one for one in items if _is_first(one.change)]),
        (_CORRECTIONS, [one for one in items if one.change.export.corrects and _is_new(one)]),
        (_CALLED_OFF, [one for one in items if not _is_new(one)]),
    ):
        if chosen:
            lines = (line for one in chosen for line in _lines(one, language))
            yield "\n".join((f"{worded(title, language)}:", *lines))


def _is_new(item: MailItem) -> bool:
    return item.change.event == "released"


def _is_first(change: Change) -> bool:
    return change.event == "released" and not change.export.corrects


def _lines(item: MailItem, language: Language) -> Iterator[str]:
    change, facts = item.change, item.facts
    export = change.export
    period = worded(period_in_words(export.period), language)
    if change.event != "released":
        yield f"- {period}: {export.release}"
        yield f"  {worded(_reason(change), language)}"
        return
    for subject, name in sorted(facts.subjects.items()) if facts else ():
        number = facts.figures[subject] if facts else 0
        figures = f"{grouped(number, language)} {worded(_figures(number), language)}"
        yield f"- {visible(name)}, {period}: {figures}"
    if export.corrects:
        yield f"  {worded(_replaces(change), language)}"


def _figures(number: int) -> Text:
    return Text("figure" if number == 1 else "figures", "angka")


def _replaces(change: Change) -> Text:
    old, reason = change.export.corrects, visible(change.reason)
    return Text(f"in place of {old}: {reason}", f"menggantikan {old}: {reason}")


def _reason(change: Change) -> Text:
    """Why figures are not valid any more, and what to do."""
    reason = visible(change.reason)
    if change.event == "withdrawn":
        return Text(
            f"Withdrawn: {reason}. Do not use these figures, and delete every copy of them.",
            f"Ditarik: {reason}. Jangan gunakan angka ini, dan hapus semua salinannya.",
        )
    if change.instead is None:
        return Text(
            f"Corrected: {reason}. There are no figures in their place: do not use these.",
            f"Dikoreksi: {reason}. Tidak ada angka pengganti: jangan gunakan angka ini.",
        )
    return Text(
        f"Corrected: {reason}. Use {change.instead.release} instead.",
        f"Dikoreksi: {reason}. Gunakan {change.instead.release} sebagai gantinya.",
    )


def _where(fetch_from: str) -> Text:
    if not fetch_from:
        return Text(
            "Ask your contact at the provider for the files.",
            "Mintalah berkasnya kepada narahubung Anda di penyedia.",
        )
    return Text(
        f"The figures and their files are at {fetch_from}",
        f"Angka dan berkasnya tersedia di {fetch_from}",
    )


def _closing(delivery: str) -> Text:
    return Text(
        f"This mail has no figures. Notice {delivery}",
        f"Surel ini tidak memuat angka. Pemberitahuan {delivery}",
    )


def _joined(paragraphs: Sequence[str]) -> str:
    return "\n\n".join(paragraphs) + "\n"
