"""An entry that this program cannot understand is named and holds; it never ends the program."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledgers import Store

from anonymizer.model.errors import Held, LedgerBroken
from anonymizer.release.chain import FIRST, forge
from anonymizer.release.entry_forms import read_body
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import read_public_ledger
from anonymizer.storage.files import canonical_json

DEEP = "[" * 100_000
Entry = tuple[str, dict[str, Any] | None, dict[str, Any]]


@pytest.fixture
def ledger(store: Store) -> Ledger:
    """Three entries."""
    ledger = store.open()
    for number in range(1, 4):
        ledger.append("release", f"release-{number}", {"files": {"a": str(number)}}, {"rows": 1})
    return ledger


def held(ledger: Ledger, sequence: int) -> str:
    with pytest.raises(LedgerBroken, match=f"sequence {sequence}: ") as refused:
        ledger.entries()
    assert refused.value.exit_code == 4
    return str(refused.value)


ROWS = [
    "",
    "no JSON",
    "{",
    "null",
    "[]",
    "[1]",
    '"text"',
    "7",
    "-1",
    "NaN",
    "1e999",
    '{"body":{},"kind":"release"}',
    '{"body":[],"kind":"release","subject":"release-2"}',
    '{"body":{},"kind":7,"subject":"release-2"}',
    '{"body":{"x":"\\ud800"},"kind":"release","subject":"release-2"}',
    '{"body":{"x":' + "9" * 5_000 + '},"kind":"release","subject":"release-2"}',
    '{"body":{},"body":{},"kind":"release","subject":"release-2"}',
    DEEP,
]


@pytest.mark.parametrize("column", ["shown", "kept"])
def test_a_row_that_cannot_be_parsed_is_named(column: str, ledger: Ledger, store: Store) -> None:
    store.tamper()
    for content in ROWS:
        store.execute(f"UPDATE ledger SET {column} = '{content}' WHERE sequence = 2")
        told = held(ledger, 2)
        assert "backup" in told
        assert len(told) < 300


@pytest.mark.parametrize("column", ["kind", "subject", "shown", "kept", "previous", "hash"])
def test_text_that_is_not_utf_8_or_no_text_is_named(
    column: str, unguarded: tuple[Ledger, Store]
) -> None:
    ledger, store = unguarded
    for content in ("CAST(X'ff66756c6c' AS TEXT)", "X'7b7d'", "7", "-1.5"):
        store.execute(f"UPDATE ledger SET {column} = {content} WHERE sequence = 2")
        assert "full" not in held(ledger, 2)


@pytest.fixture
def unguarded(tmp_path: Path) -> tuple[Ledger, Store]:
    """SQLite alone keeps what is no text in a column of texts; here without what guards it."""
    store = Store(f"sqlite:///{tmp_path}/ledger.sqlite")
    ledger = store.open()
    for number in range(1, 4):
        ledger.append("release", f"release-{number}", {"files": {"a": str(number)}})
    store.tamper()
    return ledger, store


@pytest.mark.parametrize("moment", ["'yesterday'", "''", "NULL", "7", "X'00'", "'2026-13-01'"])
def test_a_time_that_cannot_be_read_is_named(moment: str, unguarded: tuple[Ledger, Store]) -> None:
    ledger, store = unguarded
    store.execute(f"UPDATE ledger SET recorded_at = {moment} WHERE sequence = 2")
    assert "time of its recording" in held(ledger, 2)


def test_a_sequence_that_is_none_is_named(ledger: Ledger, store: Store) -> None:
    store.tamper("UPDATE ledger SET sequence = -2 WHERE sequence = 2")
    held(ledger, 1)


# --- entries whose chain holds


def write(store: Store, kind: str, shown: dict[str, Any] | None, kept: dict[str, Any]) -> None:
    """An entry of any form, chained as it has to be."""
    public = None if shown is None else {"kind": kind, "subject": "x", "body": shown}
    private = {"kind": kind, "subject": "x", "body": kept}
    link = forge(1, public, private, FIRST)
    columns = (kind, "x", public and canonical_json(public), canonical_json(private))
    quoted = ", ".join("NULL" if c is None else "'" + c.replace("'", "''") + "'" for c in columns)
    store.open()._make_table()
    store.execute(
        "INSERT INTO ledger (sequence, kind, subject, shown, kept, previous, hash) "
        f"VALUES (1, {quoted}, '{FIRST}', '{link.hash}')"
    )


FORMS: list[Entry] = [
    ("release", {"files": ["a"]}, {}),
    ("release", {"files": {"a": 1}}, {}),
    ("release", {"period": "someday"}, {}),
    ("release", {"period": 7}, {}),
    ("release", {}, {"near": {"state": "a", "judged_against": "b", "rounding": -1, "days": 1}}),
    ("release", {}, {"near": {"state": "a", "judged_against": "b", "rounding": 1, "days": -1}}),
    ("release", {}, {"near": {}}),
    ("release", {}, {"secret": None}),
    ("exports", {"files": {"no recipient": "a"}}, {}),
    ("withdrawal", {"reason": 1}, {}),
    ("settings", {"first_day": "soon"}, {}),
    ("settings", {"digests": []}, {}),
    ("objection", None, {"row_number": -4}),
    ("objection", None, {"row_number": True}),
    ("objection", None, {"decided_at": "then"}),
    ("erasure", None, {"requests": "all"}),
    ("requests_taken", None, {"requests": {"a": "yes"}}),
    ("request_done", None, {"at": 5}),
]


@pytest.mark.parametrize("entry", FORMS, ids=lambda entry: json.dumps(entry)[:60])
def test_a_field_of_another_form_is_named(entry: Entry, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/ledger.sqlite")
    write(store, *entry)
    assert "cannot be read" in held(store.open(), 1)


def test_a_later_version_is_asked_for(store: Store) -> None:
    write(store, "release", {"format": 2}, {})
    with pytest.raises(Held, match="sequence 1 of the ledger has another format") as refused:
        store.open().entries()
    assert refused.value.exit_code == 4


def test_a_field_that_is_missing_is_named_when_it_is_asked_for(store: Store) -> None:
    write(store, "release", {}, {})
    entry = store.open().entries()[0]
    with pytest.raises(LedgerBroken, match="sequence 1: it has no 'period'"):
        entry.body["period"]
    assert "near" not in entry.body
    assert entry.body.get("near") is None


def test_what_is_written_is_of_its_form() -> None:
    near = {"state": "a", "judged_against": "b", "rounding": 10, "days": 400}
    body = {"period": "2026-W47", "files": {"a": "b"}, "near": near, "secret": "s"}
    assert read_body(1, "release", body) == body


# --- the public part

LINE = {"sequence": 1, "shown": None, "kept": "a", "previous": FIRST, "hash": "b"}


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "7",
        DEEP,
        json.dumps(LINE | {"sequence": True}),
        json.dumps(LINE | {"sequence": "1"}),
        json.dumps(LINE | {"sequence": -1}),
        json.dumps(LINE | {"hash": None}),
        json.dumps(LINE | {"kept": 7}),
        json.dumps(LINE | {"shown": []}),
        json.dumps(LINE | {"shown": {"kind": "release"}}),
        json.dumps(LINE | {"shown": {"kind": "release", "subject": "x", "body": 1}}),
    ],
    ids=lambda line: line[:50],
)
def test_a_line_of_the_public_part_that_cannot_be_parsed_is_named(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "ledger.jsonl"
    content: Callable[[str], str] = lambda text: (  # noqa: E731
        canonical_json(json.loads(text)) if text.startswith("{") else text
    )
    path.write_text(content(line) + "\n")
    with pytest.raises(LedgerBroken, match=r"line 1 of|sequence 1"):
        read_public_ledger(path)


def test_other_ends_of_lines_are_part_of_a_text(tmp_path: Path) -> None:
    shown = {"kind": "note", "subject": "x", "body": {"text": "one\u2028two\x85three"}}
    link = forge(1, shown, {}, FIRST)
    path = tmp_path / "ledger.jsonl"
    path.write_text(canonical_json(link.__dict__) + "\n", encoding="utf-8", newline="\n")
    assert read_public_ledger(path) == (link,)
