"""What intake warns of, on a screen: one short line a kind and file, never a value."""

from collections.abc import Iterable, Sequence
from datetime import date

from anonymizer.intake.intake_outcome import Warned
from anonymizer.storage.home import Home
from cli import command_limits
from pipelines.stages import journal

_TEXTS = {
    "no_files": "no files",
    "no_rows": "the file has no rows",
    "column_absent": "the file does not have this column",
    "unknown_columns": "column(s) that are not in the contract, not read",
    "filtered": "row(s) left out by the filters of sources.yaml",
    "ignored:symbolic_link": "ignored: a link, which is never followed",
    "ignored:folder": "ignored: an empty folder",
    "ignored:working_file": "working file(s) ignored: names that begin with . or _ or end in .tmp "
    "or .part",
    "ignored:not_in_contract": "ignored: no table of the contract has this name",
    "ignored:not_a_day": "ignored: not a folder day=YYYY-MM-DD",
    "gender_not_mapped": "row(s) with an unknown word for gender; set codings.gender",
    "region_not_mapped": "row(s) with a code that is not a regency of the reference data",
    "region_without_dot": "row(s) with four digits without a dot (BPS, or Kemendagri without "
    "dots); set codings.region",
    "region_as_number": "row(s) with a code written as a number, which loses digits; deliver text",
    "age_not_known": "row(s) with a date that gives no age",
    "request_undated": "row(s) without a readable time: they apply permanently",
    "category_not_mapped": "row(s) with a category that belongs to no interest",
    "rule_without_campaign": "id(s) that campaign_parts in policy.yaml names are not in this "
    "table; check how they are written",
    "tag_unknown": "row(s) with a utm_id that matches no campaign",
    "quarantined": "row(s) quarantined, {detail}",
    "ignored": "ignored: {detail}",
    "no_campaign": "row(s) that match no campaign",
}
# Told apart, with what follows from them.
_ELSEWHERE = frozenset({"unread"})
_COUNTED = ("row(s)", "column(s)", "id(s)", "working file(s)")


def warnings_of(home: Home, days: Sequence[date]) -> list[Warned]:
    """What intake warned of on these days, each once."""
    entries = [journal.read(home, "intake", day) for day in days]
    found = [
        Warned(**{**facts, "columns": tuple(facts["columns"]), "rows": tuple(facts["rows"])})
        for entry in entries
        if entry
        for facts in entry.facts.get("warnings", ())
    ]
    return list(dict.fromkeys(found))


def warning_lines(warnings: Iterable[Warned]) -> list[str]:
    """One line a kind and file; of many files of a kind the first, and how many more."""
    by_kind: dict[str, list[Warned]] = {}
    for warned in warnings:
        if warned.code not in _ELSEWHERE:
            by_kind.setdefault(f"{warned.table} {warned.code}", []).append(warned)
    lines = []
    for of_kind in by_kind.values():
        lines += [_line(warned) for warned in of_kind[: command_limits.REMARKS_OF_A_KIND]]
        if len(of_kind) > command_limits.REMARKS_OF_A_KIND:
            more = len(of_kind) - command_limits.REMARKS_OF_A_KIND
            lines.append(f"{of_kind[0].table}: {more:,} more of this kind (Dagster lists all)")
    return lines


def _line(warned: Warned) -> str:
    kind, _, detail = warned.code.partition(":")
    text = _TEXTS.get(warned.code) or _TEXTS.get(kind, kind).format(detail=detail)
    columns = f", {', '.join(warned.columns)}" if warned.columns else ""
    counted = f"{warned.count:,} " if text.startswith(_COUNTED) else ""
    return f"{warned.file or warned.table}{columns}: {counted}{text}{_first_rows(warned)}"


def _first_rows(warned: Warned) -> str:
    if not warned.rows:
        return ""
    more = ", ..." if warned.count > len(warned.rows) else ""
    return f"; row {', '.join(map(str, warned.rows))}{more}"
