"""`audience source check` finds the mistakes that people make, and shows no value of a person."""

import json

import pyarrow as pa
import pytest
from intake.raw_world import DAY, as_parquet
from log_world import LogWorld

from anonymizer.intake.vocabulary import load_vocabulary
from anonymizer.model.codings import Codings
from anonymizer.model.errors import ConfigurationError
from anonymizer.sources.source_check import SourceCheck, check_source
from anonymizer.sources.source_zone import SourceZone
from anonymizer.storage.engines.duckdb import DuckDB

WEB = """
    visits:
      web:
        location: logs
        files: "{day}.csv"
        format: csv
        columns:
          visit_id: id
          user_id: who
          occurred_at: {path: at, time: "%d/%m/%Y %H:%M:%S", zone: Asia/Jakarta}
          url: page
        keep: {kind: view}
"""
ROWS = 100


def check(world: LogWorld) -> SourceCheck:
    zone = SourceZone.of(world.home)
    (source,) = zone.sources.all
    with DuckDB(memory_megabytes=512, threads=1, spill=None) as engine:
        load_vocabulary(engine, (), (), Codings({}, {}))
        listing = zone.listed(source, zone.zone.root())
        return check_source(listing, world.day, world.policy, world.secret, engine)


def log(at: str = "01/01/2026 {hour:02d}:30:00", who: str = "siti{n}", page: str = "https://x.example/p",
        number: str = "v{n}", day: int = 1) -> str:  # fmt: skip
    lines = ["id,who,at,page,kind,email"]
    for n in range(ROWS):
        facts = {"n": n, "hour": n * 24 // ROWS, "seconds": 1_767_200_400 + n * 860}
        row = ",".join(text.format(**facts) for text in (number, who, at, page))
        lines.append(f"{row},view,siti{n}@x.example")
    return "\n".join([*lines, f"v,u,01/01/2026 01:00:00,{page},click,"]) + "\n"


def test_a_sound_source_has_no_mistakes(world: LogWorld) -> None:
    world.describe(WEB)
    world.deliver({f"logs/{DAY}.csv": log()})
    found = check(world)
    assert not found.mistakes
    assert found.rows == ROWS + 1
    assert found.filtered == 1
    assert dict(found.outcomes) == {"accepted": ROWS}
    assert found.unmapped == ("email",)
    assert dict(found.types)["at"] == "text"
    assert found.examples[0].raw[1] == ("who", "xxxx9")
    assert ("occurred_at", "2026-01-01T00:30:00+07:00") in found.examples[0].mapped
    assert "siti" not in str(found)


@pytest.mark.parametrize(
    ("change", "settings", "mistake"),
    [
        (
            {},
            ("Asia/Jakarta", "UTC"),
            "all would be if the clock were 7 hour(s) earlier: check zone",
        ),
        ({"at": "{seconds}"}, (), "at looks like epoch_s, sources.yaml has no unit"),
        (
            {"at": "{seconds}000"},
            ('time: "%d/%m/%Y %H:%M:%S", zone: Asia/Jakarta', "time: epoch_s"),
            "at looks like epoch_ms, sources.yaml has epoch_s",
        ),
        (
            {"at": "2026-01-01 {hour:02d}:30"},
            (),
            "cannot be read as '%d/%m/%Y %H:%M:%S'; time: \"iso\" reads nearly all",
        ),
        ({"at": "31/12/2025 {hour:02d}:30:00"}, (), "no visit is of 2026-01-01"),
        ({"who": "70{n}.0"}, (), "user_id: 100 of 101 values of who are floating-point numbers"),
        ({"who": "8.0{n}E+15"}, (), "floating-point numbers"),
        ({"who": ""}, (), "every visit is a guest's"),
        ({"who": "site"}, (), "one id has 100 of 100 visits"),
        ({"number": "session"}, (), "100 rows have 1 different ids"),
        ({"page": "/promo"}, (), "url: 100 of 100 have no host"),
        ({}, ("kind: view", "kind: page"), "the filters leave out every row"),
    ],
)
def test_a_likely_mistake_is_found(
    world: LogWorld, change: dict[str, str], settings: tuple[str, ...], mistake: str
) -> None:
    world.describe(WEB.replace(*settings) if settings else WEB)
    world.deliver({f"logs/{DAY}.csv": log(**change)})
    found = check(world)
    assert any(mistake in one for one in found.mistakes), found.mistakes
    assert len(found.mistakes) <= 2
    assert "siti" not in str(found)


def test_a_day_without_files_names_those_that_are_there(world: LogWorld) -> None:
    world.describe(WEB)
    world.deliver({"logs/2025-12-30.csv": log(), "logs/readme": "x"})
    with pytest.raises(ConfigurationError) as refused:
        check(world)
    assert "no file of 2026-01-01 in logs: it has 2025-12-30 to 2025-12-30" in str(refused.value)
    assert "1 file(s) fit no pattern" in str(refused.value)


def test_words_that_no_mapping_lists_are_counted(world: LogWorld) -> None:
    world.describe(
        """
        profiles:
          crm:
            location: crm
            files: "{day}.jsonl"
            format: json
            columns:
              user_id: u.id
              registered_at: {path: since, time: epoch_s}
              gender: {path: sex, values: {"1": male, "2": female}}
        """
    )
    rows = [
        {"u": {"id": f"u{n}", "name": "Siti"}, "since": 1_700_000_000, "sex": str(n % 3)}
        for n in range(30)
    ]
    world.deliver({f"crm/{DAY}.jsonl": "".join(json.dumps(row) + "\n" for row in rows)})
    found = check(world)
    assert found.coverage == (("gender from sex", 30, 20),)
    assert dict(found.outcomes) == {"accepted": 30}
    assert ("sex", "9") in found.examples[0].raw, "no listed word: its shape"
    assert ("sex", "1") in found.examples[1].raw, "a listed word"


def test_times_of_parquet_are_judged_too(world: LogWorld) -> None:
    world.describe(
        """
        visits:
          log:
            location: logs
            files: "{day}.parquet"
            format: parquet
            columns: {visit_id: v, user_id: u, occurred_at: t, url: p}
        """
    )
    rows = [
        {
            "v": f"v{n}",
            "u": f"u{n}",
            "t": 1_767_200_400_000_000 + n * 860_000_000,
            "p": "https://x.y/",
        }
        for n in range(ROWS)
    ]
    content = as_parquet(rows, {"t": pa.timestamp("us", "UTC")})
    world.deliver({f"logs/{DAY}.parquet": content})
    found = check(world)
    assert not found.mistakes
    assert dict(found.outcomes) == {"accepted": ROWS}
