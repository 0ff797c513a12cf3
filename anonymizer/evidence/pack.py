"""The evidence pack: pages for a privacy officer to check, complete and show to an authority.

Everything is computed from the home, without a clock: an equal home gives equal bytes. No value of
a person is in it: counts, files and rows of requests, and logins of those who decided.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from anonymizer.evidence.phrases import Language, Phrases, minute, page, page_names, plain
from anonymizer.evidence.promise_sentences import promise_values
from anonymizer.evidence.settings_history import (
    RecordedChange,
    SettingDifference,
    flat_settings,
    recorded,
    recorded_changes,
)
from anonymizer.exports.export_folders import FOR_ALL
from anonymizer.exports.notice import WITHDRAWAL
from anonymizer.exports.recorded_files import EXPORTS
from anonymizer.intake.contract import TABLES
from anonymizer.intake.objections import UNREAD
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.periods import Period
from anonymizer.model.reasons import looks_identifying
from anonymizer.model.series import SERIES
from anonymizer.model.strictness import DIRECTIONS, Direction
from anonymizer.release.acceptances import ACCEPTANCE, acceptances_of
from anonymizer.release.ledger import RELEASE, Entry
from anonymizer.release.settings import SETTINGS, Meaning, first_free_day, recorded_revisions
from anonymizer.release.settings_change import SETTINGS_APPROVAL, SettingsChange
from anonymizer.rights.decisions import DECISION
from anonymizer.rights.erasure import ERASURE
from anonymizer.rights.requests import DONE, RequestState
from anonymizer.rights.retention import Report
from anonymizer.storage.files import make_folder, write_bytes
from anonymizer.storage.home import Home

_PERSONAL = ("profiles", "visits", "consents", "requests")
_ANSWERED = ("access", "correct")  # what a person answers
# Names of request files that cannot name a person: made of these words and of numbers.
_FILE_WORDS = frozenset(
    {
        *("requests", "request", "permintaan", "access", "correct", "erase", "withdraw", "part"),
        *("day", "hour", "csv", "gz", "zst", "jsonl", "ndjson", "parquet"),
    }
)
_OWN_FILE = re.compile(r"requests/(access|correct|erase|withdraw)-\d{8}T\d{6}Z-[0-9a-f]{16}\.jsonl")


@dataclass(frozen=True)
class HomeState:
    """What a pack is made from; `removed` is what retention has removed."""

    change: SettingsChange
    entries: Sequence[Entry]
    requests: Sequence[RequestState]
    removed: Sequence[Report]

    @property
    def described(self) -> Meaning:
        """Those of the files; where these are weaker and not approved, those recorded last."""
        recorded_last = self.change.before
        return self.change.after if self.change.takes_effect or not recorded_last else recorded_last

    @property
    def applies_from(self) -> date | None:
        """The first day of periods under the settings described; None if these are all periods."""
        known = recorded_revisions(self.entries)
        if not known:
            return None
        if known[-1].digests == self.described.digests:
            return known[-1].first_day
        return first_free_day(self.entries)


def render_pack(state: HomeState, language: Language) -> dict[str, str]:
    """The text of each page by its name."""
    values = page_values(state, Phrases.of(language))
    return {name: page(language, name, values) for name in page_names(language)}


def page_values(state: HomeState, phrases: Phrases) -> dict[str, str]:
    """Everything that pages ask for."""
    return {
        **promise_values(state.described, phrases),
        "state": _state(state.entries, phrases),
        "files": _files(state, phrases),
        "columns": _columns(),
        "recipients": _recipients(state.entries, phrases),
        "releases": _releases(state.entries, phrases),
        "counts": _counts(state.entries, phrases),
        "acceptances": _acceptances(state.entries, phrases),
        "removals": _removals(state.removed, phrases),
        "settings": _settings(state.described, phrases),
        "history": _history(state.entries, phrases),
        "requests": _requests(state.requests, phrases),
        "requests_counts": _requests_counts(state.requests, phrases),
    }


def write_pack(pages: dict[str, str], folder: Path, home: Home) -> None:
    """Write the pages, each whole or not at all, for the owner alone.

    Raises ConfigurationError for a folder that others read or that has other files, NoSpace.
    """
    place = folder.resolve()
    if place.is_relative_to(home.published.resolve()) or place.is_relative_to(home.raw.resolve()):
        problem = "the pack contains logins and must not be in published/ or raw/"
        raise _wrong_folder(problem, "name another folder")
    if place.exists() and not place.is_dir():
        raise _wrong_folder("this is a file", "name a folder")
    if place.is_dir() and {path.name for path in place.iterdir()} - set(pages):
        raise _wrong_folder("the folder has files of something else", "name a new folder")
    make_folder(place)
    for name, text in pages.items():
        write_bytes(text.encode(), place / name)


def _wrong_folder(problem: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Fault("--output", problem, remedy)])


def _state(entries: Sequence[Entry], phrases: Phrases) -> str:
    if not entries:
        return phrases.say("state_empty")
    moment, _ = recorded(entries[-1])
    return phrases.say(
        "state",
        entries=phrases.number(len(entries)),
        time=minute(moment),
        hash=f"`{entries[-1].hash}`",
    )


def _files(state: HomeState, phrases: Phrases) -> str:
    first = state.applies_from
    applies = (
        phrases.say("applies_from", first=first.isoformat())
        if first
        else phrases.say("applies_all")
    )
    return f"{_compared(state.change, phrases)} {applies}"


def _compared(change: SettingsChange, phrases: Phrases) -> str:
    if not change.takes_effect:
        listed = ", ".join(weakening.setting for weakening in change.weakenings)
        return phrases.say("pending", settings=plain(listed))
    if not change.replaces:
        return phrases.say("not_recorded")
    return phrases.say("recorded" if _same(change.before, change.after) else "next_run")


def _same(before: Meaning | None, after: Meaning) -> bool:
    return before is not None and before.digest == after.digest


def _columns() -> str:
    return "; ".join(f"{name}: {plain(', '.join(TABLES[name].columns))}" for name in _PERSONAL)


def _recipients(entries: Iterable[Entry], phrases: Phrases) -> str:
    """For how many advertisers there are exports; those for all advertisers are in one folder."""
    folders = {
        file.partition("/")[0]
        for entry in entries
        if entry.kind == EXPORTS
        for file in entry.body["files"]
    }
    advertisers = folders - {FOR_ALL}
    if not advertisers:
        return phrases.say("recipients_only_all" if folders else "recipients_none")
    own = phrases.say("recipients", recipients=phrases.number(len(advertisers)))
    return phrases.say("recipients_all", recipients=own) if FOR_ALL in folders else own


def _releases(entries: Iterable[Entry], phrases: Phrases) -> str:
    made = [entry for entry in entries if entry.kind == RELEASE]
    lines = []
    for series in SERIES:
        own = [e for e in made if e.subject.startswith(f"{series.id}-")]
        periods = sorted(
            (Period.from_id(e.body["period"]) for e in own), key=lambda period: period.start
        )
        if periods:
            lines.append(
                phrases.say(
                    "releases_line",
                    series=series.id,
                    releases=phrases.number(len(periods)),
                    first=periods[0].id,
                    last=periods[-1].id,
                )
            )
    return "\n".join(f"* {line}" for line in lines) or phrases.say("releases_none")


def _counts(entries: Sequence[Entry], phrases: Phrases) -> str:
    kinds = Counter(entry.kind for entry in entries)
    counted = {
        "releases": kinds[RELEASE],
        "corrections": sum(e.kind == RELEASE and "corrects" in e.body for e in entries),
        "withdrawals": kinds[WITHDRAWAL],
        "acceptances": kinds[ACCEPTANCE],
        "settings": kinds[SETTINGS],
        "approvals": kinds[SETTINGS_APPROVAL],
        "erasures": kinds[ERASURE],
        "objections": kinds[DECISION],
        "answers": kinds[DONE],
    }
    return _rows((phrases.say(f"count_{what}"), phrases.number(n)) for what, n in counted.items())


def _acceptances(entries: Sequence[Entry], phrases: Phrases) -> str:
    lines = [
        phrases.say(
            "acceptance",
            day=plain(entry.subject.split()[0]),
            when=plain(one.get("accepted_on") or phrases.say("not_known")),
            role=plain(one.get("role") or phrases.say("no_role")),
            measures=plain(", ".join(one["measures"])),
            reason=plain(one["reason"]),
        )
        for entry in entries
        if entry.kind == ACCEPTANCE
        for one in acceptances_of(entry, entries)
    ]
    return "\n".join(f"* {line}" for line in lines) or phrases.say("acceptances_none")


def _removals(reports: Iterable[Report], phrases: Phrases) -> str:
    totals = Counter[str]()
    for report in reports:
        totals["removed_files"] += sum(report.outdated_files.values())
        totals["removed_closed"] += sum(report.closed_rows.values())
        totals["removed_erased"] += sum(report.erased_rows.values())
    lines = [f"* {phrases.say(what)}: {phrases.number(n)}" for what, n in totals.items() if n]
    return "\n".join(lines) or phrases.say("removed_none")


def _settings(meaning: Meaning, phrases: Phrases) -> str:
    values = flat_settings(meaning)
    rows = []
    for path, direction in DIRECTIONS.items():
        own = {
            name: value
            for name, value in values.items()
            if name == path or name.startswith(f"{path}.")
        }
        if "<code>" in path:
            continue
        value = "; ".join(
            _value(one, phrases) if name == path else f"{plain(name)} {_value(one, phrases)}"
            for name, one in own.items()
        )
        rows.append(
            (
                plain(path),
                value or phrases.say("nothing"),
                phrases.say(f"direction_{direction.name}"),
            )
        )
    for name, direction, said in (
        ("segments", Direction.SEGMENTS, len(meaning.catalogue)),
        ("interests", Direction.INTERESTS, len(meaning.catalogue.interests)),
        ("campaign_parts", Direction.PARTS, len(meaning.policy.campaign_parts)),
    ):
        rows.append((name, phrases.number(said), phrases.say(f"direction_{direction.name}")))
    return _rows(rows)


def _history(entries: Sequence[Entry], phrases: Phrases) -> str:
    parts = [_change(change, phrases) for change in recorded_changes(entries)]
    return "\n\n".join(parts) or phrases.say("history_none")


def _change(change: RecordedChange, phrases: Phrases) -> str:
    lines = [f"### {_heading(change, phrases)}", ""]
    if change.is_first:
        lines.append(f"* {phrases.say('change_initial')}")
    lines += [f"* {line}" for line in _judged(change, phrases)]
    if change.differences is None:
        lines.append(f"* {phrases.say('change_unreadable')}")
    elif change.differences:
        lines += [f"* {_difference(one, phrases)}" for one in change.differences]
    elif not change.is_first:
        lines.append(f"* {phrases.say('change_none')}")
    return "\n".join(lines)


def _heading(change: RecordedChange, phrases: Phrases) -> str:
    time, who = minute(change.recorded), plain(change.by)
    if change.number is None:
        return phrases.say("change_safeguards", time=time, who=who)
    number = phrases.number(change.number)
    if change.first_day is None:
        return phrases.say("change_first", number=number, time=time, who=who)
    first = change.first_day.isoformat()
    return phrases.say("change", number=number, first=first, time=time, who=who)


def _judged(change: RecordedChange, phrases: Phrases) -> list[str]:
    """Whether the change made a promise weaker, and who approved that."""
    if change.is_first:
        return []
    if not change.weakenings and not change.approvals:
        return [] if change.differences is None else [phrases.say("not_weaker")]
    names = plain(", ".join(weakening.setting for weakening in change.weakenings))
    lines = [phrases.say("weaker", settings=names)] if names else []
    for approval in change.approvals:
        moment, _ = recorded(approval)
        lines.append(
            phrases.say(
                "approved_by",
                time=minute(moment),
                who=plain(approval.body["by"]),
                role=plain(approval.body["role"]),
                reason=plain(approval.body["reason"]),
            )
        )
    return lines if change.approvals else [*lines, phrases.say("weaker_unapproved")]


def _difference(one: SettingDifference, phrases: Phrases) -> str:
    name = plain(one.setting)
    if isinstance(one.before, list) and isinstance(one.after, list):
        parts = [
            phrases.say(key, items=plain(", ".join(map(str, items))))
            for key, items in (
                ("added", [item for item in one.after if item not in one.before]),
                ("removed", [item for item in one.before if item not in one.after]),
            )
            if items
        ]
        if parts:
            return f"{name}: {', '.join(parts)}"
    return f"{name}: {_value(one.before, phrases)} → {_value(one.after, phrases)}"


def _value(value: object, phrases: Phrases) -> str:
    if value is None or value == []:
        return phrases.say("nothing")
    return plain(", ".join(map(str, value)) if isinstance(value, list) else value)


def _requests(states: Sequence[RequestState], phrases: Phrases) -> str:
    files = sorted({state.request.file for state in states})
    rows = [
        (
            _name(state, files, phrases),
            phrases.say(f"kind_{state.kind}"),
            minute(made) if (made := state.request.requested_at) else phrases.say("not_known"),
            minute(state.answer_by) if state.answer_by else phrases.say("at_once"),
            phrases.say(_progress(state)),
        )
        for state in states
        if not state.done
    ]
    return _rows(rows) if rows else _rows([(phrases.say("requests_none"), "", "", "", "")])


def _progress(state: RequestState) -> str:
    """The phrase on an open request. A run takes in objections only; people answer the others."""
    if state.kind in _ANSWERED:
        return "state_answer"
    if state.matched is None:
        return "state_decide" if state.kind == UNREAD else "state_not_taken"
    return "state_matched" if state.matched else "state_unmatched"


def _name(state: RequestState, files: Sequence[str], phrases: Phrases) -> str:
    """File and row; a file name that somebody chose may say whose request it is."""
    file, row = state.request.file, state.request.place.row
    words = set(re.findall(r"[^\W\d_]+", file.lower()))
    harmless = words <= _FILE_WORDS and file.isascii() and not looks_identifying(file)
    if _OWN_FILE.fullmatch(file) or harmless:
        return f"{plain(file)}:{row}"
    return f"{phrases.say('masked', number=phrases.number(files.index(file) + 1))}:{row}"


def _requests_counts(states: Sequence[RequestState], phrases: Phrases) -> str:
    done = sum(state.done is not None for state in states)
    still_open = len(states) - done
    return phrases.say(
        "requests_counts", open=phrases.number(still_open), done=phrases.number(done)
    )


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
