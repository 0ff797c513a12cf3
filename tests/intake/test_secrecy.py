"""Nothing identifying leaves intake; what it writes depends on the rows and the secret alone."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_world import (
    DAY,
    World,
    as_csv,
    as_json_lines,
    as_parquet,
    campaign,
    consent,
    profile,
    request_of,
    typed_parquet,
    visit,
)

from anonymizer.intake import row_validation
from anonymizer.model.errors import Held, InputsRejected
from anonymizer.storage.secret import Secret

CANARY = "kanari"
MANY = 30


def planted(table: str, row: dict[str, object], only: tuple[str, ...] = ()) -> dict[str, object]:
    """The row with a canary in every text column that may hold one."""
    fixed = {"occurred_at", "registered_at", "closed_at", "birth_date", "purpose", "granted",
             "kind", "decided_at", "requested_at"}  # fmt: skip
    return {
        column: f"{CANARY}-{table}-{column}" if column not in fixed or column in only else value
        for column, value in row.items()
    }


def plant(world: World) -> None:
    """Canaries in sound rows, in quarantined rows and in rows whose casts fail; all formats."""
    visits = [
        planted("v", visit()) | {"url": f"https://shop.example/promo/{CANARY}?q={CANARY}"},
        planted("v", visit()) | {"visit_id": f"{CANARY}-2", "url": f"{CANARY} is no URL"},
        planted("v", visit()) | {"visit_id": f"{CANARY}-3", "occurred_at": f"{CANARY}-time"},
        planted("v", visit()) | {"visit_id": f"{CANARY}-4", "user_agent": CANARY * 2_000},
        planted("v", visit()) | {"visit_id": f"{CANARY}-5", "url": f"https://a/?utm_id={CANARY}"},
    ]
    fill = [visit(f"f{n}", user_id=f"{CANARY}{n}") for n in range(MANY)]
    world.visits(as_csv([*visits, *fill]) + f"{CANARY},short\n".encode())
    world.visits(as_json_lines(visits) + f'["{CANARY}"]\n'.encode(), "x.jsonl")
    world.visits(as_parquet(visits), "x.parquet")
    profiles = [
        planted("p", profile()),
        planted("p", profile("x"), ("birth_date",)) | {"user_id": f"{CANARY}-6"},
        planted("p", profile("x"), ("registered_at",)) | {"user_id": f"{CANARY}-7"},
    ]
    world.put(
        f"profiles/day={DAY}/p.csv",
        as_csv([*profiles, *(profile(f"{CANARY}{n}") for n in range(MANY))]),
    )
    world.put("consents/c.csv", as_csv([
        planted("c", consent()), planted("c", consent(), ("decided_at",)),
        *(consent(f"{CANARY}{n}") for n in range(MANY)),
    ]))  # fmt: skip
    world.put("requests/r.csv", as_csv([planted("r", request_of())]))


def leaks(*folders: Path) -> list[str]:
    return [
        path.name
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes().lower()
    ]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder of everything in this process, and the current one."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(folder)
    yield folder
    assert not list(folder.rglob("*"))


def test_planted_values_are_nowhere_but_in_the_raw_zone(
    world: World, scratch: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    plant(world)
    intake = world.with_policy("intake", max_quarantined_share=0.5).take_in()
    assert {
        "bad_url",
        "bad_time",
        "too_long",
        "field_count",
        "bad_json",
    } <= set(intake.accounts["visits"].quarantined)
    assert intake.accounts["visits"].counted == 2 + MANY
    assert leaks(world.home.raw)
    assert not leaks(world.home.private, scratch)
    said = f"{intake}{caplog.text}{capfd.readouterr()}"
    assert CANARY not in said


def test_messages_of_refusals_and_holds_hold_no_value(world: World) -> None:
    plant(world)
    world.visits(f"{CANARY},{CANARY}2\n{CANARY}\n".encode(), "headless.csv")
    world.visits(as_csv([visit(CANARY)]) + f'"{CANARY}'.encode(), "open.csv")
    world.visits(as_csv([visit(CANARY)]) + (CANARY * 500_000).encode(), "long.csv")
    types = {"user_agent": pa.list_(pa.string())}
    world.visits(as_parquet([visit(user_agent=[CANARY])], types), "typed.parquet")
    cut = as_parquet([visit(CANARY)])[:-20]
    world.visits(cut, "cut.parquet")
    with pytest.raises(InputsRejected) as refused:
        world.take_in()
    assert len(refused.value.files) == 4  # a row of any length costs itself alone
    assert CANARY not in everything_said(refused.value)
    for name in ("headless.csv", "open.csv", "long.csv", "typed.parquet", "cut.parquet"):
        (world.folder() / name).unlink()
    with pytest.raises(Held) as held:
        world.with_policy("intake", max_quarantined_share=0.0).take_in()
    assert CANARY not in everything_said(held.value)
    assert not leaks(world.home.private)


def everything_said(error: BaseException) -> str:
    """The error with all that it carries along, as an event log would keep it."""
    said, seen = "", error
    while seen:
        said += f"{seen!s}{seen!r}{vars(seen)}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)  # type: ignore[assignment]
    return said


def test_an_unforeseen_error_says_its_type_and_place_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"cannot convert {CANARY}")

    monkeypatch.setattr(row_validation.RowValidator, "assess", fail)
    with pytest.raises(Held, match=r"campaigns/c\.csv: RuntimeError") as held:
        world.take_in()
    assert held.value.reason == "intake_failed"
    assert held.value.__context__ is None
    assert CANARY not in everything_said(held.value)


@pytest.mark.alternate("nothing identifying leaves intake")
def test_columns_that_identify_are_never_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    honest = row_validation.RowValidator.assess

    def watch(self, batch, table, arrival):  # type: ignore[no-untyped-def]
        seen.update(batch.rows.schema.names)
        return honest(self, batch, table, arrival)

    monkeypatch.setattr(row_validation.RowValidator, "assess", watch)
    world.visits(typed_parquet("visits", [visit("v2")]), "x.parquet")
    world.visits(as_json_lines([visit("v3")]), "x.jsonl")
    world.take_in()
    assert not seen & {"full_name", "email", "phone", "address", "ip", "cookie_id", "referrer"}


@pytest.mark.alternate("nothing identifying leaves intake")
def test_keys_depend_on_the_secret(world: World) -> None:
    world.take_in()
    before = {row["person_key"] for row in world.rows("visits")}
    world.secret = Secret(b"other" * 8)
    world.take_in()
    assert not before & {row["person_key"] for row in world.rows("visits")}


@pytest.mark.alternate("equal bytes")
def test_order_format_split_names_and_threads_change_no_byte(tmp_path: Path) -> None:
    visits = [
        visit(f"v{n % 90}", user_id=f"u{n % 17}", url=f"https://shop.example/promo/{n % 7}",
              occurred_at=f"2026-01-01T{n % 24:02d}:{n % 3:02d}:00+07:00")
        for n in range(120)
    ]  # fmt: skip
    profiles = [profile(f"u{n % 40}", gender="LP"[n % 2]) for n in range(50)]
    consents = [consent(f"u{n}") for n in range(40)]
    campaigns = [campaign(), campaign(campaign_id="C2", target_regions="31.71;32")]
    written = []
    for shuffle, threads in ((1, 1), (-1, 4), (7, 2)):
        world = World(tmp_path / str(shuffle), threads=threads)
        world.with_policy("intake", max_quarantined_share=0.9)
        ordered = visits[::shuffle] if shuffle < 2 else [visits[n * 7 % 120] for n in range(120)]
        (world.folder() / "v.csv").unlink()
        cut = 40 + shuffle
        world.visits(as_csv(ordered[:cut]), f"{shuffle}.csv")
        world.visits(typed_parquet("visits", ordered[cut:80]), f"a{shuffle}.parquet")
        world.visits(as_json_lines(ordered[80:]), f"m{shuffle}.jsonl")
        folder = f"profiles/day={DAY}"
        world.put(f"{folder}/p.csv", as_csv(profiles[::shuffle][:50] or profiles))
        if shuffle == 7:
            world.put(f"{folder}/p.csv", as_csv(profiles[:3]))
            world.put(f"{folder}/o.parquet", typed_parquet("profiles", profiles[3:]))
        world.put("consents/c.csv", as_csv(consents[:: min(shuffle, 1)]))
        world.put("campaigns/c.csv", as_csv(campaigns[:: min(shuffle, 1)]))
        intake = world.take_in()
        files = {n: c for n, c in world.written().items() if not n.startswith("quarantine")}
        written.append((files, intake.accounts))
    assert written[0] == written[1] == written[2]


@pytest.mark.alternate("equal bytes")
@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Jakarta"])
def test_the_zone_of_the_machine_changes_no_byte(world: World, zone: str) -> None:
    world.with_policy("intake", naive_times="policy_zone")
    rows = [visit("v1", occurred_at="2026-01-01T00:30:00"), visit("v2")]
    world.visits(as_csv(rows))
    world.take_in()
    here = world.written()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path;"
        "from raw_world import *; w = World.existing(Path(sys.argv[2]));"
        "w.with_policy('intake', naive_times='policy_zone').take_in()"
    )
    folder = str(Path(__file__).parent)
    subprocess.run(
        [sys.executable, "-c", program, folder, str(world.root)],
        env={**os.environ, "TZ": zone, "PYTHONHASHSEED": "7"},
        check=True,
    )
    assert world.written() == here


@pytest.mark.alternate("nothing identifying leaves intake")
def test_private_files_have_the_columns_of_the_architecture_page(world: World) -> None:
    world.take_in()
    expected = {
        "campaigns": "campaign_id advertiser_id advertiser_name campaign_name starts_on ends_on "
        "target_regions",
        "profiles": "person_key gender age region account_days closed",
        "consents": "person_key purpose granted decided_at",
        "requests": "request_key person_key kind requested_at",
        **dict.fromkeys(
            ("visits", "late"),
            "visit_key person_key campaign_ids program interest local_day",
        ),
        "quarantine": "raw_table file file_sha256 row_number column reason",
    }
    for stage, columns in expected.items():
        table = pq.read_table(world.home.working_file(stage, DAY))
        assert table.schema.names == columns.split()
    kinds = pq.read_table(world.home.working_file("profiles", DAY)).schema
    assert [str(kinds.field(n).type) for n in ("person_key", "age", "account_days")] == [
        "binary", "int16", "int32"
    ]  # fmt: skip
    kind = pq.read_table(world.home.working_file("consents", DAY)).schema
    assert str(kind.field("decided_at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.alternate("nothing identifying leaves intake")
def test_the_raw_zone_is_left_as_it_was(world: World) -> None:
    plant(world)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns)
              for path in world.home.raw.rglob("*") if path.is_file()}  # fmt: skip
    world.with_policy("intake", max_quarantined_share=1.0).take_in()
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns)
             for path in world.home.raw.rglob("*") if path.is_file()}  # fmt: skip
    assert before == after
