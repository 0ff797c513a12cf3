"""Objections fail closed: read tolerantly, never lost, never acting against somebody else.

Every person of this world counts unless an objection of theirs is seen. What holds for one format
holds for all three.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pytest
from raw_world import (
    COLUMNS,
    DAY,
    NO_DECISIONS,
    Row,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    consent,
    profile,
    request_of,
)

from anonymizer.counting.eligibility import find_eligible
from anonymizer.intake.objection_review import review
from anonymizer.intake.objections import Decisions, RowPlace, Treatment
from anonymizer.intake.vocabulary import GRANTED_WORDS, PURPOSE_WORDS, REQUEST_WORDS, plain_words
from anonymizer.model.errors import Held, InputRejected
from anonymizer.storage.engines.duckdb import DuckDB

TREATMENTS = get_args(Treatment)
PEOPLE = ("ann", "ben", "eve", *(f"p{number}" for number in range(40)))
PURPOSES = ("use", "disclosure", "advertising_cookies", "marketing")
COUNTS = "counts"
FORMATS: dict[str, Callable[[Sequence[Row]], bytes]] = {
    "csv": as_csv,
    "jsonl": as_json_lines,
    "parquet": as_parquet,
}
REQUEST_HEADER = ",".join(COLUMNS["requests"])
CONSENT_HEADER = ",".join(COLUMNS["consents"])
AT = "2025-12-01T10:00:00+07:00"


@pytest.fixture(params=FORMATS)
def ending(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(world: World) -> World:
    """Everybody granted everything in 2021; no requests."""
    world.put(f"profiles/day={DAY}/p.csv", as_csv([profile(person) for person in PEOPLE]))
    grants = [
        consent(person, purpose=purpose, decided_at="2021-01-01T00:00:00+07:00")
        for person in PEOPLE
        for purpose in PURPOSES
    ]
    world.put("consents/c.csv", as_csv(grants))
    (world.home.raw / "requests" / "r.csv").unlink()
    return world


def key_of(world: World, person: str) -> bytes:
    return hashlib.sha256(world.secret.derive("person") + person.encode()).digest()[:16]


def outcomes(world: World, decisions: Decisions = NO_DECISIONS) -> dict[str, str]:
    """Why people do not count, after a run of the day's first two stages; the others count."""
    world.take_in(decisions=decisions)
    with DuckDB(memory_megabytes=300, threads=1, spill=None) as engine:
        find_eligible(engine, world.home, DAY, world.policy, world.secret)
    counted = {row["person_key"] for row in world.rows("people")}
    reasons = {row["person_key"]: row["reason"] for row in world.rows("excluded")}
    keys = {person: key_of(world, person) for person in PEOPLE}
    # Of who is erased nothing is there that could be excluded.
    return {
        person: reasons.get(key, "erased") for person, key in keys.items() if key not in counted
    }


def put_requests(world: World, ending: str, *rows: Row) -> bytes:
    content = FORMATS[ending](rows)
    world.put(f"requests/r.{ending}", content)
    return content


def put_consents(world: World, ending: str, *rows: Row) -> None:
    world.put(f"consents/more.{ending}", FORMATS[ending](rows))


def unread(world: World) -> dict[tuple[str, int], tuple[str, str, bool]]:
    """Column, reason and whether the person is known of each unread row, by file and row."""
    with DuckDB(memory_megabytes=300, threads=1, spill=None) as engine:
        rows = review(world.home.raw, world.policy, world.secret, engine).unread
    return {(r.file, r.place.row): (r.column, r.reason, r.person_known) for r in rows}


# --- what can be read


KINDS = {
    "erased": [
        *("erase", "Erase", " ERASE\t", "erasure", "Deletion", "delete", "forget", "Forget-Me"),
        *(
            "right to be forgotten",
            "hapus",
            "HAPUS data",
            "penghapusan",
            "\uff45rase",
            "era\u200bse",
        ),
    ],
    "withdrawn": [
        *("withdraw", "WITHDRAW", "Withdrawal", "opt-out", "opt_out", "Opt Out", "OPTOUT"),
        *("opt\u2011out", "unsubscribe", "revoke", "tarik", "Penarikan", "cabut", "with draw"),
    ],
    COUNTS: [
        *("access", "Akses", "DSAR", "data-access", "correct", "Correction", "rectify"),
        *("perbaiki", "KOREKSI"),
    ],
}


def test_a_request_is_read_however_it_is_spelled(ending: str, world: World) -> None:
    spelled = [(kind, reason) for reason, kinds in KINDS.items() for kind in kinds]
    rows = [request_of(f"p{n}", kind=kind, requested_at=AT) for n, (kind, _) in enumerate(spelled)]
    put_requests(world, ending, *rows)
    expected = {f"p{n}": reason for n, (_, reason) in enumerate(spelled) if reason != COUNTS}
    assert outcomes(world) == expected
    assert unread(world) == {}


REFUSALS = ["false", "False", "F", "no", "NO", " n ", "0", "tidak", "Tolak", "denied", "revoked"]
GRANTS = ["true", "TRUE", "t", "yes", "Y", "1", "ya", "Setuju"]


def test_an_answer_is_read_however_it_is_spelled(ending: str, world: World) -> None:
    rows = [
        consent(f"p{n}", purpose="Disclosure", granted=word, decided_at=AT)
        for n, word in enumerate((*REFUSALS, *GRANTS))
    ]
    put_consents(world, ending, *rows)
    assert outcomes(world) == {f"p{n}": "no_consent_disclosure" for n in range(len(REFUSALS))}
    assert unread(world) == {}


@pytest.mark.alternate("objections of every form")
def test_a_purpose_is_read_however_it_is_spelled(world: World) -> None:
    spelled = ("advertising_cookies", "Advertising Cookies", "COOKIE-IKLAN")
    put_consents(
        world,
        "csv",
        *(consent(f"p{n}", purpose=word, granted="no", decided_at=AT)
          for n, word in enumerate(spelled)),
    )  # fmt: skip
    world.take_in()
    refused = [row["purpose"] for row in world.rows("consents") if not row["granted"]]
    assert refused == ["advertising_cookies"] * len(spelled)


@pytest.mark.parametrize("types", [{"granted": pa.bool_()}, {"granted": pa.int8()}], ids=str)
def test_an_answer_by_type_is_one_by_word(types: dict[str, pa.DataType], world: World) -> None:
    number = types["granted"] == pa.int8()
    rows = [
        consent("ann", purpose="use", granted=0 if number else False, decided_at=AT),
        consent("ben", purpose="use", granted=1 if number else True, decided_at=AT),
        consent("eve", purpose="use", granted=None, decided_at=AT),
    ]
    world.put("consents/more.parquet", as_parquet(rows, types))
    expected = {"ann": "no_consent_use", "eve": "no_consent_use"}
    assert outcomes(world) == expected
    (world.home.raw / "consents" / "more.parquet").unlink()
    world.put("consents/more.jsonl", as_json_lines(rows))
    assert outcomes(world) == expected


def test_what_only_looks_like_a_grant_is_a_refusal(ending: str, world: World) -> None:
    words = ("-1", "1-", "_1", "1.0", "yes?", "not yes", "2", "\u22121", "yes no", "tr\tue.")
    rows = [
        consent(f"p{n}", purpose="use", granted=word, decided_at=AT) for n, word in enumerate(words)
    ]
    put_consents(world, ending, *rows)
    assert outcomes(world) == {f"p{n}": "no_consent_use" for n in range(len(words))}


def test_the_contract_page_lists_the_words_that_are_read() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "raw-contract.md").read_text("utf-8")
    listed = {
        (column, meaning): set(words.split(", "))
        for column, meaning, words in re.findall(
            r"^\| (kind|purpose|granted) \| `(\w+)` \| (.*) \|$", page, re.MULTILINE
        )
    }
    assert listed == {
        (column, meaning): set(words)
        for column, meanings in (
            ("kind", REQUEST_WORDS),
            ("purpose", PURPOSE_WORDS),
            ("granted", GRANTED_WORDS),
        )
        for meaning, words in meanings.items()
    }


@pytest.mark.parametrize("words", [REQUEST_WORDS, PURPOSE_WORDS, GRANTED_WORDS])
def test_a_word_means_one_thing_and_is_in_its_plain_form(words: dict[str, tuple[str, ...]]) -> None:
    every = [word for spellings in words.values() for word in spellings]
    assert len(set(every)) == len(every)
    assert plain_words(pa.array(every)).to_pylist() == every


# --- what cannot be read, of a person who is known


UNREAD_REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "erase please"}, "kind", "not_in_domain"),
    ({"kind": "x"}, "kind", "not_in_domain"),
    ({"kind": None}, "kind", "not_in_domain"),
    ({"kind": ""}, "kind", "not_in_domain"),
    ({"kind": "e" * 9_000}, "kind", "too_long"),
    ({"kind": "access", "requested_at": "soon"}, "requested_at", "bad_time"),
    ({"kind": "access", "requested_at": None}, "requested_at", "no_time"),
    ({"kind": "correct", "requested_at": "2025-12-01 10:00"}, "requested_at", "naive_time"),
    ({"kind": "correct", "requested_at": "1970-01-01T00:00:00Z"}, "requested_at", "time_range"),
]


def test_a_request_that_cannot_be_read_excludes_its_person(ending: str, world: World) -> None:
    faults = enumerate(UNREAD_REQUESTS)
    rows = [request_of(f"p{n}", **{"requested_at": AT, **fault}) for n, (fault, _, _) in faults]
    put_requests(world, ending, *rows)
    excluded = {f"p{n}": "unread_objection" for n in range(len(rows))}
    assert outcomes(world) == excluded
    assert unread(world) == {
        (f"requests/r.{ending}", n): (column, reason, True)
        for n, (_, column, reason) in enumerate(UNREAD_REQUESTS, start=1)
    }
    # Nothing that was agreed to later brings the person back.
    again = [
        consent(f"p{n}", purpose=purpose, decided_at="2025-12-31T00:00:00Z")
        for n in range(len(rows))
        for purpose in PURPOSES
    ]
    put_consents(world, "csv", *again)
    assert outcomes(world) == excluded


def test_a_readable_objection_acts_whatever_else_is_wrong(ending: str, world: World) -> None:
    rows = [
        request_of("p1", kind="erase", request_id=None, requested_at="x"),
        request_of("p2", kind="withdraw", request_id="", requested_at="2025-12-01 10:00"),
        request_of("p3", kind="withdraw", request_id="r" * 9_000, requested_at=AT),
    ]
    put_requests(world, ending, *rows)
    assert outcomes(world) == {"p1": "erased", "p2": "withdrawn", "p3": "withdrawn"}


UNREAD_CONSENTS: list[tuple[dict[str, Any], set[str]]] = [
    ({"granted": None}, {"use"}),
    ({"granted": ""}, {"use"}),
    ({"granted": "maybe"}, {"use"}),
    ({"granted": "false", "decided_at": "2025-12-01 10:00:00"}, {"use"}),
    ({"granted": "true", "decided_at": "01/12/2025"}, {"use"}),
    ({"granted": "true", "decided_at": None}, {"use"}),
    ({"purpose": "sale", "granted": "false"}, set(PURPOSES)),
    ({"purpose": "x" * 9_000, "granted": "false"}, set(PURPOSES)),
    ({"purpose": None}, set(PURPOSES)),
]


def test_a_consent_that_cannot_be_read_is_a_refusal(ending: str, world: World) -> None:
    rows = [
        consent(f"p{n}", **{"decided_at": AT, **fault})
        for n, (fault, _) in enumerate(UNREAD_CONSENTS)
    ]
    put_consents(world, ending, *rows)
    assert outcomes(world) == {f"p{n}": "no_consent_use" for n in range(len(rows))}
    refused = [(r["person_key"], r["purpose"]) for r in world.rows("consents") if not r["granted"]]
    assert sorted(refused) == sorted(
        (key_of(world, f"p{n}"), purpose)
        for n, (_, lost) in enumerate(UNREAD_CONSENTS)
        for purpose in lost
    )
    assert [known for _, _, known in unread(world).values()] == [True] * len(rows)


def test_an_unread_consent_with_a_time_gives_way_to_a_later_grant(
    ending: str, world: World
) -> None:
    again = consent("ann", purpose="use", decided_at="2025-12-05T00:00:00Z")
    put_consents(world, ending, consent("ann", purpose="use", granted="", decided_at=AT), again)
    assert outcomes(world) == {}
    put_consents(world, ending, consent("ann", purpose="use", granted="", decided_at="x"), again)
    assert outcomes(world) == {"ann": "no_consent_use"}


@pytest.mark.alternate("objections of every form")
def test_a_row_with_other_fields_excludes_whose_id_is_certain(world: World) -> None:
    rows = (f"r,p0,erase,{AT},by phone", "r,p1,erase", f"r,p2,withdraw,{AT},,", "r,p3,hapus")
    world.put("requests/r.csv", "\n".join((REQUEST_HEADER, *rows, "")).encode())
    assert outcomes(world) == {f"p{n}": "unread_objection" for n in range(len(rows))}
    assert set(unread(world).values()) == {("", "field_count", True)}


@pytest.mark.alternate("objections of every form")
def test_a_consent_with_other_fields_refuses_every_purpose(world: World) -> None:
    rows = (f"p0,use,false,{AT},by phone", "p1,disclosure,false", "p2,use")
    world.put("consents/more.csv", "\n".join((CONSENT_HEADER, *rows, "")).encode())
    assert outcomes(world) == {f"p{n}": "no_consent_use" for n in range(len(rows))}
    refused = [row for row in world.rows("consents") if not row["granted"]]
    assert len(refused) == len(rows) * len(PURPOSES)


@pytest.mark.parametrize(
    "row",
    [
        "r,ann,ben,erase,{at}",  # a comma too many before the id: it would be ann or ben
        "ann,erase,{at}",  # the id is where the request's id belongs
        "r1,ann",  # it may have been cut off in the middle of the id
        '"r1,ann,erase,{at}',
    ],
)
def test_a_row_whose_id_is_not_certain_acts_against_nobody_and_holds(
    row: str, world: World
) -> None:
    world.put("requests/r.csv", f"{REQUEST_HEADER}\n{row.format(at=AT)}\n".encode())
    with pytest.raises((Held, InputRejected)) as caught:
        world.take_in()
    assert "ann" not in str(caught.value)


REPEATED = {
    '"kind":"access","kind":"erase"': "unread_objection",
    '"kind":"erase","kind":"access"': "unread_objection",
    '"kind":"access","kind":"access"': "unread_objection",
    '"kind":"access","requested_at":"2025-12-01T00:00:00Z"': "unread_objection",
    '"kind":"erase","requested_at":"2025-12-01T00:00:00Z"': "erased",
}


@pytest.mark.alternate("objections of every form")
def test_a_repeated_key_is_not_taken_for_its_last_value(world: World) -> None:
    lines = [
        f'{{"request_id":"r{n}","user_id":"p{n}",{keys},"requested_at":"{AT}"}}\n'
        for n, keys in enumerate(REPEATED)
    ]
    world.put("requests/r.jsonl", "".join(lines).encode())
    assert outcomes(world) == {f"p{n}": reason for n, reason in enumerate(REPEATED.values())}


@pytest.mark.alternate("objections of every form")
def test_bytes_that_are_no_text_exclude_their_person(world: World) -> None:
    row = f"r1,ann,er\xffase,{AT}".encode("latin-1")
    world.put("requests/r.csv", REQUEST_HEADER.encode() + b"\n" + row + b"\n")
    assert outcomes(world) == {"ann": "unread_objection"}


@pytest.mark.alternate("objections of every form")
def test_a_kind_that_is_no_text_excludes_its_person(world: World) -> None:
    values: list[object] = [5.5, ["erase"], {"a": 1}, True, 7]
    rows = [request_of(f"p{n}", kind=value) for n, value in enumerate(values)]
    world.put("requests/r.jsonl", as_json_lines(rows))
    assert outcomes(world) == {f"p{n}": "unread_objection" for n in range(len(values))}


# --- what cannot be read, of nobody known


@pytest.mark.parametrize("table", ["requests", "consents"])
def test_a_row_without_a_user_id_holds_the_release(table: str, ending: str, world: World) -> None:
    users = (None, "", "  ", "unknown", "0", "NULL")
    rows = [request_of(u) if table == "requests" else consent(u, granted="false") for u in users]
    world.put(f"{table}/x.{ending}", FORMATS[ending](rows))
    with pytest.raises(Held) as caught:
        world.take_in()
    assert caught.value.reason == "objection_unreadable"
    for number in range(1, len(users) + 1):
        assert f"{table}/x.{ending} row {number}, user_id: " in str(caught.value)
    assert "audience rights review" in str(caught.value)
    pointers = [row for row in world.rows("quarantine") if row["raw_table"] == table]
    assert [row["column"] for row in pointers] == ["user_id"] * len(users)
    assert not world.home.working_file("visits", DAY).exists()


@pytest.mark.parametrize(
    "line",
    [
        b'{"request_id":"r1","user_id":"ann","kind":"er',
        b'["r1","ann","erase"]',
        b'{"request_id":"r1","user_id":"ann","user_id":"ben","kind":"erase"}',
        b'{"request_id":"r1","user_id":7001.0,"kind":"erase"}',
        b'{"request_id":"r1","user_id":"a\xffnn","kind":"erase"}',
    ],
)
def test_a_line_of_which_no_id_can_be_taken_holds_the_release(line: bytes, world: World) -> None:
    good = json.dumps(request_of("eve", kind="access")).encode()
    world.put("requests/r.jsonl", good + b"\n" + line + b"\n")
    with pytest.raises(Held, match="objection_unreadable") as caught:
        world.take_in()
    assert "requests/r.jsonl row 2" in str(caught.value)
    assert "ann" not in str(caught.value)


# --- decisions


def test_an_unread_request_counts_as_what_was_decided(ending: str, world: World) -> None:
    rows = [request_of(f"p{n}", kind="?", requested_at=AT) for n in range(len(TREATMENTS) + 1)]
    digest = hashlib.sha256(put_requests(world, ending, *rows)).hexdigest()
    decided = {RowPlace(digest, n): treatment for n, treatment in enumerate(TREATMENTS, start=1)}
    undecided = f"p{len(TREATMENTS)}"
    assert outcomes(world, decided) == {
        f"p{TREATMENTS.index('erase')}": "erased",
        f"p{TREATMENTS.index('withdraw')}": "withdrawn",
        undecided: "unread_objection",
    }


def test_a_decision_is_about_a_file_wherever_it_lies(ending: str, world: World) -> None:
    content = put_requests(world, ending, request_of("", kind="erase"), request_of("ann", kind="?"))
    digest = hashlib.sha256(content).hexdigest()
    decided: dict[RowPlace, Treatment] = {
        RowPlace(digest, 1): "ignored",
        RowPlace(digest, 2): "ignored",
    }
    assert outcomes(world, decided) == {}
    path = world.home.raw / "requests" / f"r.{ending}"
    path.rename(path.with_name(f"again.{ending}"))
    world.put(f"requests/copy.{ending}", content)
    assert outcomes(world, decided) == {}
    put_requests(world, ending, request_of("", kind="erase"), request_of("eve", kind="access"))
    with pytest.raises(Held, match="objection_unreadable"):
        world.take_in(decisions=decided)


def test_an_unread_consent_that_is_ignored_refuses_nothing(ending: str, world: World) -> None:
    put_consents(world, ending, consent("ann", purpose="use", granted="?", decided_at=AT))
    path = world.home.raw / "consents" / f"more.{ending}"
    place = RowPlace(hashlib.sha256(path.read_bytes()).hexdigest(), 1)
    assert outcomes(world) == {"ann": "no_consent_use"}
    assert outcomes(world, {place: "ignored"}) == {}


# --- accounts


@pytest.mark.alternate("objections of every form")
def test_the_account_has_every_row_and_the_bytes_do_not_depend_on_files(world: World) -> None:
    bad = [
        request_of("ann", kind="?", requested_at=AT),
        request_of("ben", kind="erase", requested_at=AT),
        request_of("eve", kind="access", requested_at=AT),
        request_of("eve", kind="access", requested_at=AT),
        request_of("eve", kind="access", requested_at="soon"),
    ]
    refusals = [
        consent("ann", purpose="use", granted="?", decided_at=AT),
        consent("ben", purpose=None, granted="?", decided_at=AT),
    ]
    written = []
    for cut in (5, 2):
        for path in (world.home.raw / "requests").iterdir():
            path.unlink()
        put_consents(world, "jsonl", *refusals[:: 1 if cut == 5 else -1])
        put_requests(world, "csv", *bad[:cut])
        if bad[cut:]:
            world.put("requests/rest.jsonl", as_json_lines(bad[cut:][::-1]))
        intake = world.take_in()
        requests, consents = intake.accounts["requests"], intake.accounts["consents"]
        assert (requests.read, requests.counted, requests.duplicates) == (5, 2, 1)
        assert requests.quarantined == {"not_in_domain": 1, "bad_time": 1}
        assert (consents.read, consents.quarantined) == (4 * len(PEOPLE) + 2, {"not_in_domain": 2})
        assert consents.excluded == {"erased": 4}
        assert [str(w) for w in intake.warnings if w.code == "unread"] == [
            "consents: unread (2)",
            "requests: unread (2)",
        ]
        assert len(intake.unread) == 4
        files = world.written()
        written.append([files[f"{name}/day={DAY}.parquet"] for name in ("requests", "consents")])
        # Nothing of somebody erased goes on, a refusal neither.
        people = {row["person_key"] for row in world.rows("consents")}
        assert key_of(world, "ben") not in people
    assert written[0] == written[1]


def test_a_review_tells_files_rows_and_reasons_and_writes_nothing(world: World) -> None:
    put_requests(world, "csv", request_of("ann", kind="?"), request_of("eve", kind="access"))
    world.put("requests/x.jsonl", as_json_lines([request_of("", kind="erase")]))
    put_consents(world, "parquet", consent("ben", granted="?"))
    world.put("consents/broken.parquet", b"PAR1 but not for long")
    with DuckDB(memory_megabytes=300, threads=1, spill=None) as engine:
        found = review(world.home.raw, world.policy, world.secret, engine)
    assert [str(row) for row in found.unread] == [
        "consents/more.parquet row 1, granted: not_in_domain",
        "requests/r.csv row 1, kind: not_in_domain",
        "requests/x.jsonl row 1, user_id: no_user",
    ]
    assert [refusal.file for refusal in found.rejected] == ["consents/broken.parquet"]
    request, other = found.requests
    assert (request.file, request.place.row, request.kind) == ("requests/r.csv", 2, "access")
    assert (other.file, other.place.row, other.kind) == ("requests/r.csv", 1, "unread")
    assert request.requested_at == datetime(2025, 12, 30, 17, tzinfo=UTC)
    assert "eve" not in repr(found)
    assert world.written() == {}
