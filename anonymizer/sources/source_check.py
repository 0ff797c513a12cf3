"""Reads a sample of a source and says what becomes of it, and what is probably wrong with it.

Nothing is written. Values are shown as shapes (`u-17` is `x-99`); times and the words that
`sources.yaml` lists are shown as they are.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.intake.batches import RawBatch, RowFault
from anonymizer.intake.contract import PART_COLUMNS, TABLES
from anonymizer.intake.intake_keys import IntakeKeys
from anonymizer.intake.landing_zone import LandedFile
from anonymizer.intake.raw_source import Limits, opened
from anonymizer.intake.row_validation import RowValidator
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.policy import Policy
from anonymizer.sources import source_limits
from anonymizer.sources.expression_paths import every_part, paths_of
from anonymizer.sources.field_paths import file_path
from anonymizer.sources.file_layout import is_working_file
from anonymizer.sources.leaf_batches import LeafReading, require_paths
from anonymizer.sources.mapped_source import (
    SourceMapping,
    map_rows,
    split_faults,
    statement_for,
)
from anonymizer.sources.mapping_statement import leaves_of, mapped_columns
from anonymizer.sources.source_catalogue import FILE_NAME, Source
from anonymizer.sources.source_settings import EPOCHS
from anonymizer.sources.source_zone import SourceFile, SourceListing
from anonymizer.sources.value_shapes import (
    LOST_DIGITS,
    epoch_of,
    masked,
    time_format,
    type_of,
)
from anonymizer.storage.engine import Engine
from anonymizer.storage.secret import Secret

_NAME = re.compile(r"[^\W\d][\w .-]{0,63}")  # what is no name may be a value: no header
_HOUR = 3_600
_DAY_HOURS = 24


@dataclass(frozen=True)
class Example:
    """One row before and after: pairs of name and what is shown of the value."""

    row: int
    raw: tuple[tuple[str, str], ...]
    mapped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SourceCheck:
    """What a sample of a source says.

    `coverage` has of each column with listed words: rows with a value, and how many have one that
    is listed. `outcomes` are how many rows have which outcome in intake.
    """

    files: tuple[str, ...]
    rows: int
    filtered: int
    examples: tuple[Example, ...]
    types: tuple[tuple[str, str], ...]
    unmapped: tuple[str, ...]
    coverage: tuple[tuple[str, int, int], ...]
    outcomes: tuple[tuple[str, int], ...]
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class _MappedSample:
    """Values of the paths, and the mapped rows, of the first rows of the files."""

    leaves: pa.Table
    mapped: pa.Table
    faults: tuple[RowFault, ...]
    columns: tuple[str, ...]
    filtered: int

    def texts(self, column: str) -> list[str | None]:
        """The values of a numbered column as text."""
        values: list[str | None] = self.leaves[column].cast(pa.string()).to_pylist()
        return values


def check_source(
    listing: SourceListing,
    day: date,
    policy: Policy,
    secret: Secret,
    engine: Engine,
    most: int = source_limits.CHECKED_ROWS,
) -> SourceCheck:
    """Check the first rows of what a source delivered for a day.

    The engine has the vocabulary of intake loaded and does not spill. Raises ConfigurationError
    when there is no file, InputRejected when one cannot be read.
    """
    source = listing.source
    files = _files_of(listing, day)
    sample = _read(source, files, policy, engine, most)
    outcomes = _outcomes(source, sample, day, policy, secret, engine)
    return SourceCheck(
        tuple(file.name for file in files),
        sample.leaves.num_rows + len(sample.faults),
        sample.filtered,
        tuple(_examples(source, sample, policy)),
        tuple((path, type_of(sample.texts(c))) for path, c in leaves_of(source).items()),
        _unmapped(source, sample.columns),
        tuple(_coverage(source, sample)),
        outcomes,
        tuple(_mistakes(source, sample, day, policy)),
    )


def _files_of(listing: SourceListing, day: date) -> list[SourceFile]:
    files = [
        file for file in listing.files if file.day in (None, day) and not is_working_file(file.name)
    ]
    if files:
        return files
    source = listing.source
    days = sorted(listing.days)
    there = f"it has {days[0]} to {days[-1]}" if days else "it has no day at all"
    unmatched = f", {len(listing.unmatched)} file(s) fit no pattern" if listing.unmatched else ""
    problem = f"no file of {day} in {source.location}: {there}{unmatched}"
    patterns = ", ".join(source.settings.files)
    remedy = f"correct location or files ({patterns})"
    raise ConfigurationError([Fault(f"{FILE_NAME} {source.table}.{source.name}", problem, remedy)])


def _read(
    source: Source, files: Sequence[SourceFile], policy: Policy, engine: Engine, most: int
) -> _MappedSample:
    leaves: list[pa.RecordBatch] = []
    mapped: list[pa.RecordBatch] = []
    faults: list[RowFault] = []
    columns: tuple[str, ...] = ()
    missing, filtered = most, 0
    for file in files:
        if missing <= 0:
            break
        landed = LandedFile(source.table, file.path, file.name, file.day)
        with opened(landed, Limits.of(policy.intake)) as raw:
            reading = SourceMapping(source).read_leaves(raw, leaves_of(source))
            for rows, bad in _first(reading, missing):
                missing -= rows.num_rows + len(bad)
                faults += bad
                if leaves and rows.schema != leaves[0].schema:
                    continue  # a file of other types; intake reads each by its own
                statement = statement_for(source, mapped_columns(source), rows)
                found = map_rows(engine, statement, rows)
                filtered += rows.num_rows - pc.count_distinct(found.column("row_number")).as_py()
                leaves.append(rows)
                mapped.append(found)
            require_paths(raw, source, leaves_of(source), reading.found())
            columns = columns or reading.columns()
    return _MappedSample(
        pa.Table.from_batches(leaves),
        pa.Table.from_batches(mapped),
        tuple(faults),
        columns,
        filtered,
    )


def _first(reading: LeafReading, most: int) -> Iterator[tuple[pa.RecordBatch, list[RowFault]]]:
    for batch in reading.batches:
        rows = batch.rows.slice(0, most)
        yield rows, batch.faults[:most]
        most -= rows.num_rows
        if most <= 0:
            return


def _unmapped(source: Source, columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of the files that no path begins with; they are not read."""
    read = {*TABLES[source.table].columns, *PART_COLUMNS}  # these where a rule names them
    paths = {file_path(path) for path in leaves_of(source, read)}
    used = paths | {path.partition(".")[0].partition("[")[0].strip("`") for path in paths}
    return tuple(
        column if _NAME.fullmatch(column) else f"column {position}"
        for position, column in enumerate(columns, start=1)
        if column not in used
    )


def _examples(source: Source, sample: _MappedSample, policy: Policy) -> Iterator[Example]:
    zone = ZoneInfo(policy.timing.timezone)
    listed = _listed_words(source)
    numbers = sample.mapped["row_number"].to_pylist()
    chosen = list(dict.fromkeys(numbers))[: source_limits.EXAMPLES]
    by_number = {row["row_number"]: row for row in sample.leaves.to_pylist()}
    mapped = sample.mapped.to_pylist()
    for number in chosen:
        raw = by_number[number]
        yield Example(
            number,
            tuple(
                (path, _displayed(path, raw[column], listed, zone))
                for path, column in leaves_of(source).items()
            ),
            tuple(
                (column, _displayed(column, value, listed, zone))
                for row in mapped
                if row["row_number"] == number
                for column, value in row.items()
                if column not in ("row_number", "fault")
            ),
        )


def _listed_words(source: Source) -> Mapping[str, frozenset[str]]:
    """By path and by column, the words that sources.yaml lists; of times every text."""
    settings = source.settings
    words: dict[str, frozenset[str]] = {
        path: frozenset(listed) for path, listed in (*settings.keep.items(), *settings.drop.items())
    }
    words |= {"purpose": frozenset(settings.purposes), "granted": frozenset({"true", "false"})}
    for column, expression in settings.columns.items():
        for part in every_part(expression):
            if part.values and part.path:
                words[part.path] = frozenset(part.values)
                words[column] = frozenset(part.values.values())
    return words


def _displayed(
    name: str, value: object, listed: Mapping[str, frozenset[str]], zone: ZoneInfo
) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).isoformat()
    text = None if value is None else str(value)
    if text is not None and text.strip() in listed.get(name, frozenset()):
        return text
    return masked(text)


def _coverage(source: Source, sample: _MappedSample) -> Iterator[tuple[str, int, int]]:
    leaves = leaves_of(source)
    settings = source.settings
    for column, expression in (*settings.columns.items(), *settings.purposes.items()):
        for part in every_part(expression):
            if part.values and part.path:
                given = [text.strip() for text in sample.texts(leaves[part.path]) if text]
                known = sum(text in part.values for text in given)
                yield f"{column} from {part.path}", len(given), known


def _outcomes(
    source: Source, sample: _MappedSample, day: date, policy: Policy, secret: Secret, engine: Engine
) -> tuple[tuple[str, int], ...]:
    """The outcome of the rows of the sample in intake."""
    validator = RowValidator(engine, day, policy, IntakeKeys.of(secret))
    table = TABLES[source.table]
    if source.table == "visits":
        nothing = RawBatch(pa.record_batch({"row_number": pa.array([], pa.int64())}))
        validator.list_links(validator.judge(nothing, TABLES["campaigns"], None).claims)
    counted: Counter[str] = Counter()
    rows = sample.mapped.combine_chunks().to_batches()
    for batch in rows:
        mapped = split_faults(batch, objections=table.objections)
        judged = validator.judge(mapped, table, day if source.table == "visits" else None)
        for fault in (*mapped.faults, *judged.faults):
            counted[f"quarantined: {fault.column} {fault.reason}"] += 1
        excluded = (
            judged.claims["excluded"].to_pylist()
            if "excluded" in judged.claims.schema.names
            else [None] * judged.claims.num_rows
        )
        counted.update(f"excluded: {why}" if why else "accepted" for why in excluded)
    for fault in sample.faults:
        counted[f"quarantined: {fault.reason}"] += 1
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0])))


def _mistakes(source: Source, sample: _MappedSample, day: date, policy: Policy) -> Iterator[str]:
    """What is probably wrong, with what to do."""
    if not sample.leaves.num_rows:
        yield "no row could be read: check format, delimiter and quoting"
        return
    if not sample.mapped.num_rows:
        yield "the filters leave out every row: check keep, drop and present"
        return
    yield from _id_mistakes(source, sample)
    yield from _time_mistakes(source, sample)
    if source.table == "visits":
        yield from _visit_mistakes(sample)
        yield from _day_mistakes(sample, day, ZoneInfo(policy.timing.timezone))


def _id_mistakes(source: Source, sample: _MappedSample) -> Iterator[str]:
    kinds, leaves = TABLES[source.table].columns, leaves_of(source)
    for column, expression in source.settings.columns.items():
        if kinds.get(column) not in ("user", "identifier"):
            continue
        for path in dict.fromkeys(paths_of(expression)):
            values = [text for text in sample.texts(leaves[path]) if text]
            lost = sum(LOST_DIGITS.fullmatch(text) is not None for text in values)
            if (
                values
                and lost > source_limits.WORTH_A_REMARK * len(values)
                and not _is_time(source, path)
            ):
                yield (
                    f"{column}: {lost:,} of {len(values):,} values of {path} are floating-point "
                    "numbers, which lose digits of ids; deliver text"
                )


def _is_time(source: Source, path: str) -> bool:
    """Whether a path is mapped as a time as well."""
    kinds = TABLES[source.table].columns
    return any(
        path in set(paths_of(expression))
        for column, expression in source.settings.columns.items()
        if kinds.get(column) == "instant"
    )


def _time_mistakes(source: Source, sample: _MappedSample) -> Iterator[str]:
    kinds, leaves = TABLES[source.table].columns, leaves_of(source)
    for column, expression in source.settings.columns.items():
        if kinds.get(column) != "instant":
            continue
        for part in every_part(expression):
            if part.path is None or pa.types.is_timestamp(sample.leaves[leaves[part.path]].type):
                continue
            values = sample.texts(leaves[part.path])
            form = part.time or expression.time or "iso"
            unit = epoch_of(values)
            if unit and unit != form:
                now = form if form in EPOCHS else "no unit"
                yield f"{column}: {part.path} looks like {unit}, sources.yaml has {now}"
            elif not unit and _share_of_bad(sample, column) > source_limits.WORTH_A_REMARK:
                found = time_format(values)
                hint = f'; time: "{found}" reads nearly all' if found and found != form else ""
                yield f"{column}: many values of {part.path} cannot be read as {form!r}{hint}"


def _share_of_bad(sample: _MappedSample, column: str) -> float:
    faults: list[str | None] = sample.mapped["fault"].to_pylist()
    bad = sum(fault is not None and fault.startswith(f"{column} ") for fault in faults)
    return bad / max(len(faults), 1)


def _visit_mistakes(sample: _MappedSample) -> Iterator[str]:
    rows = sample.mapped.num_rows
    ids, users, urls = (sample.mapped[name] for name in ("visit_id", "user_id", "url"))
    known = rows - users.null_count
    if not known:
        yield "user_id: every visit is a guest's, and guests never count; map another column"
    elif rows >= source_limits.ENOUGH_ROWS:
        most = pc.max(pc.value_counts(users.drop_null()).field("counts")).as_py()
        if most > rows // 2:
            yield f"user_id: one id has {most:,} of {rows:,} visits; is it the id of a site?"
    distinct = pc.count_distinct(ids).as_py()
    if rows >= source_limits.ENOUGH_ROWS and distinct < (1 - source_limits.WORTH_A_REMARK) * rows:
        yield (
            f"visit_id: {rows:,} rows have {distinct:,} different ids; equal rows of one person "
            "count once. Use `compose` with user, time and URL if this is the id of a session"
        )
    relative = pc.sum(pc.invert(pc.match_substring(urls.drop_null(), "://"))).as_py() or 0
    if relative:
        yield (
            f"url: {relative:,} of {rows:,} have no host; write "
            '{join: [{constant: "https://host"}, ...]}'
        )


def _day_mistakes(sample: _MappedSample, day: date, zone: ZoneInfo) -> Iterator[str]:
    """Times that are those of the day, shifted."""
    column = sample.mapped["occurred_at"]
    if not pa.types.is_timestamp(column.type):
        return
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    hours = sorted(
        (moment - midnight).total_seconds() / _HOUR for moment in column.to_pylist() if moment
    )
    if len(hours) < source_limits.ENOUGH_ROWS:
        return
    least, most = hours[len(hours) // 100], hours[-1 - len(hours) // 100]
    outside = sum(not 0 <= hour < _DAY_HOURS for hour in hours)
    if outside <= source_limits.WORTH_A_REMARK * len(hours):
        return
    inside = len(hours) - outside
    if not inside:
        days = (day + timedelta(hours=least), day + timedelta(hours=most))
        yield (
            f"occurred_at: no visit is of {day}, all are of {days[0]} to {days[1]}; files of a day "
            "may be named after the day of their export: visits may arrive late, never early"
        )
    elif most - least <= _DAY_HOURS:
        shift = math.floor(least) if least < 0 else math.ceil(most - _DAY_HOURS)
        yield (
            f"occurred_at: {outside:,} of {len(hours):,} visits are not of {day}, and all would be "
            f"if the clock were {abs(shift)} hour(s) {'later' if shift < 0 else 'earlier'}: "
            "check zone"
        )
    else:
        yield f"occurred_at: {outside:,} of {len(hours):,} visits are not of {day}"
