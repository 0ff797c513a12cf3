"""Profiles and consents are read once, for days of later runs too, and nobody's objection is lost.

The oracle is the same day in the same home without what was kept: all that is said of it and all
files that it becomes have to be the same.
"""

import random
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from raw_world import (
    DAY,
    NO_DECISIONS,
    NOW,
    World,
    as_csv,
    as_json_lines,
    campaign,
    consent,
    profile,
    request_of,
    visit,
)

from anonymizer.intake import day_reader
from anonymizer.intake.day_intake import take_in
from anonymizer.intake.intake_outcome import Intake
from anonymizer.intake.kept_files import drop_people, rows_of
from anonymizer.model.errors import AudienceError
from anonymizer.model.policy import Policy
from anonymizer.rights.retention import outlook, prune
from anonymizer.storage.encrypted_rows import Unusable, encrypted_reader
from anonymizer.storage.engines.duckdb import DuckDB
from anonymizer.storage.secret import Secret

DAYS = [DAY + timedelta(days=number) for number in range(3)]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three days with one file of profiles and one of consents."""
    world = World(tmp_path)
    world.put(
        f"profiles/day={DAY}/p.csv",
        as_csv(
            [
                profile("u1", birth_date="1986-01-02"),
                profile("u2", closed_at=f"{DAYS[1]}T10:00:00+07:00"),
                profile("u3", gender="f"),
                profile("u3", gender="m"),  # conflicting_id
                profile("u4", region_code="nowhere"),
                profile("u5", closed_at="2020-06-01T10:00:00+07:00"),  # closed long ago
                profile("u6"),
                profile("u6"),
                profile("", gender="f"),  # no_user
            ]
        ),
    )
    people = ("u1", "u2", "u3", "u4", "u4", "u6")
    world.put("consents/c.csv", as_csv([consent(user) for user in people]))
    return with_days(world)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables of the files that are read raw, in order."""
    read, seen = day_reader.read, list[str]()

    def noted(source: Any, table: Any) -> Any:
        seen.append(table.name)
        return read(source, table)

    monkeypatch.setattr(day_reader, "read", noted)
    return seen


def with_days(world: World) -> World:
    for offset in range(1, len(DAYS)):
        world.visits(as_csv([visit(f"v{offset}", user_id="u2")]), offset=offset)
    for offset in range(len(DAYS) + 1):
        (world.folder(offset) / "_SUCCESS").touch()
    return world.with_policy("intake", max_quarantined_share=1.0)


def taken(world: World, day: date) -> tuple[Any, dict[str, bytes]]:
    """What is said of a day in a run of its own, and the files that it becomes."""
    said: Intake | str
    with DuckDB(memory_megabytes=500, threads=1, spill=None) as engine:
        try:
            said = take_in(
                world.home,
                day,
                world.policy,
                world.secret,
                engine,
                now=NOW,
                decisions=NO_DECISIONS,
            )
        except AudienceError as error:
            said = str(error)
    files = {name: text for name, text in world.written().items() if f"day={day}" in name}
    return said, files


def read_anew(world: World, day: date) -> tuple[Any, dict[str, bytes]]:
    """The same without what is kept, which is put back afterwards."""
    aside = world.home.root / "aside"
    if world.home.kept.exists():
        world.home.kept.rename(aside)
    answer = taken(world, day)
    shutil.rmtree(world.home.kept, ignore_errors=True)
    if aside.exists():
        aside.rename(world.home.kept)
    return answer


def keys_of(world: World, stage: str, day: date) -> set[bytes]:
    world.day = day
    return {row["person_key"] for row in world.rows(stage)}


def kept(world: World) -> list[str]:
    return [path.relative_to(world.home.kept).as_posix() for path in world.home.kept_files()]


def kept_of(world: World, people: set[bytes]) -> int:
    keys = pa.array(sorted(people), pa.binary())
    return sum(rows_of(path, world.secret, keys) for path in world.home.kept_files())


def test_a_later_run_reads_no_file_again(world: World, reads: list[str]) -> None:
    for day in DAYS:
        assert taken(world, day) == read_anew(world, day)
        reads.clear()
        assert taken(world, day) == read_anew(world, day)
        assert [reads.count(table) for table in ("profiles", "consents")] == [1, 1]  # the oracle
    assert [name.partition(".")[0] for name in kept(world)] == [
        f"consents/day={DAYS[-1]}",
        f"profiles/day={DAYS[-1]}",
    ]


def test_the_same_bytes_under_another_name_and_day_are_not_read_again(
    world: World, reads: list[str]
) -> None:
    taken(world, DAYS[0])
    place = world.home.raw / "profiles"
    world.put(f"profiles/day={DAYS[1]}/q.csv", (place / f"day={DAY}/p.csv").read_bytes())
    reads.clear()
    taken(world, DAYS[1])
    assert "profiles" not in reads
    assert taken(world, DAYS[1]) == read_anew(world, DAYS[1])


def test_nothing_of_an_erased_person_is_kept_but_what_the_request_keeps(world: World) -> None:
    taken(world, DAY)
    mine = keys_of(world, "profiles", DAY)
    world.put("requests/r.csv", as_csv([request_of(u, request_id=u) for u in ("u1", "u6")]))
    for day in DAYS:
        assert taken(world, day) == read_anew(world, day)
        erased = keys_of(world, "requests", day)
        assert len(mine & erased) == 2
        assert kept_of(world, erased) == 0
        assert kept_of(world, mine) > 0
    assert len(kept(world)) == 2


def test_files_with_placeholders_are_used(world: World, reads: list[str]) -> None:
    world.put("requests/r.csv", as_csv([request_of("u1")]))
    taken(world, DAY)
    reads.clear()
    taken(world, DAYS[1])
    assert not {"profiles", "consents"} & set(reads)


def test_who_is_not_erased_after_all_is_read_again(world: World) -> None:
    world.put("requests/r.csv", as_csv([request_of("u1")]))
    taken(world, DAY)
    world.put("requests/r.csv", as_csv([request_of("someone-else")]))
    assert taken(world, DAY) == read_anew(world, DAY)


@pytest.mark.parametrize("table", ["profiles", "consents"])
def test_another_file_with_rows_of_an_erased_person_is_accounted_for(
    world: World, table: str
) -> None:
    """The person's rows are duplicates of rows that are placeholders by now."""
    world.put("requests/r.csv", as_csv([request_of("u1")]))
    taken(world, DAY)
    again = profile("u1", birth_date="1986-01-02") if table == "profiles" else consent("u1")
    folder = f"profiles/day={DAY}" if table == "profiles" else table
    world.put(f"{folder}/more.csv", as_csv([again]))
    for _ in range(2):
        said, files = taken(world, DAY)
        assert (said, files) == read_anew(world, DAY)
        assert said.accounts[table].duplicates == 2


def test_accounts_that_were_closed_long_ago_are_not_kept(world: World) -> None:
    """u2 is closed on the second day; five years on, it goes from what is kept as well."""
    world.policy = world.policy.model_copy(
        update={"retention": world.policy.retention.model_copy(update={"closed_years": 20})}
    )
    taken(world, DAY)
    open_to = keys_of(world, "profiles", DAY)
    shutil.rmtree(world.home.kept)
    world.policy = world.policy.model_copy(
        update={"retention": world.policy.retention.model_copy(update={"closed_years": 5})}
    )
    taken(world, DAY)
    closed = open_to - keys_of(world, "profiles", DAY)
    assert len(closed) == 1
    assert kept_of(world, closed) == 0
    for day in DAYS:
        assert taken(world, day) == read_anew(world, day)


def test_an_earlier_day_is_read_again_if_accounts_were_closed_in_between(world: World) -> None:
    closed_at = f"{DAYS[0].replace(year=DAYS[0].year - 5)}T10:00:00+07:00"
    people = [profile("u1", closed_at=closed_at), profile("u2")]
    world.put(f"profiles/day={DAY}/p.csv", as_csv(people))
    for day in (DAYS[2], DAYS[0], DAYS[1], DAYS[0]):
        assert taken(world, day) == read_anew(world, day)


@pytest.mark.parametrize("change", ["bytes", "policy", "key", "first byte", "last byte", "cut"])
def test_what_differs_is_read_anew(world: World, reads: list[str], change: str) -> None:
    taken(world, DAY)
    for path in world.home.kept_files():
        content = bytearray(path.read_bytes())
        content[50 if change == "first byte" else -1] ^= change.endswith("byte")
        path.write_bytes(content[:-1] if change == "cut" else content)
    if change == "bytes":
        world.put(f"profiles/day={DAY}/p.csv", as_csv([profile("u9")]))
        world.put("consents/c.csv", as_csv([consent("u9")]))
    elif change == "policy":
        world.with_policy("intake", naive_times="policy_zone")
    elif change == "key":
        world.secret = Secret(b"n" * 32)
    reads.clear()
    said = taken(world, DAY)
    assert {"profiles", "consents"} <= set(reads)
    assert said == read_anew(world, DAY)


def test_unread_refusals_are_read_every_day(world: World, reads: list[str]) -> None:
    world.put("consents/c.csv", as_csv([consent("u1"), consent("u2", granted="perhaps")]))
    for day in DAYS:
        reads.clear()
        taken(world, day)
        assert "consents" in reads
    assert not [name for name in kept(world) if name.startswith("consents")]


def test_what_is_kept_cannot_be_read_without_the_key(world: World) -> None:
    taken(world, DAY)
    people = keys_of(world, "profiles", DAY)
    for path in world.home.kept_files():
        assert not any(key in path.read_bytes() for key in people)
        assert path.stat().st_mode & 0o077 == 0
        with pytest.raises(Unusable), encrypted_reader(path, b"n" * 32):
            pass


def test_an_erasure_removes_files_that_no_day_uses(world: World) -> None:
    taken(world, DAY)
    (mine,) = keys_of(world, "requests", DAY)
    assert drop_people(world.home, world.secret, pa.array([mine])) == 0
    someone = min(keys_of(world, "consents", DAY))
    assert drop_people(world.home, world.secret, pa.array([someone])) == 2
    assert kept(world) == []
    taken(world, DAY)
    world.home.kept_files()[0].write_bytes(b"damaged")
    assert drop_people(world.home, world.secret, pa.array([mine])) == 1
    assert len(kept(world)) == 1


def test_retention_removes_what_no_day_used_for_so_long(world: World) -> None:
    for day in DAYS[:2]:
        taken(world, day)
    days = Policy().retention.private_days
    last = DAYS[1] + timedelta(days=days)
    prune(world.home, Policy(), last)
    assert len(kept(world)) == 2
    following = last + timedelta(days=1)
    assert outlook(world.home, Policy(), following)["kept/profiles"] == 1
    prune(world.home, Policy(), following)
    assert kept(world) == []


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_delivered_gives_what_its_files_give(tmp_path: Path, seed: int) -> None:
    """Random people, files, days and requests; each day of its own and in any order."""
    chance = random.Random(seed)
    world = World(tmp_path)
    world.put("campaigns/c.csv", as_csv([campaign()]))
    with_days(world)
    users = [f"u{number}" for number in range(12)]
    asked: list[str] = []
    for _ in range(4):
        if chance.random() < 0.6:
            put_profiles(world, chance, users)
        if chance.random() < 0.6:
            name = f"consents/c{chance.randrange(2)}.jsonl"
            rows = [random_consent(chance, users) for _ in range(chance.randrange(1, 20))]
            world.put(name, as_json_lines(rows))
        if chance.random() < 0.5:
            asked.append(chance.choice(users))
        kinds = ("erase", "erase", "withdraw")
        requests = [
            request_of(user, request_id=f"r{number}", kind=kinds[number % 3])
            for number, user in enumerate(asked)
        ]
        world.put("requests/r.csv", as_csv([request_of("someone-else", request_id="x"), *requests]))
        for day in chance.sample(DAYS, 2):
            answer = taken(world, day)
            assert isinstance(answer[0], Intake), answer[0]
            assert answer == read_anew(world, day)
            world.day = day
        erased = erased_of(world)
        drop_people(world.home, world.secret, pa.array(sorted(erased), pa.binary()))
        assert kept_of(world, erased) == 0


def erased_of(world: World) -> set[bytes]:
    return {row["person_key"] for row in world.rows("requests") if row["kind"] == "erase"}


def put_profiles(world: World, chance: random.Random, users: list[str]) -> None:
    folder = f"profiles/day={chance.choice([DAY, DAY, DAYS[1]])}"
    rows = [random_profile(chance, users) for _ in range(chance.randrange(1, 20))]
    world.put(f"{folder}/p{chance.randrange(2)}.csv", as_csv(rows))


def random_profile(chance: random.Random, users: list[str]) -> dict[str, Any]:
    closed = chance.choice([None, None, f"{DAYS[1].replace(year=2021)}T10:00:00+07:00"])
    return profile(
        chance.choice(users),
        gender=chance.choice(["male", "female", "other", ""]),
        birth_date=chance.choice(["1990-01-02", "soon", "2031-01-01", "1700-01-01", None]),
        region_code=chance.choice(["31.71", "nowhere"]),
        closed_at=closed,
    )


def random_consent(chance: random.Random, users: list[str]) -> dict[str, Any]:
    return consent(
        chance.choice(users),
        granted=chance.choice(["true", "false"]),
        decided_at=f"2025-01-0{chance.randrange(1, 4)}T00:00:00+07:00",
    )
