"""Compiles the mapping of a source to one SQL statement over the values that its paths lead to.

    source_rows(row_number, c0, c1, ..., row_fault)  ->  row_number, the contract's columns, fault

Values are bound; the only identifiers are numbered columns and names of the contract. Texts of
`sources.yaml` never become SQL.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from anonymizer.intake.contract import TABLES
from anonymizer.intake.vocabulary import plain_words
from anonymizer.sources.expression_paths import paths_of
from anonymizer.sources.source_catalogue import Source
from anonymizer.sources.source_settings import EPOCHS, ConsentFlags, ConsentString, Expression

RELATION = "source_rows"
_LATEST_SECOND = 4_102_444_800  # 2100, as for every time of the contract
_PER_SECOND = dict(zip(EPOCHS, (1, 1_000, 1_000_000, 1_000_000_000), strict=True))
_MICROS = 1_000_000
_NUMBER = r"\s*[+-]?\d{1,19}([.]\d*)?([eE][+-]?\d{1,3})?\s*"
_ZONED = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)? ?(Z|UTC|[+-]\d{2}(:?\d{2})?)"
_NAIVE = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?"
_PARAMETER = re.compile(r"\$(v\d+)")
ConsentRule = ConsentString | ConsentFlags


class _Value(NamedTuple):
    """SQL of a value: text, or TIMESTAMPTZ (`instant`), or BIGINT (`whole`).

    `fault` is SQL of a reason.
    """

    sql: str
    instant: bool = False
    fault: str = ""
    whole: bool = False


class _PurposeRow(NamedTuple):
    """The columns of a row, and SQL of whether it says anything; empty if it always does."""

    row: Mapping[str, _Value]
    says: str = ""


@dataclass(frozen=True)
class MappingStatement:
    """The statement and what it needs.

    `leaves` has the numbered column of each path, `decoded` the column of each rule by which
    consent is read from what is recorded: `true` or `false`, from its own paths. `words` has the
    columns with plain words of paths that say whether a row is an objection.
    """

    text: str
    parameters: Mapping[str, str | int]
    leaves: Mapping[str, str]
    decoded: Mapping[str, ConsentRule]
    words: Mapping[str, str]


@dataclass
class _Compiler:
    """Binds values and numbers columns while a mapping is compiled."""

    instants: frozenset[str]
    wholes: frozenset[str]
    leaves: dict[str, str]
    parameters: dict[str, str | int] = field(default_factory=dict)
    decoded: dict[str, ConsentRule] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    moment: _Value | None = None  # the row's time of a decision
    instant: str = "NULL"  # SQL of the same as TIMESTAMPTZ

    def bind(self, value: str | int) -> str:
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def leaf(self, path: str) -> _Value:
        column = self.leaves[path]
        return _Value(column, instant=path in self.instants, whole=path in self.wholes)

    def text(self, expression: Expression) -> str:
        """SQL of the value as text."""
        return _as_text(self.value(expression))

    def value(self, expression: Expression) -> _Value:
        """SQL of the value after all that is done with it."""
        value = self._origin(expression)
        if value.whole and expression.time in EPOCHS and not self._is_changed(expression):
            return self._counted(value.sql, _PER_SECOND[expression.time])
        if value.instant and not self._is_changed(expression):
            return value
        sql = self._changed(_as_text(value), expression)
        if expression.date:
            parsed = (
                f"strftime(try_strptime(trim({sql}), {self.bind(expression.date)}), '%Y-%m-%d')"
            )
            return _Value(f"coalesce({parsed}, {sql})")
        if expression.time or expression.zone:
            return self._instant(sql, expression)
        return _Value(sql, fault=value.fault)

    def _changed(self, sql: str, expression: Expression) -> str:
        """What is done with the text of a value, in the order of the settings."""
        if expression.blank:
            listed = ", ".join(self.bind(text) for text in expression.blank)
            sql = f"CASE WHEN trim({sql}) IN ({listed}) THEN NULL ELSE {sql} END"
        if expression.remove_prefix:
            prefix = self.bind(expression.remove_prefix)
            rest = f"substr({sql}, length({prefix}) + 1)"
            sql = f"CASE WHEN starts_with({sql}, {prefix}) THEN {rest} ELSE {sql} END"
        if expression.case:
            sql = f"{expression.case}({sql})"
        return self._replaced(sql, expression) if expression.values else sql

    def _is_changed(self, expression: Expression) -> bool:
        """Whether anything is done with the text of the value."""
        return bool(
            expression.blank or expression.remove_prefix or expression.case or expression.values
        )

    def _counted(self, sql: str, per_second: int) -> _Value:
        """The moment of a whole number, without a way through text."""
        limit = _LATEST_SECOND * per_second
        micros = f"{sql} * {_MICROS // per_second}"
        if per_second > _MICROS:
            micros = f"{sql} // {per_second // _MICROS}"
        instant = f"(CASE WHEN {sql} BETWEEN 0 AND {limit - 1} THEN make_timestamptz({micros}) END)"
        fault = f"CASE WHEN {sql} IS NOT NULL AND {instant} IS NULL THEN 'time_range' END"
        return _Value(instant, instant=True, fault=fault)

    def _origin(self, expression: Expression) -> _Value:
        if expression.path is not None:
            return self.leaf(expression.path)
        if expression.constant is not None:
            return _Value(self.bind(expression.constant))
        if expression.coalesce is not None:
            return _first([self.value(part) for part in expression.coalesce])
        if parts := expression.join or expression.compose:
            texts = [self.text(part) for part in parts]
            return _Value(_composed(texts) if expression.compose else f"({' || '.join(texts)})")
        return self._recorded(expression)

    def _recorded(self, expression: Expression) -> _Value:
        """`true` or `false` by recorded consent; of a string only while it is valid."""
        rule = expression.tcf or expression.consent_mode
        assert rule is not None, "the settings have exactly one kind"
        column = f"d{len(self.decoded)}"
        self.decoded[column] = rule
        if expression.tcf is None:
            return _Value("'false'")
        at = self.instant
        valid = f"{at} >= {column}_from AND {at} < {column}_until"
        return _Value(f"CASE WHEN {column} = 'true' AND {valid} THEN 'true' ELSE 'false' END")

    def dated(self, moment: _Value) -> None:
        """Take the time of a decision, with which the validity of strings is compared."""
        self.moment = moment
        self.instant = moment.sql if moment.instant else self._from_iso(_as_text(moment), None)

    def decision(self, values: Mapping[str, _Value], expression: Expression) -> "_PurposeRow":
        """What a row says of a purpose.

        A string is recorded again with each visit, so its consent is as old as the string: a later
        withdrawal stands. Flags do not say when they were set: they grant nothing and only refuse.
        """
        granted = self.value(expression)
        column = f"d{len(self.decoded) - 1}"
        row = {**values, "granted": granted}
        if expression.consent_mode is not None:
            return _PurposeRow(row, f"{column} = 'false'")
        if expression.tcf is None or self.moment is None:
            return _PurposeRow(row)
        updated = _Value(f"{column}_updated", instant=True)
        earlier = updated.sql if self.moment.instant else _written(updated)
        sql = (
            f"CASE WHEN row_fault IS NULL AND {granted.sql} = 'true' AND {updated.sql} < "
            f"{self.instant} THEN {earlier} ELSE {_as_column(self.moment)} END"
        )
        row["decided_at"] = self.moment._replace(sql=sql, whole=False)
        return _PurposeRow(row)

    def _replaced(self, sql: str, expression: Expression) -> str:
        cases = " ".join(
            f"WHEN {self.bind(key)} THEN {self.bind(meaning)}"
            for key, meaning in expression.values.items()
        )
        other = sql if expression.otherwise == "keep" else "NULL"
        return f"CASE trim({sql}) {cases} ELSE {other} END"

    def _instant(self, sql: str, expression: Expression) -> _Value:
        """The moment that a text states, and the fault of one that states none."""
        form = expression.time or "iso"
        reason = "'bad_time'"
        if form in EPOCHS:
            instant = _from_epoch(sql, _PER_SECOND[form])
            number = f"regexp_full_match({sql}, {self.bind(_NUMBER)})"
            reason = f"CASE WHEN {number} THEN 'time_range' ELSE 'bad_time' END"
        elif form == "iso":
            instant = self._from_iso(sql, expression.zone)
        else:
            parsed = f"try_strptime(trim({sql}), {self.bind(form)})"
            zone = f" AT TIME ZONE {self.bind(expression.zone)}" if expression.zone else ""
            instant = f"({parsed}{zone})"
        absent = f"nullif(trim({sql}), '') IS NULL"
        fault = f"CASE WHEN {absent} OR {instant} IS NOT NULL THEN NULL ELSE {reason} END"
        return _Value(instant, instant=True, fault=fault)

    def _from_iso(self, sql: str, zone: str | None) -> str:
        zoned, naive = self.bind(_ZONED), self.bind(_NAIVE)
        cases = f"WHEN regexp_full_match(trim({sql}), {zoned}) THEN try_cast({sql} AS TIMESTAMPTZ)"
        if zone:
            local = f"try_cast({sql} AS TIMESTAMP) AT TIME ZONE {self.bind(zone)}"
            cases += f" WHEN regexp_full_match(trim({sql}), {naive}) THEN {local}"
        return f"(CASE {cases} END)"


def leaves_of(source: Source, wanted: Collection[str] | None = None) -> dict[str, str]:
    """The numbered column of every path that is needed for some columns, and of the filters.

    Without `wanted` for those that intake reads; others, as names and addresses, are read when
    somebody asks what is held about them, and at no other time.
    """
    settings = source.settings
    columns = TABLES[source.table].columns if wanted is None else wanted
    expressions = [settings.columns[name] for name in settings.columns if name in columns]
    expressions += settings.purposes.values()
    paths = [path for expression in expressions for path in paths_of(expression)]
    paths += [*settings.keep, *settings.drop, *settings.present]
    return {path: f"c{number}" for number, path in enumerate(dict.fromkeys(paths))}


def id_paths(source: Source) -> frozenset[str]:
    """The paths to ids of people and rows, whose digits must not be lost."""
    kinds = TABLES[source.table].columns
    return frozenset(
        path
        for column, expression in source.settings.columns.items()
        if kinds.get(column) in ("user", "identifier")
        for path in paths_of(expression)
    )


def compile_statement(
    source: Source,
    wanted: Sequence[str],
    instants: frozenset[str] = frozenset(),
    wholes: frozenset[str] = frozenset(),
) -> MappingStatement:
    """The statement for the columns `wanted`.

    The values of `instants` are TIMESTAMPTZ, those of `wholes` BIGINT, all others text.
    """
    settings = source.settings
    compiler = _Compiler(instants, wholes, leaves_of(source, wanted))
    values = {
        column: compiler.value(expression)
        for column, expression in settings.columns.items()
        if column in wanted and column != "granted"
    }
    if moment := values.get("decided_at"):
        compiler.dated(moment)
    kept = _conditions(source, compiler)
    text = "\nUNION ALL\n".join(
        _select(decision.row, [*kept, decision.says])
        for decision in _decisions(source, wanted, compiler, values)
    )
    # A value that was compiled and left out in the end leaves none behind: DuckDB refuses those.
    used = set(_PARAMETER.findall(text))
    parameters = {name: value for name, value in compiler.parameters.items() if name in used}
    return MappingStatement(text, parameters, compiler.leaves, compiler.decoded, compiler.words)


def _decisions(
    source: Source, wanted: Sequence[str], compiler: _Compiler, values: Mapping[str, _Value]
) -> Iterator[_PurposeRow]:
    """What becomes of one row: one of the table, or a decision for each purpose."""
    settings = source.settings
    for purpose, expression in settings.purposes.items():
        named = {**values, "purpose": _Value(compiler.bind(purpose))}
        yield compiler.decision(named, expression)
    if settings.purposes:
        return
    granted = settings.columns.get("granted") if "granted" in wanted else None
    yield compiler.decision(values, granted) if granted else _PurposeRow(values)


def _select(values: Mapping[str, _Value], conditions: Sequence[str]) -> str:
    kept = [condition for condition in conditions if condition]
    # A row of which something cannot be read is not filtered by what is missing.
    where = f"\nWHERE ({' AND '.join(kept)}) OR row_fault IS NOT NULL" if kept else ""
    columns = [f"{value.sql} AS {name}" for name, value in values.items()]
    faults = [f"'{name} ' || ({value.fault})" for name, value in values.items() if value.fault]
    fault = f"coalesce({', '.join(['row_fault', *faults])})"
    listed = ",\n    ".join(["row_number", *columns, f"{fault} AS fault"])
    return f"SELECT\n    {listed}\nFROM {RELATION}{where}"


def _conditions(source: Source, compiler: _Compiler) -> list[str]:
    """What a row has to be to be one of the table."""
    found = []
    for path, words in source.settings.keep.items():
        if TABLES[source.table].objections:
            column = f"w{len(compiler.words)}"
            compiler.words[column] = path
            plain = plain_words(pa.array(words, pa.string())).to_pylist()
            listed = ", ".join(compiler.bind(word) for word in plain)
            among = f"{column} IN ({listed})"
        else:
            among = _among(compiler, path, words)
        found.append(f"coalesce({among}, FALSE)")
    for path, words in source.settings.drop.items():
        found.append(f"NOT coalesce({_among(compiler, path, words)}, FALSE)")
    return found + [
        f"nullif(trim({_as_text(compiler.leaf(path))}), '') IS NOT NULL"
        for path in source.settings.present
    ]


def _among(compiler: _Compiler, path: str, words: Sequence[str]) -> str:
    listed = ", ".join(compiler.bind(word) for word in words)
    return f"trim({_as_text(compiler.leaf(path))}) IN ({listed})"


def _as_column(value: _Value) -> str:
    """A moment as it is, anything else as text."""
    return value.sql if value.instant else _as_text(value)


def _as_text(value: _Value) -> str:
    """Of a moment its microseconds since 1970, which no format or zone changes."""
    if value.instant:
        return f"CAST(epoch_us({value.sql}) AS VARCHAR)"
    return f"CAST({value.sql} AS VARCHAR)" if value.whole else value.sql


def _first(values: Sequence[_Value]) -> _Value:
    """The first that is there; empty text is not."""
    instant = all(value.instant for value in values)
    parts = [value.sql if instant else f"nullif({_written(value)}, '')" for value in values]
    faults = [value.fault for value in values if value.fault]
    sql = f"coalesce({', '.join(parts)})"
    if not faults:
        return _Value(sql, instant=instant)
    fault = f"CASE WHEN {sql} IS NULL THEN coalesce({', '.join(faults)}) END"
    return _Value(sql, instant=instant, fault=fault)


def _written(value: _Value) -> str:
    """A moment as text that intake reads."""
    if value.instant:
        return f"strftime({value.sql} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    return _as_text(value)


def _composed(parts: Sequence[str]) -> str:
    """A digest of several values, each with its length, so that no two lists look alike."""
    absent = " AND ".join(f"{part} IS NULL" for part in parts)
    lengths = [f"coalesce(length({part}) || ':' || {part}, '-')" for part in parts]
    return f"CASE WHEN {absent} THEN NULL ELSE sha256({' || '.join(lengths)}) END"


def _from_epoch(sql: str, per_second: int) -> str:
    """The moment of a number of seconds or parts of them; null outside of 1970 to 2099."""
    limit = _LATEST_SECOND * per_second
    if per_second <= _MICROS:
        number = f"try_cast({sql} AS DECIMAL(28, 9))"
        micros = f"CAST(floor({number} * {_MICROS // per_second}) AS BIGINT)"
    else:
        number = f"try_cast({sql} AS BIGINT)"
        micros = f"({number} // {per_second // _MICROS})"
    inside = f"{number} >= 0 AND {number} < {limit}"
    return f"(CASE WHEN {inside} THEN make_timestamptz({micros}) END)"


def mapped_columns(source: Source) -> tuple[str, ...]:
    """The columns of the contract that a source has, in its order."""
    own = {*source.settings.columns}
    own |= {"purpose", "granted"} if source.settings.purposes else set()
    return tuple(column for column in TABLES[source.table].columns if column in own)
