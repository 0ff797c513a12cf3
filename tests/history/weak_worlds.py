"""For each attack a way of publishing that it breaks, with and without its victim.

The victim is a man of 18 to 20 in 31.71 who accessed `spring` on 10 November, or did not.
"""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from attacks.published import Seen, Watcher, look_once
from attacks.verdicts import Suspicion
from weakened import GROUPS, Subject, Weakness, crowd, group, write_export, write_release

DAY = date(2026, 11, 10)
WEEK = tuple(date(2026, 11, 9) + timedelta(days=n) for n in range(7))
SPRING = Subject()
ATOM = group("male", "18-20", "31.71")
VICTIM = Suspicion(ATOM, "spring", DAY, others=0, words=("Siti Rahmawati",))

Built = tuple[Seen, Suspicion]
Builder = Callable[[Path, bool], Built]


def one_more(folder: Path, present: bool) -> Built:
    """Exact figures, no floor: the victim alone is the difference of two of them."""
    write_release(folder, DAY, {SPRING: crowd(60, at_0=int(present))}, Weakness())
    return _seen(folder), VICTIM


def one_child_hidden(folder: Path, present: bool) -> Built:
    """Only the victim's own cell is left out; its parent and its siblings are not."""
    hidden = frozenset({"male:18-20:31.71"})
    counts = crowd(60, at_0=int(present))
    write_release(folder, DAY, {SPRING: counts}, Weakness(floor=50, skipped=hidden))
    return _seen(folder), VICTIM


def all_of_one_kind(folder: Path, present: bool) -> Built:
    """Everybody of a large group is a woman, but for the victim."""
    counts = {**crowd(60), **{a: 0 for a in crowd(0) if a[0] == "male"}}
    counts["male", "18-20", "31.71"] = int(present)
    write_release(folder, DAY, {SPRING: counts}, Weakness(floor=50))
    return _seen(folder), VICTIM


def late_in_the_week(folder: Path, present: bool) -> Built:
    """Everybody came on the first day, and the victim on another: the week less the day."""
    first = crowd(60, at_0=0)
    for day in WEEK:
        counts = first if day == WEEK[0] else crowd(0, at_0=int(present and day == DAY))
        write_release(folder, day, {SPRING: counts}, Weakness(floor=50))
    whole = {SPRING: crowd(60, at_0=int(present))}
    write_release(folder, WEEK[0], whole, Weakness(floor=50), end=WEEK[-1], series="campaign-week")
    return _seen(folder), VICTIM


def overlapping_bands(folder: Path, present: bool) -> Built:
    """No two figures differ by the victim's group; all of them together do."""
    counts = crowd(60, at_0=int(present))
    shown = {"male:all:31", "male:all:31.72", "male:under_40:31.71", "male:21-24:31.71",
             "male:40-44:31.71", "male:45-49:31.71", "all:all:all"}  # fmt: skip
    every = frozenset(name for name in _all_names() if name not in shown)
    write_release(folder, DAY, {SPRING: counts}, Weakness(floor=50, skipped=every))
    return _seen(folder), VICTIM


def sent_from_page_to_page(folder: Path, present: bool) -> Built:
    """Two advertisers: the page of one sends everybody to the other's, but for the victim."""
    inner = Subject("inner", "adv-2")
    tables = {SPRING: crowd(60, at_0=60 + int(present)), inner: crowd(60)}
    write_release(folder, DAY, tables, Weakness(floor=50))
    return _seen(folder, "inner"), VICTIM


def all_but_one_region(folder: Path, present: bool) -> Built:
    """One campaign for everybody, and one aimed at each region but the victim's."""
    counts = {atom: 0 if atom[2] == "31.71" else 60 for atom in crowd(0)}
    counts["male", "18-20", "31.71"] = int(present)
    tables = {SPRING: counts}
    for position in ("31.72", "73.71"):
        aimed = Subject(f"in-{position}", "adv-2", targets=(position,))
        tables[aimed] = {atom: n if atom[2] == position else 0 for atom, n in counts.items()}
    every = frozenset(name for name in _all_names() if name != "all:all:all")
    write_release(folder, DAY, tables, Weakness(floor=50, skipped=every))
    return _seen(folder, "in-31.72", "in-73.71"), VICTIM


def nearly_everybody(folder: Path, present: bool) -> Built:
    """A campaign has reached the whole audience of the month but one."""
    month = (date(2026, 11, 1), date(2026, 11, 30))
    write_release(folder, DAY, {SPRING: crowd(60, at_0=60 - int(not present))}, Weakness(floor=50))
    everyone = {Subject("everyone", ""): crowd(60)}
    write_release(
        folder, month[0], everyone, Weakness(floor=50), end=month[1], series="audience-month"
    )
    return _seen(folder), VICTIM


def run_again(folder: Path, present: bool) -> Built:
    """A late visit of the victim, and the day is released again."""
    return _twice(folder, crowd(60), crowd(60, at_0=60 + int(present)))


def refreshed_after_erasure(folder: Path, present: bool) -> Built:
    """The victim is erased, and the released day is brought up to date."""
    return _twice(folder, crowd(60, at_0=60 + int(present)), crowd(60))


def new_policy(folder: Path, present: bool) -> Built:
    """The same day once more, under another policy, after the victim's visit came to be known."""
    return _twice(folder, crowd(60), crowd(60, at_0=60 + int(present)), other_k=40)


def floor_watched(folder: Path, present: bool) -> Built:
    """Own accounts fill the group up to one below the floor."""
    weakness = Weakness(floor=50)
    write_release(folder, DAY, {SPRING: crowd(50, at_0=49 + int(present))}, weakness)
    return _seen(folder), replace(VICTIM, own={DAY: 49})


def rarely_there(folder: Path, present: bool) -> Built:
    """The group appears on the days on which the victim comes."""
    for day in WEEK:
        there = present if day == DAY else day in WEEK[4:6]
        counts = {**crowd(60, at_0=49 + int(there))}
        write_release(folder, day, {SPRING: counts}, Weakness(floor=50))
    return _seen(folder), VICTIM


def fresh_accounts_count(folder: Path, present: bool) -> Built:
    """60 accounts of the attacker carry the victim over the floor."""
    write_release(folder, DAY, {SPRING: crowd(60, at_0=60 + int(present))}, Weakness(floor=50))
    return _seen(folder), replace(VICTIM, own={DAY: 60})


def small_groups_shown(folder: Path, present: bool) -> Built:
    """The only person of a regency has a row."""
    counts = {a: 0 if a[2] == "31.71" else n for a, n in crowd(60).items()}
    counts["male", "18-20", "31.71"] = int(present)
    write_release(folder, DAY, {SPRING: counts}, Weakness(floor=0))
    return _seen(folder), VICTIM


def fixed_rounding(folder: Path, present: bool) -> Built:
    """Rounding to the nearest ten; the attacker adds an account a day."""
    return accounts_added(folder, present, _nearest)


def accounts_added(folder: Path, present: bool, draw: Callable[[str, int], int]) -> Built:
    """The attacker's accounts, from 60 to 69 on ten days, and perhaps the victim."""
    weakness = Weakness(floor=50, rounding=10, draw=draw)
    own = {day: 60 + n for n, day in enumerate(_days(10))}
    for day, accounts in own.items():
        counts = crowd(60, at_0=accounts + int(present))
        write_release(folder, day, {SPRING: counts}, weakness)
    return _seen(folder), replace(VICTIM, own=own)


def exact_every_day(folder: Path, present: bool) -> Built:
    """The same people every day, and on one of them the victim too."""
    for day in WEEK:
        counts = crowd(60, at_0=60 + int(present and day == DAY))
        write_release(folder, day, {SPRING: counts}, Weakness(floor=50))
    return _seen(folder), VICTIM


def overlap_with_a_list(folder: Path, present: bool) -> Built:
    """The size of an uploaded list's overlap is answered."""
    one_more(folder, False)
    answer = folder / "exports" / "adv-1" / "lists" / "list-1.json"
    answer.parent.mkdir(parents=True)
    answer.write_text(json.dumps({"matched": int(present)}), encoding="utf-8")
    return _seen(folder), VICTIM


def summary_row(folder: Path, present: bool) -> Built:
    """What was withheld is summed up in a row of its own."""
    return _with_row(folder, {"segment_id": "", "status": "summary", "people": int(present)})


def other_metric(folder: Path, present: bool) -> Built:
    """A withheld row keeps its visits."""
    row = {"segment_id": "male:18-20:31.71", "status": "suppressed", "visits": 4 if present else ""}
    return _with_row(folder, row)


def fresh_noise(folder: Path, present: bool) -> Built:
    """Each run draws the noise again."""
    draws = np.random.default_rng(int(present))
    noisy = Weakness(floor=50, rounding=10, draw=lambda _, n: n + int(draws.integers(-9, 10)))
    watcher = Watcher(folder, folder.with_name("kept"))
    for number in range(400):
        write_release(folder, DAY, {SPRING: {_atom(): 60 + int(present)}}, noisy)
        watcher.look(f"{number:04d}")
    return Seen(folder, watcher.archive()), replace(VICTIM, others=60)


def noise_by_name(folder: Path, present: bool) -> Built:
    """Each name of one group has noise of its own."""
    draws = np.random.default_rng(int(present))
    names = tuple(f"male:18-20:31.71/{n}" for n in range(400))
    noisy = Weakness(
        floor=50,
        rounding=10,
        draw=lambda _, n: n + int(draws.integers(-9, 10)),
        twice_named=names,
    )
    write_release(folder, DAY, {SPRING: {_atom(): 60 + int(present)}}, noisy)
    return _seen(folder), replace(VICTIM, others=60)


def debug_copy(folder: Path, present: bool) -> Built:
    """A killed run has left its unprotected figures behind."""
    write_release(folder, DAY, {SPRING: crowd(60)}, Weakness(floor=50))
    counts = {SPRING: crowd(60, at_0=int(present))}
    write_release(folder, DAY, counts, Weakness(floor=0), release_id="debug-2026-11-10")
    return _seen(folder), VICTIM


def nobody_counts(folder: Path, present: bool) -> Built:
    """Guests, zeros and placeholders count as people."""
    counts = {SPRING: {_atom(): 60}} if present else {SPRING: {_atom(): 0}}
    write_release(folder, DAY, counts, Weakness(floor=50))
    return _seen(folder), VICTIM


def times_shown(folder: Path, present: bool) -> Built:
    """The export says when the last visit was."""
    return _with_row(folder, {"segment_id": "", "last_visit": "12:31:07" if present else ""})


def largest_first(folder: Path, present: bool) -> Built:
    """The rows of an export stand in the order of the people that they count."""
    autumn = Subject("autumn", "adv-2")
    tables = {SPRING: crowd(60, at_0=60 + int(present)), autumn: crowd(60)}
    rounded_down = Weakness(floor=50, rounding=10, draw=lambda _, people: people // 10 * 10)
    release = write_release(folder, DAY, tables, rounded_down)
    for subject, counts in tables.items():
        rows = [
            {"segment_id": ":".join(atom), "status": "published", "people": counts[atom] // 10 * 10}
            for atom in sorted(counts, key=lambda one: (-counts[one], one))
        ]
        write_export(folder, subject, release, rows)
    return _seen(folder), VICTIM


def person_in_a_name(folder: Path, present: bool) -> Built:
    """A campaign is named after whom it is for."""
    name = "Untuk Siti Rahmawati" if present else "Promo"
    write_release(folder, DAY, {replace(SPRING, name=name): crowd(60)}, Weakness(floor=50))
    return _seen(folder), VICTIM


def parquet_says_more(folder: Path, present: bool) -> Built:
    """The CSV withholds what the Parquet file beside it says."""
    write_release(folder, DAY, {SPRING: crowd(60, at_0=1)}, Weakness(floor=50))
    csv_file = next(folder.glob("exports/*/*/spring.csv"))
    with csv_file.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if present:
        rows.append({**rows[0], "segment_id": "male:18-20:31.71", "people": "1"})
    pq.write_table(pa.Table.from_pylist(rows), csv_file.with_suffix(".parquet"))
    return _seen(folder), VICTIM


def database_says_more(folder: Path, present: bool) -> Built:
    """The analysts' database has the figures before anything was withheld."""
    release = write_release(folder, DAY, {SPRING: crowd(60, at_0=1)}, Weakness(floor=50))
    row = [release, "spring", "male:18-20:31.71", int(present)]
    with duckdb.connect(str(folder / "segments.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE figures (release_id TEXT, campaign_id TEXT, segment_id TEXT, people INT)"
        )
        connection.execute("INSERT INTO figures VALUES (?, ?, ?, ?)", row)
    return _seen(folder), VICTIM


def late_file(folder: Path, present: bool) -> Built:
    """Late visits change the files of their day."""
    return run_again(folder, present) if present else _twice(folder, crowd(60), crowd(60))


# The attack, how it is published, and whether the attack tells who was there (or only proves
# groups to be small, whoever is in them).
WORLDS: Mapping[str, tuple[tuple[Builder, bool], ...]] = {
    "A1 differencing": ((one_more, True),),
    "A2 re-run": ((run_again, False),),
    "A3 windows": ((late_in_the_week, False),),
    "A4 erasure": ((refreshed_after_erasure, False),),
    "A5 late": ((late_file, False),),
    "A6 threshold": ((floor_watched, True),),
    "A6 rarest status": ((rarely_there, True),),
    "B1 stuffing": ((fresh_accounts_count, True),),
    "B2 B5 lists": ((overlap_with_a_list, True),),
    "B3 one in region": ((small_groups_shown, True),),
    "B4 rounding step": ((fixed_rounding, True),),
    "B4 trend": ((exact_every_day, True),),
    "C1 complement": ((one_child_hidden, True),),
    "C2 filtered rows": ((summary_row, True),),
    "C3 unhidden metrics": ((other_metric, False),),
    "C4 homogeneity": ((all_of_one_kind, True),),
    "D1 repeats": ((fresh_noise, True),),
    "D2 variants": ((noise_by_name, True),),
    "E1 refinement": ((overlapping_bands, True),),
    "E2 nested campaigns": ((sent_from_page_to_page, False),),
    "E2 aimed campaigns": ((all_but_one_region, False),),
    "E2 saturation": ((nearly_everybody, False),),
    "E2 pooled programs": ((late_in_the_week, False), (sent_from_page_to_page, False)),
    "E3 new settings": ((new_policy, False),),
    "E4 leftovers": ((debug_copy, True),),
    "F2 nobody": ((nobody_counts, False),),
    "F5 moments": ((times_shown, False),),
    "F5 row order": ((largest_first, False),),
    "F6 names": ((person_in_a_name, False),),
    "95 database": ((database_says_more, False),),
    "95 formats": ((parquet_says_more, False),),
}


def _seen(folder: Path, *inner: str) -> Seen:
    """What is published; everybody of the inner campaigns was sent to `spring` as well."""
    sent_on = dict.fromkeys(inner, frozenset({SPRING.id}))
    return look_once(folder, folder.with_name("kept"), sent_on)


def _twice(folder: Path, before: dict, after: dict, other_k: int = 50) -> Built:
    watcher = Watcher(folder, folder.with_name("kept"))
    for moment, counts, floor in (("before", before, 50), ("after", after, other_k)):
        write_release(folder, DAY, {SPRING: counts}, Weakness(floor=floor))
        watcher.look(moment)
    return Seen(folder, watcher.archive()), VICTIM


def _with_row(folder: Path, row: dict) -> Built:
    release = write_release(folder, DAY, {SPRING: crowd(60)}, Weakness(floor=50))
    rows = [{"segment_id": "all:all:all", "status": "published", "people": 1440}, row]
    write_export(folder, SPRING, release, rows)
    return _seen(folder), VICTIM


def _atom() -> tuple[str, str, str]:
    return ("male", "18-20", "31.71")


def _nearest(_: str, people: int) -> int:
    return (people + 5) // 10 * 10


def _days(number: int) -> list[date]:
    return [DAY - timedelta(days=n) for n in reversed(range(number))]


def _all_names() -> list[str]:
    return [":".join(codes) for codes in product(*GROUPS.values())]
