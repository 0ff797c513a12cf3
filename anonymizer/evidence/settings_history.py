"""Every change of the settings as the ledger keeps it: what, when, by whom, approved by whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from typing import Any

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.renamed_settings import present
from anonymizer.model.roles import Roles
from anonymizer.model.strictness import Weakening, weakened
from anonymizer.release.ledger import Entry
from anonymizer.release.settings import SETTINGS, Meaning, SettingsTexts, read_meaning
from anonymizer.release.settings_change import SAFEGUARDS, recorded_roles

_NOT_COMPARED = ("format",)


@dataclass(frozen=True)
class SettingDifference:
    """A setting and its values before and after; None where it was or is not there."""

    setting: str
    before: Any
    after: Any


@dataclass(frozen=True)
class RecordedChange:
    """One entry of the ledger. `number` and `first_day` are those of a version of the settings.

    `differences` is None where this version of the program does not read one of the two.
    """

    number: int | None
    first_day: date | None
    recorded: datetime
    by: str
    differences: tuple[SettingDifference, ...] | None
    weakenings: tuple[Weakening, ...]
    approvals: tuple[Entry, ...]

    @property
    def is_first(self) -> bool:
        """Whether nothing was recorded before it."""
        return self.number == 1


def recorded_changes(entries: Sequence[Entry]) -> Iterator[RecordedChange]:
    """Each change in the ledger's order; the first one against the files of `audience init`."""
    before: Meaning | None = initial_settings()
    segments, number, known = "", 0, False
    for position, entry in enumerate(entries):
        if entry.kind not in {SETTINGS, SAFEGUARDS}:
            continue
        if entry.kind == SETTINGS:
            segments, number = entry.body["segments_text"], number + 1
        after = _meaning(entry.body["policy_text"], segments)
        both = (before, after) if before and after else None
        moment, by = recorded(entry)
        yield RecordedChange(
            number if entry.kind == SETTINGS else None,
            _first_day(entry),
            moment,
            by,
            differences(*both) if both else None,
            _weakened(*both, recorded_roles(entries[:position])) if both and known else (),
            tuple(e for e in entries if e.sequence in entry.body.get("approvals", ())),
        )
        before, known = after, True


def recorded(entry: Entry) -> tuple[datetime, str]:
    """When an entry was recorded, and by which login."""
    time, _, by = entry.recorded.partition(" by ")
    return datetime.fromisoformat(time), by


def initial_settings() -> Meaning:
    """What `audience init` writes."""
    folder = files("anonymizer") / "defaults"
    policy, segments = (
        (folder / name).read_text(encoding="utf-8") for name in ("policy.yaml", "segments.yaml")
    )
    return read_meaning(SettingsTexts(policy, segments))


def differences(before: Meaning, after: Meaning) -> tuple[SettingDifference, ...]:
    """Every setting of both files that has another value; comments and order do not count."""
    old, new = flat_settings(before), flat_settings(after)
    names = dict.fromkeys((*old, *new))
    return tuple(
        SettingDifference(name, old.get(name), new.get(name))
        for name in names
        if old.get(name) != new.get(name) and name not in _NOT_COMPARED
    )


def flat_settings(meaning: Meaning) -> dict[str, Any]:
    """Every setting by its path, `promise.k`; a list is one value."""
    return {
        **dict(_flat(meaning.policy.model_dump(mode="json"), "")),
        **dict(_flat(meaning.segments.model_dump(mode="json"), "")),
    }


def _flat(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _meaning(policy: str, segments: str) -> Meaning | None:
    try:
        return read_meaning(SettingsTexts(present(policy), segments))
    except ConfigurationError:
        return None


def _weakened(before: Meaning, after: Meaning, decided: Roles) -> tuple[Weakening, ...]:
    return weakened((before.policy, before.catalogue), (after.policy, after.catalogue), decided)


def _first_day(entry: Entry) -> date | None:
    first = entry.body["first_day"] if entry.kind == SETTINGS else None
    return date.fromisoformat(first) if first else None
