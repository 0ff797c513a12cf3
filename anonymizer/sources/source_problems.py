"""What is wrong with a source beyond the form of its settings: where, what, and the remedy."""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from anonymizer.intake.contract import TABLES, UNREAD, RawTable
from anonymizer.sources.expression_paths import every_part, paths_of
from anonymizer.sources.field_paths import file_path, inner_path, parse_path
from anonymizer.sources.file_layout import compile_pattern
from anonymizer.sources.source_settings import BY_DAY, EPOCHS, Expression, SourceSettings

Location = tuple[str | int, ...]
Problem = tuple[Location, tuple[str, str]]
_OF_FILES = ("location", "files", "format", "delimiter", "quoting", "header")
_DAYS = {
    "day": "name the column with the day on which a row arrived",
    "deliveries": "name the table that says which days are complete, with how many rows",
}
_DIRECTIVES = frozenset("dmYyHIpMSfbBz%")


def problems_of(table: str, name: str, settings: SourceSettings) -> Iterator[Problem]:
    """All that is wrong with a source whose preset is filled in."""
    here: Location = (table, name)
    for key in ("location", "format"):
        if getattr(settings, key) is None:
            yield here, (f"{key} is missing", "docs/sources.md describes each key")
    yield from _location_problems(here, settings)
    yield from _pattern_problems(here, table, settings)
    yield from _form_problems(here, settings)
    yield from _name_problems(here, TABLES[table], settings)
    yield from _purpose_problems(here, settings)
    yield from _lacking_columns(here, TABLES[table], settings)
    yield from _value_problems(here, TABLES[table], settings)


def warehouse_problems(table: str, name: str, given: SourceSettings) -> Iterator[Problem]:
    """What is wrong with a source of rows of a database, before anything is filled in."""
    if given.warehouse is None:
        return
    here: Location = (table, name)
    for key in _OF_FILES:
        if key in given.model_fields_set:
            yield (*here, key), ("rows of a database are in no files", "remove it")
    for key in ("day", "deliveries"):
        place = (*here, "warehouse", key)
        stated = getattr(given.warehouse, key) is not None
        if table in BY_DAY and not stated:
            yield (*here, "warehouse"), (f"{key} is missing", _DAYS[key])
        elif table not in BY_DAY and stated:
            yield place, (f"{table} has no days: its table is read whole", "remove it")


def _location_problems(here: Location, settings: SourceSettings) -> Iterator[Problem]:
    """A location in the raw zone is a folder of its own: files of the contract lie in others."""
    location = settings.location or "x"
    if location.startswith(("/", "s3://", "gs://")):
        return
    parts = location.split("/")
    place = (*here, "location")
    if any(part in ("", ".", "..") for part in parts):
        problem = f"{location!r} is not a folder below raw/"
        yield place, (problem, "write a relative path without '.' and '..', or /... or s3://...")
    elif parts[0] in TABLES:
        problem = f"raw/{parts[0]} has files of the raw contract, which are read as well"
        yield place, (problem, "use another folder")


def _pattern_problems(here: Location, table: str, settings: SourceSettings) -> Iterator[Problem]:
    place = (*here, "files")
    if not settings.files:
        yield here, ("files is missing", 'a pattern such as "{day}/*.csv", or several')
    for text in settings.files:
        try:
            pattern = compile_pattern(text)
        except ValueError as error:
            yield place, (str(error), "")
            continue
        if table in BY_DAY and not pattern.has_day:
            remedy = "put {day}, {yyyymmdd}, or {year}, {month} and {date} into it"
            yield place, (f"{text!r} does not say on which day a file arrived", remedy)
        if table not in BY_DAY and pattern.expression.groupindex:
            yield place, (f"{text!r} has a day, and {table} has no days", "write * instead")


def _form_problems(here: Location, settings: SourceSettings) -> Iterator[Problem]:
    nested = settings.format != "csv"
    if settings.header and nested:
        yield (*here, "header"), ("only CSV files can lack a header", "remove it")
    if repeated := repeated_names(settings.header):
        listed = ", ".join(sorted(repeated))
        yield (*here, "header"), (f"a name stands twice: {listed}", "names have to differ")
    if settings.from_day and settings.to_day and settings.from_day > settings.to_day:
        yield (*here, "to_day"), ("the last day is before from_day", "")
    for key in ("keep", "drop", "present"):
        for path in getattr(settings, key):
            yield from _path_problems((*here, key), path, nested=nested)


def _name_problems(here: Location, table: RawTable, settings: SourceSettings) -> Iterator[Problem]:
    known = [*table.columns, *sorted(UNREAD[table.name])]
    for column in settings.columns:
        if column not in known:
            near = get_close_matches(column, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            remedy = f"{hint}the columns: {', '.join(known)}"
            yield (*here, "columns", column), (f"{table.name} has no column {column!r}", remedy)


def _purpose_problems(here: Location, settings: SourceSettings) -> Iterator[Problem]:
    if not settings.purposes:
        return
    if here[0] != "consents":
        yield (*here, "purposes"), ("only consents have purposes", "remove it")
    for column in ("purpose", "granted"):
        if column in settings.columns:
            problem = "purposes says what this is"
            yield (*here, "columns", column), (problem, "remove one of the two")


def _lacking_columns(
    here: Location, table: RawTable, settings: SourceSettings
) -> Iterator[Problem]:
    mapped = settings.columns.keys() | ({"purpose", "granted"} if settings.purposes else set())
    for column in table.required:
        if column not in mapped:
            yield (*here, "columns"), (f"{column} is not mapped", "every file needs it")


def _value_problems(here: Location, table: RawTable, settings: SourceSettings) -> Iterator[Problem]:
    nested = settings.format != "csv"
    for column, expression in settings.columns.items():
        kind, place = table.columns.get(column, "text"), (*here, "columns", column)
        yield from _expression_problems(place, kind, expression, nested=nested)
        if kind == "user" and expression.constant is not None:
            yield place, ("everyone would be one person", "map a column")
    for purpose, expression in settings.purposes.items():
        place = (*here, "purposes", purpose)
        yield from _expression_problems(place, "boolean", expression, nested=nested)


def _expression_problems(
    here: Location, kind: str, expression: Expression, *, nested: bool
) -> Iterator[Problem]:
    for path in paths_of(expression):
        yield from _path_problems(here, path, nested=nested)
    yield from _consent_problems(here, kind, expression)
    for each in every_part(expression):
        if each.time is not None:
            yield from _time_problems(here, each)
        if each.date is not None:
            yield from _format_problems(here, each.date)
        if each.zone is not None and not _is_zone(each.zone):
            yield here, (f"{each.zone!r} is not a time zone", "write one such as Asia/Jakarta")
        for key, needed in (("time", "instant"), ("zone", "instant"), ("date", "date")):
            if getattr(each, key) is not None and kind != needed:
                yield here, (f"the values of this column are not those of {key}", f"remove {key}")


def _consent_problems(here: Location, kind: str, expression: Expression) -> Iterator[Problem]:
    """Recorded consent stands alone: what it says of time and doubt would be lost in a list."""
    for each in every_part(expression):
        if each.tcf is None and each.consent_mode is None:
            continue
        changed = each.blank or each.remove_prefix or each.case or each.values
        if kind != "boolean" or each is not expression or changed:
            problem = "tcf and consent_mode say whether a purpose is granted, and stand alone there"
            yield here, (problem, "write it as `granted` or below `purposes`, with nothing else")


def _time_problems(here: Location, expression: Expression) -> Iterator[Problem]:
    form = expression.time or ""
    if form in EPOCHS:
        if expression.zone:
            yield here, (f"{form} counts from 1970 in UTC", "remove zone")
        return
    if form == "iso":
        return
    yield from _format_problems(here, form)
    if "%z" not in form and expression.zone is None:
        remedy = "add the zone in which the times were written, such as zone: Asia/Jakarta"
        yield here, ("the times have no zone", remedy)
    if "%z" in form and expression.zone is not None:
        yield here, ("the times have a zone of their own (%z)", "remove zone")


def _format_problems(here: Location, form: str) -> Iterator[Problem]:
    used = re.findall(r"%(.?)", form)
    if not used or not set(used) <= _DIRECTIVES:
        known = ", ".join(f"%{letter}" for letter in sorted(_DIRECTIVES - {"%"}))
        words = ", ".join(("iso", *EPOCHS))
        remedy = f"write one of {words}, or a format of {known}"
        yield here, (f"{form!r} is not a format of times", remedy)


def _path_problems(here: Location, path: str, *, nested: bool) -> Iterator[Problem]:
    try:
        parse_path(file_path(path), nested=nested)
        inner_path(path)
    except ValueError as error:
        yield here, (str(error), "")


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def repeated_names(names: Sequence[str]) -> set[str]:
    """Those that are there more than once."""
    return {name for name in names if names.count(name) > 1}
