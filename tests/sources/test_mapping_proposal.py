"""`audience source guess` proposes a mapping that works, for files nobody has described."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from anonymizer.model.errors import ConfigurationError
from anonymizer.sources.mapping_proposal import propose
from anonymizer.sources.source_catalogue import parse_sources

SECRET = "siti-rahasia"
NESTED = {
    "event": {"id": "e-{n}", "time": "{ms}", "other": None},
    "user": {"id": SECRET + "{n}", "email": SECRET},
    "props": [
        {"key": "referrer", "value": SECRET},
        {"key": "page_url", "value": "https://x.example/{n}"},
    ],
}


def proposed(file: Path, table: str = "visits") -> dict[str, object]:
    raw = next(folder for folder in file.parents if folder.name == "raw")
    text = propose(file, table, raw, "Asia/Jakarta")
    assert SECRET not in text, "no value of the file"
    named = text.replace("NAME:", "web:")
    parse_sources(named)
    content: dict[str, object] = yaml.safe_load(named)[table]["web"]
    return content


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def filled(value: object, n: int) -> object:
    if isinstance(value, dict):
        return {key: filled(inner, n) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, n) for inner in value]
    if isinstance(value, str):
        return value.replace("{n}", str(n)).replace("{ms}", str(1_767_232_800_000 + n))
    return value


def test_an_indonesian_log(tmp_path: Path) -> None:
    rows = "".join(
        f"{n};{13 + n % 10}/01/2026 10.{n:02d}.00;{SECRET}{n % 3};https://x.example/;Mozilla\n"
        for n in range(30)
    )
    file = write(
        tmp_path, "log/akses_20260101.csv", "no;waktu;id_pelanggan;halaman;peramban\n" + rows
    )
    assert proposed(file) == {
        "location": "log",
        "files": "akses_{yyyymmdd}.csv",
        "format": "csv",
        "delimiter": ";",
        "columns": {
            "visit_id": {"compose": ["id_pelanggan", "waktu", "halaman"]},
            "user_id": "id_pelanggan",
            "occurred_at": {"path": "waktu", "time": "%d/%m/%Y %H.%M.%S", "zone": "Asia/Jakarta"},
            "url": "halaman",
            "user_agent": "peramban",
        },
    }


def test_nested_json_lines(tmp_path: Path) -> None:
    lines = "".join(json.dumps(filled(NESTED, n)) + "\n" for n in range(20))
    file = write(tmp_path, "events/2026/a.jsonl", lines)
    found = proposed(file)
    assert found["format"] == "json"
    assert found["columns"] == {
        "visit_id": "event.id",
        "user_id": "user.id",
        "occurred_at": {"path": "event.time", "time": "epoch_ms"},
        "url": "props[key=page_url].value",
    }


def test_nested_parquet_without_a_user(tmp_path: Path) -> None:
    rows = [filled({key: NESTED[key] for key in ("event", "props")}, n) for n in range(20)]
    file = tmp_path / "raw" / "day=2026-01-01" / "part-0.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), file)
    text = propose(file, "visits", tmp_path / "raw", "Asia/Jakarta")
    assert "user_id: '?'  # no column looks like it: name one" in text
    assert f"location: {tmp_path / 'raw'}\n    files: day={{day}}/part-0.parquet" in text


@pytest.mark.parametrize(
    ("preset", "name", "content"),
    [
        (
            "ga4",
            "ga4/events_20260101/0.jsonl",
            '{"event_timestamp": "1", "event_params": [], "user_pseudo_id": "x"}\n',
        ),
        (
            "segment",
            "s/2026-01-01/a.json",
            '{"messageId": "1", "anonymousId": "x", "type": "page"}\n',
        ),
        ("matomo", "m/2026-01-01.csv", "idlink_va,user_id,server_time,name\n1,2,3,4\n"),
        ("snowplow", "sp/2026-01-01/a.tsv", "\t".join(f"f{n}" for n in range(131)) + "\n"),
    ],
)
def test_a_known_layout_is_recognised(tmp_path: Path, preset: str, name: str, content: str) -> None:
    assert proposed(write(tmp_path, name, content))["preset"] == preset


def test_profiles_with_days_of_birth(tmp_path: Path) -> None:
    rows = "".join(f"{n},L,{13 + n % 9}-02-1990,2024-05-01 08:00\n" for n in range(20))
    file = write(
        tmp_path, "crm/2026-01-01.csv", "id_pelanggan,jenis_kelamin,tgl_lahir,tgl_daftar\n" + rows
    )
    assert proposed(file, "profiles")["columns"] == {
        "user_id": "id_pelanggan",
        "gender": "jenis_kelamin",
        "birth_date": {"path": "tgl_lahir", "date": "%d-%m-%Y"},
        "registered_at": {"path": "tgl_daftar", "time": "iso", "zone": "Asia/Jakarta"},
    }


@pytest.mark.parametrize("content", ["", "\x00\x01\n", "{not json\n", "one column\n1\n"])
def test_what_is_no_log_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigurationError):
        propose(write(tmp_path, "x/a.csv", content), "visits", tmp_path / "raw", "UTC")
