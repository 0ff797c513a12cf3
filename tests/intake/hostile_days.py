"""Days on which visitors write whatever they like into the fields that they control.

    a seed -> sound rows and hostile rows, mixed, in files of every format -> a day in a raw zone

What has to come out is counted here from the sound rows alone, in plain Python. Hostile rows are of
people whom nobody knows, so whatever becomes of them changes no figure.
"""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from raw_world import (
    COLUMNS,
    LINK,
    Row,
    World,
    as_csv,
    as_parquet,
    campaign,
    consent,
    profile,
    visit,
)

from anonymizer.counting.eligibility import find_eligible
from anonymizer.counting.reach import count_reach
from anonymizer.storage.engines.duckdb import DuckDB

OTHER_LINK = "https://two.example/sale"
_PAGES = {
    LINK: "C1",
    OTHER_LINK: "C2",
    "https://shop.example/other": "",
    "https://else.example": "",
}
_PEOPLE, _SOUND, _HOSTILE = 60, 240, 40  # hostile rows are fewer than would hold the day

ESCAPES = ("%FF", "%E9", "%E0%A4", "%C3%28", "%ED%A0%80", "%00", "%0d%0a", "%", "%zz",
           "%F4%90%80%80")  # fmt: skip
OCTETS = (b'"', b'""', b"'", b",", b"\n", b"\r", b"\r\n", b"\x00", b"\xed\xa0\x80", b"\\", b"&amp;",
          b"\xff", b"\xc3\x28", b"{", b"}", b"\xe2\x80\xae",
          b"\xef\xbb\xbf", b";")  # fmt: skip
STARTS = (LINK, LINK + "?utm_id=", LINK + "?utm_campaign=C2", OTHER_LINK + "?UTM_ID=", "https://",
          "//", "javascript:", "https://[", "https://\u0130.example/", "")  # fmt: skip
_FIELDS = ("url", "user_agent", "product_category", "referrer", "cookie_id", "visit_id")
Bytes = Mapping[str, Any]


@dataclass(frozen=True)
class HostileDay:
    """A day in a raw zone, and how many people each campaign has reached by its sound rows."""

    world: World
    rows: int
    expected: Mapping[str, int]


def make_day(root: Path, seed: int) -> HostileDay:
    """The day of a seed: always the same."""
    draw = random.Random(seed)
    world = World(root)
    people = [f"good-{n}" for n in range(_PEOPLE)]
    sound = [_sound(n, draw.choice(people), draw.choice(list(_PAGES))) for n in range(_SOUND)]
    rows = [*sound, *(_hostile(n, draw) for n in range(_HOSTILE))]
    draw.shuffle(rows)
    world.put("campaigns/c.csv", as_csv(
        [campaign(), campaign(campaign_id="C2", advertiser_id="A2", link_url=OTHER_LINK)]
    ))  # fmt: skip
    world.put(f"profiles/day={world.day}/p.csv", as_csv([profile(user) for user in people]))
    world.put("consents/c.csv", as_csv(
        [consent(user, purpose=purpose) for user in people for purpose in ("use", "disclosure")]
    ))  # fmt: skip
    (world.folder() / "v.csv").unlink()
    parts = len(WRITERS)
    for number, (ending, write) in enumerate(WRITERS.items()):
        world.visits(write(rows[number::parts]), f"v{number}.{ending}")
    return HostileDay(world, len(rows), _plain_count(sound))


def reached(world: World) -> dict[str, int]:
    """How many people the product counts for each campaign; the day has to go through."""
    world.take_in()
    arguments = (world.home, world.day, world.policy, world.secret)
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        find_eligible(engine, *arguments)
        count_reach(engine, *arguments)
    table = pq.read_table(world.home.working_file("reach", world.day), partitioning=None)
    found: dict[str, int] = {}
    for row in table.to_pylist():
        found[row["subject_id"]] = found.get(row["subject_id"], 0) + row["people"]
    return found


def _plain_count(sound: Sequence[Row]) -> dict[str, int]:
    people: dict[str, set[str]] = {}
    for row in sound:
        name = _PAGES[row["url"].partition("?")[0]]
        if name:
            people.setdefault(name, set()).add(row["user_id"])
    return {name: len(who) for name, who in people.items()}


def _sound(number: int, user: str, page: str) -> Row:
    return visit(f"sound-{number}", user_id=user, url=f"{page}?p={number}")


def _hostile(number: int, draw: random.Random) -> Row:
    """A row of a stranger, with bytes in some of the fields that a visitor controls."""
    row = visit(f"hostile-{number}", user_id=f"stranger-{number}", url=LINK)
    for name in draw.sample(_FIELDS, draw.randint(1, 3)):
        start = draw.choice(STARTS).encode() if name == "url" else b""
        row[name] = start + b"".join(_piece(draw) for _ in range(draw.randint(1, 5)))
    return row


def _piece(draw: random.Random) -> bytes:
    kind = draw.randrange(5)
    if kind == 0:
        return draw.randbytes(draw.randint(1, 8))
    if kind == 1:
        return draw.choice(ESCAPES).encode()
    if kind == 2:
        return "".join(chr(draw.randrange(0x20, 0x3000)) for _ in range(4)).encode()
    if kind == 3 and draw.randrange(4) == 0:
        return b"x" * draw.choice([8_000, 8_193, 20_000])
    return draw.choice(OCTETS)


def as_quoted_csv(rows: Sequence[Bytes]) -> bytes:
    """Bytes as they are, in a file that a careful writer quoted."""
    return _csv(rows, lambda value: b'"' + value.replace(b'"', b'""') + b'"')


def as_careless_csv(rows: Sequence[Bytes]) -> bytes:
    """The same by a writer that quotes nothing."""
    return _csv(rows, lambda value: value)


def _csv(rows: Sequence[Bytes], quoted: Callable[[bytes], bytes]) -> bytes:
    lines = [",".join(COLUMNS["visits"]).encode()]
    for row in rows:
        values = [value if isinstance(value, bytes) else str(value or "").encode()
                  for value in (row[column] for column in COLUMNS["visits"])]  # fmt: skip
        lines.append(b",".join(map(quoted, values)))
    return b"\n".join(lines) + b"\n"


def as_lines(rows: Sequence[Bytes]) -> bytes:
    """JSON with raw bytes where a visitor put them, and halves of surrogate pairs escaped."""
    lines = []
    for row in rows:
        fields = []
        for name, value in row.items():
            if isinstance(value, bytes):
                text = value.decode("utf-8", "surrogateescape")
                written = json.dumps(text, ensure_ascii=not text.isascii())
            else:
                written = json.dumps(value)
            fields.append(f"{json.dumps(name)}: {written}")
        lines.append(("{" + ", ".join(fields) + "}").encode("utf-8", "surrogateescape"))
    return b"\n".join(lines) + b"\n"


def as_bytes_parquet(rows: Sequence[Bytes]) -> bytes:
    """Text columns without an annotation: any bytes."""
    encoded = [
        {name: value.encode() if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    ]
    return as_parquet(encoded, dict.fromkeys(COLUMNS["visits"], pa.binary()))


# By the ending of a file's name.
WRITERS: Mapping[str, Callable[[Sequence[Bytes]], bytes]] = {
    "csv": as_quoted_csv,
    "careless.csv": as_careless_csv,
    "jsonl": as_lines,
    "parquet": as_bytes_parquet,
}
