"""Proposes a mapping for a file that nobody has described: `audience source guess`.

A column is chosen by its name, in English or Indonesian, and by what its values look like. What had
to be assumed is said in a comment beside it. No value of the file is in the proposal.
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from anonymizer.intake.contract import TABLES
from anonymizer.model.errors import ConfigurationError, Fault, why_unreadable
from anonymizer.sources import source_limits
from anonymizer.sources.source_catalogue import PRESETS
from anonymizer.sources.source_settings import BY_DAY
from anonymizer.sources.value_shapes import (
    DATES,
    format_among,
    is_ambiguous,
    time_format,
    type_of,
)

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_DELIMITERS = {";": ";", ",": ",", "\t": "tab", "|": "|"}
_SNOWPLOW_FIELDS = 131
_KEY = re.compile(r"=([^\]]+)\][^\[\]]*$")  # the key of the element that a path chooses last
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLAIN_DATE = re.compile(r"(?<!\d)20\d{6}(?!\d)")
# What each column is called elsewhere, the likeliest first; compared without case and marks.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "visit_id": (
        *("visitid", "idkunjungan", "eventid", "idevent", "messageid", "hitid", "pageviewid"),
        *("requestid", "idpermintaan", "logid", "idlog", "uuid", "id"),
    ),
    "user_id": (
        *("userid", "iduser", "idpengguna", "penggunaid", "idpelanggan", "pelangganid"),
        *("customerid", "memberid", "idanggota", "idmember", "accountid", "idakun", "uid"),
        *("nomorpelanggan", "nopelanggan", "useridhash", "user", "pengguna", "pelanggan"),
    ),
    "occurred_at": (
        *("occurredat", "eventtimestamp", "eventtime", "timestamp", "waktukunjungan", "waktu"),
        *("waktuakses", "tanggalwaktu", "tglwaktu", "datetime", "servertime", "createdat"),
        *("time", "ts", "jam", "tanggal", "tgl"),
    ),
    "url": (
        *("url", "pageurl", "pagelocation", "page", "halaman", "urlhalaman", "alamathalaman"),
        *("tautan", "link", "lokasi", "path", "alamat", "requesturi", "uri"),
    ),
    "user_agent": ("useragent", "ua", "peramban", "browser", "agen", "agenpengguna"),
    "product_category": ("productcategory", "kategoriproduk", "kategori", "category"),
    "gender": ("gender", "jeniskelamin", "kelamin", "sex", "jk"),
    "birth_date": ("birthdate", "tanggallahir", "tgllahir", "dateofbirth", "dob"),
    "region_code": ("regioncode", "kodewilayah", "kodekabupaten", "kabupaten", "kota", "region"),
    "registered_at": ("registeredat", "tanggaldaftar", "tgldaftar", "waktudaftar", "createdat"),
    "closed_at": ("closedat", "tanggaltutup", "tgltutup", "deletedat"),
    "purpose": ("purpose", "tujuan", "keperluan"),
    "granted": ("granted", "setuju", "persetujuan", "consent", "status"),
    "decided_at": ("decidedat", "waktupersetujuan", "timestamp", "waktu", "createdat", "tanggal"),
    "request_id": ("requestid", "idpermintaan", "ticket", "tiket", "id"),
    "kind": ("kind", "jenis", "jenispermintaan", "type", "tipe"),
    "requested_at": ("requestedat", "waktupermintaan", "timestamp", "waktu", "createdat"),
    "campaign_id": ("campaignid", "idkampanye", "id"),
    "advertiser_id": ("advertiserid", "idpengiklan"),
    "advertiser_name": ("advertisername", "namapengiklan", "pengiklan", "advertiser"),
    "campaign_name": ("campaignname", "namakampanye", "kampanye", "campaign"),
    "link_url": ("linkurl", "tautan", "url", "link"),
    "starts_on": ("startson", "mulai", "tanggalmulai", "startdate"),
    "ends_on": ("endson", "selesai", "tanggalselesai", "enddate"),
    "target_regions": ("targetregions", "wilayahtarget", "wilayah"),
}
# Columns that tell which program wrote a file.
_PRESET_SIGNS = {
    "ga4": {"event_timestamp", "event_params", "user_pseudo_id"},
    "segment": {"messageId", "anonymousId", "type"},
    "matomo": {"idlink_va", "server_time"},
    "snowplow": {"derived_tstamp", "collector_tstamp", "event_id"},
}


@dataclass(frozen=True)
class _FileSample:
    """The first rows of a file: of each path its values as text."""

    form: str
    values: Mapping[str, Sequence[str | None]]
    columns: frozenset[str]
    delimiter: str = ","
    quoted: bool = True


@dataclass
class _Proposal:
    """The parts of a source, and what to look at."""

    columns: dict[str, object] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def propose(file: Path, table: str, raw: Path, zone: str) -> str:
    """A source for `sources.yaml` with comments, for a file like this one.

    Raises ConfigurationError when the file cannot be read or is of no known format.
    """
    sample = _sample(file)
    location, pattern = _layout(file, table, raw)
    settings: dict[str, object] = {"location": location, "files": pattern}
    preset = next(
        (name for name in PRESETS if _PRESET_SIGNS[name] <= sample.columns and table == "visits"),
        "snowplow" if len(sample.columns) == _SNOWPLOW_FIELDS and table == "visits" else "",
    )
    if preset:
        settings = {"preset": preset, **settings}
        if sample.form != "csv" and preset in ("ga4", "snowplow"):
            settings["format"] = sample.form
        return _written(table, settings, _Proposal())
    settings["format"] = sample.form
    if sample.form == "csv" and sample.delimiter != ",":
        settings["delimiter"] = sample.delimiter
    if not sample.quoted:
        settings["quoting"] = "none"
    return _written(table, settings, _columns(sample, table, zone))


def _columns(sample: _FileSample, table: str, zone: str) -> _Proposal:
    proposal = _Proposal()
    contract = TABLES[table]
    chosen: dict[str, str] = {}
    for column in contract.columns:
        path = _best(column, contract.columns[column], sample, set(chosen.values()))
        if path:
            chosen[column] = path
    for column, path in chosen.items():
        values = sample.values[path]
        proposal.columns[column] = path
        if contract.columns[column] == "instant":
            proposal.columns[column] = _time(column, path, values, zone, proposal)
        elif contract.columns[column] == "date":
            proposal.columns[column] = _date(column, path, values, proposal)
    if table == "visits":
        _complete_visits(sample, chosen, proposal)
    for column in set(contract.required) - proposal.columns.keys():
        proposal.columns[column] = "?"
        proposal.notes[column] = "no column looks like it: name one"
    return proposal


def _best(column: str, kind: str, sample: _FileSample, taken: set[str]) -> str:
    """The path whose name fits the column best and whose values can be its."""
    names = _NAMES.get(column, ())
    ranked = []
    for path, values in sample.values.items():
        key = _KEY.search(path)
        own = key[1] if key else path.rpartition(".")[2]
        rank = next((names.index(n) for n in (_plain(path), _plain(own)) if n in names), None)
        if rank is None or path in taken or not _can_be(kind, column, values):
            continue
        ranked.append((rank, len(path), path))
    return min(ranked)[2] if ranked else ""


def _can_be(kind: str, column: str, values: Sequence[str | None]) -> bool:
    if kind == "instant":
        return bool(time_format(values)) or bool(
            format_among([v.strip() for v in values if v and v.strip()] or [""], DATES)
        )
    if column == "url":
        return type_of(values) in ("URL", "path of a URL")
    if column in ("user_id", "visit_id"):
        return type_of(values) not in ("time with zone", "time without zone", "URL", "boolean")
    return True


def _time(
    column: str, path: str, values: Sequence[str | None], zone: str, proposal: _Proposal
) -> object:
    form = time_format(values)
    if form == "iso" and type_of(values) == "time with zone":
        return path
    if form.startswith("epoch") or "%z" in form:
        return {"path": path, "time": form}
    proposal.notes[column] = "the zone is assumed: it is that of the policy"
    if not form:
        given = [value.strip() for value in values if value and value.strip()]
        form = format_among(given or [""], DATES) or "?"
    if is_ambiguous(values, form):
        proposal.notes[column] += "; day and month may be the other way round"
    return {"path": path, "time": form, "zone": zone}


def _date(column: str, path: str, values: Sequence[str | None], proposal: _Proposal) -> object:
    given = [value.strip() for value in values if value and value.strip()]
    form = format_among(given or [""], DATES)
    if not form or form == "%Y-%m-%d":
        return path
    if is_ambiguous(values, form):
        proposal.notes[column] = "day and month may be the other way round"
    return {"path": path, "date": form}


def _complete_visits(sample: _FileSample, chosen: Mapping[str, str], proposal: _Proposal) -> None:
    url = chosen.get("url")
    if url and type_of(sample.values[url]) == "path of a URL":
        proposal.columns["url"] = {"join": [{"constant": "https://HOST"}, url]}
        proposal.notes["url"] = "the file has paths: write the host of the site"
    own = chosen.get("visit_id")
    values = [value for value in sample.values[own] if value] if own else []
    if own and len(set(values)) == len(sample.values[own]):
        return
    parts = [chosen[name] for name in ("user_id", "occurred_at", "url") if name in chosen]
    if parts:
        proposal.columns["visit_id"] = {"compose": parts}
        proposal.notes["visit_id"] = "no column is different in every row: equal visits count once"


def _written(table: str, settings: Mapping[str, object], proposal: _Proposal) -> str:
    """The YAML text."""
    lines = [f"{table}:", "  NAME:  # a name of your own: small letters, digits, _"]
    lines += [f"    {key}: {_flow(value)}" for key, value in settings.items()]
    if proposal.columns:
        lines.append("    columns:")
    order = [name for name in TABLES[table].columns if name in proposal.columns]
    for column in order:
        note = f"  # {proposal.notes[column]}" if column in proposal.notes else ""
        lines.append(f"      {column}: {_flow(proposal.columns[column])}{note}")
    return "\n".join(lines) + "\n"


def _flow(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)
    return str(text).strip().removesuffix("...").strip()


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _layout(file: Path, table: str, raw: Path) -> tuple[str, str]:
    """Location and pattern of files like this one; a date in the path becomes a placeholder."""
    file = file.absolute()
    inside = raw.absolute() in file.parents
    parts = file.relative_to(raw.absolute()).parts if inside else file.parts[1:]
    dated = [number for number, part in enumerate(parts) if _with_day(part) != part]
    first = min(dated, default=len(parts) - 1)
    location = "/".join(parts[:first])
    if not inside:
        location = f"/{location}"
    elif not location:  # the raw zone itself
        location = str(raw.absolute())
    pattern = [_with_day(part) for part in parts[first:]]
    if table not in BY_DAY:
        pattern = [_DATE.sub("*", _PLAIN_DATE.sub("*", part)) for part in parts[first:]]
    elif not dated:
        pattern[-1] = "{day}" + "".join(file.suffixes)
    return location, "/".join(pattern)


def _with_day(part: str) -> str:
    return _PLAIN_DATE.sub("{yyyymmdd}", _DATE.sub("{day}", part))


def _sample(file: Path) -> _FileSample:
    try:
        if file.suffix == ".parquet":
            return _of_parquet(file)
        content = _beginning(file)
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError([Fault(str(file), why_unreadable(error))]) from None
    text = content.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()][: source_limits.SAMPLE_ROWS]
    if not lines or "\x00" in text:
        raise ConfigurationError([Fault(str(file), "it is no CSV, JSON lines or Parquet")])
    if lines[0].lstrip().startswith("{"):
        return _of_lines(file, lines)
    return _of_csv(file, text)


def _beginning(file: Path) -> bytes:
    """The first bytes, expanded, up to the end of a line."""
    with file.open("rb") as raw:
        compression = _COMPRESSIONS.get(file.suffix)
        stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), compression) if compression \
            else raw  # fmt: skip
        content: bytes = stream.read(source_limits.SAMPLE_BYTES)
    whole = len(content) < source_limits.SAMPLE_BYTES
    return content if whole else content[: content.rfind(b"\n") + 1]


def _of_csv(file: Path, text: str) -> _FileSample:
    header = text.splitlines()[0]
    counts = {mark: header.count(mark) for mark in _DELIMITERS}
    delimiter = max(counts, key=lambda mark: counts[mark])
    if not counts[delimiter]:
        raise ConfigurationError([Fault(str(file), "its first line has no delimiter")])
    quoted = not (delimiter == "\t" and re.search(r'[^\t\n"]"[^\t\n"]', text))
    lines = io.StringIO(text, newline="")
    rows = (
        csv.reader(lines, delimiter=delimiter)
        if quoted
        else csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    )
    names = next(rows)
    values: dict[str, list[str | None]] = {name: [] for name in names}
    for number, row in enumerate(rows):
        if number == source_limits.SAMPLE_ROWS:
            break
        if len(row) == len(names):
            for name, value in zip(names, row, strict=True):
                values[name].append(value or None)
    columns = (
        frozenset(values) if len(values) == len(names) else frozenset(map(str, range(len(names))))
    )
    return _FileSample("csv", values, columns, _DELIMITERS[delimiter], quoted)


def _of_lines(file: Path, lines: Sequence[str]) -> _FileSample:
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    rows = [row for row in rows if isinstance(row, dict)]
    if not rows:
        raise ConfigurationError([Fault(str(file), "no line is a JSON object")])
    return _FileSample("json", _by_path(rows), frozenset(key for row in rows for key in row))


def _of_parquet(file: Path) -> _FileSample:
    read = pq.ParquetFile(file)
    batch = next(read.iter_batches(source_limits.SAMPLE_ROWS), None)
    rows = batch.to_pylist() if batch is not None else []
    return _FileSample("parquet", _by_path(rows), frozenset(read.schema_arrow.names))


def _by_path(rows: Sequence[Mapping[str, object]]) -> dict[str, list[str | None]]:
    values: dict[str, list[str | None]] = {}
    for number, row in enumerate(rows):
        for path, value in _leaves(row, "", 0):
            column = values.setdefault(path, [None] * len(rows))
            column[number] = value
    return values


def _leaves(value: object, path: str, depth: int) -> Iterator[tuple[str, str | None]]:
    """The path of each single value; of a list of keyed objects one for each key."""
    if depth > source_limits.MOST_DEPTH:
        return
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = f"`{key}`" if re.search(r"[.\[\]=]", str(key)) else str(key)
            yield from _leaves(inner, f"{path}.{name}" if path else name, depth + 1)
    elif isinstance(value, list):
        for each in value:
            if isinstance(each, Mapping) and isinstance(each.get("key"), str):
                rest = {key: inner for key, inner in each.items() if key != "key"}
                yield from _leaves(rest, f"{path}[key={each['key']}]", depth + 1)
    elif value is not None and not isinstance(value, bytes):
        yield path, str(value).lower() if isinstance(value, bool) else str(value)
