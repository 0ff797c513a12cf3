"""An independent count: plain Python loops over the raw files, written from the raw contract.

Shares no code with the pipeline. Slow and simple on purpose. The secret chooses the campaigns in
which a person counts, so it is read from the home's key file.
"""

import csv
import gzip
import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

JAKARTA = ZoneInfo("Asia/Jakarta")
BANDS = [(18, 20), (21, 24), *((a, a + 4) for a in range(25, 75, 5)), (75, 130)]
PLACEHOLDERS = {
    *("0", "-1", "unknown", "null", "none", "nan", "undefined", "anonymous", "n/a", "na", "nil"),
    "00000000-0000-0000-0000-000000000000",
}
GENDERS = {
    **dict.fromkeys(["m", "male", "l", "pria", "laki-laki", "lakilaki", "laki laki"], "male"),
    **dict.fromkeys(["f", "female", "p", "wanita", "perempuan", "w"], "female"),
}
PROFILE_COLUMNS = ("user_id", "gender", "birth_date", "region_code", "registered_at", "closed_at")
PROGRAMS = ("bot", "crawler", "spider", "curl", "python-requests", "headless")


def rows(path: Path) -> Iterator[dict[str, object]]:
    """Rows of one raw file; a text row with the wrong number of fields comes as {}."""
    if path.suffix == ".parquet":
        yield from pq.read_table(path).to_pylist()
        return
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:  # type: ignore[operator]
        if ".jsonl" in path.name:
            yield from (json.loads(line) for line in file if line.strip())
            return
        reader = csv.reader(file)
        header = next(reader)
        for fields in reader:
            if len(fields) != len(header):
                yield {}
            else:
                yield {k: (v if v != "" else None) for k, v in zip(header, fields, strict=True)}


def table(folder: Path) -> Iterator[dict[str, object]]:
    seen: set[str] = set()
    for path in sorted(folder.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in seen:
            seen.add(digest)
            yield from rows(path)


def user(value: object) -> str | None:
    """The canonical id; None for guests, blanks and placeholders."""
    if value is None:
        return None
    text = str(value).strip().lower()
    if text.isdigit():
        text = text.lstrip("0") or "0"
    return None if not text or text in PLACEHOLDERS else text


def instant(value: object) -> datetime | None:
    """A time with a zone in a sensible range, else None."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    return value if value.year >= 2000 and value.year < 9000 else None


def birthday(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value is None:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def completed_years(born: date, day: date) -> int:
    # (2, 29) > (2, 28): on 28 February of a common year the birthday is still to come.
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


Standing = tuple[str, str, str]
Tie = tuple[str, ...]  # the campaign of a visit; several when their links are equal; or none
PURPOSES = ("use", "disclosure", "advertising_cookies", "marketing")
MIN_ACCOUNT_DAYS, CAMPAIGNS_PER_PERSON = 30, 2


@dataclass
class Visit:
    """A visit; `ties` are several when copies of the same instant differ."""

    when: datetime
    person: str
    program: bool
    ties: set[Tie]


class PlainCount:
    """Distinct people of every cell of the campaigns of one day.

    Of copies of a visit that differ, the earliest counts; of profiles, the one registered last.
    Between copies of the same instant the pipeline decides by a hash, which cannot be told from
    outside: `generous` counts all that could be, otherwise only what is certain counts.
    """

    def __init__(self, home: Path, day: date, *, generous: bool, late_days: int = 1) -> None:
        self.raw, self.day, self.late_days = home / "raw", day, late_days
        self.generous = generous
        self.key = bytes.fromhex((home / "secret.key").read_text(encoding="ascii").strip())
        self.end = datetime.combine(day + timedelta(days=1), datetime.min.time(), JAKARTA)
        self.campaigns = {str(row["campaign_id"]): row for row in table(self.raw / "campaigns")}
        self.people = self._people()

    def _people(self) -> dict[str, set[Standing]]:
        """Where everyone who counts stands; several places when their profiles contradict."""
        decisions = self._decisions()
        people: dict[str, set[Standing]] = {}
        for person, profiles in self._profiles().items():
            standings = {self._standing(profile) for profile in profiles}
            if self._agrees(decisions.get(person, {})):
                if None in standings and not self.generous:
                    continue
                people[person] = {standing for standing in standings if standing}
        return people

    def _standing(self, profile: dict[str, object]) -> Standing | None:
        """gender, band, region; None for somebody who does not count."""
        born = birthday(profile.get("birth_date"))
        registered = instant(profile["registered_at"])
        closed = instant(profile.get("closed_at"))
        assert registered
        if born is None or born > self.day or registered >= self.end:
            return None
        age = completed_years(born, self.day)
        if (closed and closed < self.end) or not 18 <= age <= 130:
            return None
        if (self.day - registered.astimezone(JAKARTA).date()).days < MIN_ACCOUNT_DAYS:
            return None
        low, high = next((a, b) for a, b in BANDS if a <= age <= b)
        gender = str(profile.get("gender") or "").strip().lower()
        return (
            GENDERS.get(gender, "not_stated"),
            "75+" if low == 75 else f"{low}-{high}",
            self._region(profile.get("region_code")),
        )

    def _profiles(self) -> dict[str, list[dict[str, object]]]:
        """The profiles of each person that were registered last: one, unless they contradict."""
        snapshots = sorted(
            path
            for path in (self.raw / "profiles").iterdir()
            if path.name.startswith("day=") and date.fromisoformat(path.name[4:]) <= self.day
        )
        profiles: dict[str, list[dict[str, object]]] = {}
        for row in table(snapshots[-1]):
            person, registered = user(row.get("user_id")), instant(row.get("registered_at"))
            if any(len(str(row.get(name))) > 8192 for name in PROFILE_COLUMNS):
                continue
            if person and registered:
                held = profiles.setdefault(person, [])
                latest = max([registered, *(instant(r["registered_at"]) for r in held)])
                profiles[person] = [
                    r for r in [*held, row] if instant(r["registered_at"]) == latest
                ]
        return profiles

    def _decisions(self) -> dict[str, dict[str, list[tuple[datetime, bool]]]]:
        found: dict[str, dict[str, list[tuple[datetime, bool]]]] = defaultdict(
            lambda: defaultdict(list)
        )
        # What cannot be read counts against the person; without a sound time whatever came since.
        for_good = datetime(2100, 1, 1, tzinfo=JAKARTA)
        for row in table(self.raw / "consents"):
            person, when = user(row.get("user_id")), instant(row.get("decided_at"))
            answer = str(row.get("granted")).strip().lower()
            purpose = str(row.get("purpose")).strip().lower()
            purposes = [purpose] if purpose in PURPOSES else PURPOSES
            readable = when and purpose in PURPOSES and answer in ("true", "false")
            for each in purposes if person else ():
                found[str(person)][each].append(
                    (when or for_good, bool(readable) and answer == "true")
                )
        for row in table(self.raw / "requests"):
            person, when = user(row.get("user_id")), instant(row.get("requested_at"))
            kind = str(row.get("kind")).strip().lower()
            if person and kind == "withdraw":
                for purpose in ("use", "disclosure"):
                    found[person][purpose].append((when or for_good, False))
            elif person and (kind == "erase" or kind not in ("access", "correct") or not when):
                found[person]["never"].append((for_good, True))
        return found

    def _agrees(self, decisions: dict[str, list[tuple[datetime, bool]]]) -> bool:
        if "never" in decisions:
            return False
        for purpose in ("use", "disclosure"):
            taken = sorted(decisions.get(purpose, []), key=lambda d: (d[0], not d[1]))
            then = [granted for when, granted in taken if when < self.end]
            if not then or not then[-1] or not taken[-1][1]:
                return False
        return True

    def _region(self, code: object) -> str:
        return str(code).strip() if str(code).strip() in REGENCIES else "not_stated"

    def visits(self) -> list[Visit]:
        """Each visit of the day by somebody; duplicates gone."""
        chosen: dict[tuple[str, str], Visit] = {}
        for offset in range(self.late_days + 1):
            arrival = self.day + timedelta(days=offset)
            folder = self.raw / "visits" / f"day={arrival.isoformat()}"
            for row in table(folder):
                self._choose(row, arrival, chosen)
        return list(chosen.values())

    def _choose(
        self, row: dict[str, object], arrival: date, chosen: dict[tuple[str, str], Visit]
    ) -> None:
        when = instant(row.get("occurred_at"))
        visit, url = str(row.get("visit_id") or "").strip(), str(row.get("url") or "")
        person = user(row.get("user_id"))
        if not (when and visit and url and person):
            return
        if any(len(str(value)) > 8192 for value in (visit, url, row.get("user_agent"))):
            return
        local = when.astimezone(JAKARTA).date()
        if local != self.day or local > arrival:
            return
        program = any(word in str(row.get("user_agent") or "").lower() for word in PROGRAMS)
        held = chosen.get((visit, person))
        if held is None or when < held.when:
            chosen[visit, person] = Visit(when, person, program, {self._campaigns(url)})
        elif when == held.when:
            held.ties.add(self._campaigns(url))

    def _campaigns(self, url: str) -> Tie:
        """The campaign that a visit accesses: by a tag, otherwise by the longest link."""
        parts = urlsplit(url.strip())
        query = dict(reversed(parse_qsl(parts.query)))  # the first of each name
        running = {name: row for name, row in self.campaigns.items() if self._runs(row)}
        for tag in ("utm_id", "utm_campaign"):
            if query.get(tag) in running:
                return (query[tag],)
        fitting: dict[tuple[int, int], list[tuple[date | None, str]]] = defaultdict(list)
        for name, facts in running.items():
            link = urlsplit(str(facts["link_url"]))
            wanted = {p for p in parse_qsl(link.query) if not p[0].lower().startswith("utm_")}
            if self._under(parts, link) and wanted <= set(parse_qsl(parts.query)):
                length = (len(link.path.rstrip("/").split("/")), len(wanted))
                fitting[length].append((birthday(facts["starts_on"]), name))
        return tuple(name for _, name in sorted(fitting[max(fitting)])) if fitting else ()

    @staticmethod
    def _under(url: "object", link: "object") -> bool:
        host, path = url.netloc.lower(), url.path.rstrip("/")  # type: ignore[attr-defined]
        target = link.path.rstrip("/")  # type: ignore[attr-defined]
        same = host == link.netloc.lower()  # type: ignore[attr-defined]
        return same and (path == target or path.startswith(target + "/"))

    def _runs(self, campaign: dict[str, object]) -> bool:
        starts, ends = birthday(campaign["starts_on"]), birthday(campaign["ends_on"])
        assert starts
        assert ends
        return starts <= self.day <= ends

    def reach(self) -> dict[str, Counter[Standing]]:
        """For each campaign: how many people of each gender, band and region."""
        visits = self.visits()
        activity = Counter(visit.person for visit in visits)
        by_person: dict[str, list[Visit]] = defaultdict(list)
        for visit in visits:
            if not visit.program and activity[visit.person] <= 1000:
                by_person[visit.person].append(visit)
        reached: dict[str, Counter[Standing]] = {
            name: Counter() for name, facts in self.campaigns.items() if self._runs(facts)
        }
        for person, standings in self.people.items():
            for standing in standings:
                if self.generous or len(standings) == 1:
                    for name in self._counted_in(person, by_person[person], standing[2]):
                        reached[name][standing] += 1
        return reached

    def _counted_in(self, person: str, visits: list[Visit], region: str) -> set[str]:
        """The campaigns in which a person of a region counts."""
        certain: dict[str, set[str]] = defaultdict(set)  # by advertiser
        possible: dict[str, set[str]] = defaultdict(set)
        for visit in visits:
            names = {self._first(tie, region) for tie in visit.ties}
            for name in names - {None}:
                assert name
                advertiser = str(self.campaigns[name]["advertiser_id"])
                possible[advertiser].add(name)
                if len(names) == 1:
                    certain[advertiser].add(name)
        counted: set[str] = set()
        for advertiser, names_of in possible.items():
            if self.generous:  # whatever the others turn out to be
                sure = certain[advertiser]
                counted |= {c for c in names_of if c in self._lowest(person, sure | {c})}
            else:
                counted |= self._lowest(person, names_of) & certain[advertiser]
        return counted

    def _first(self, tie: Tie, region: str) -> str | None:
        return next((name for name in tie if self._targets(name, region)), None)

    def _lowest(self, person: str, names: set[str]) -> set[str]:
        """The campaigns of one advertiser that the secret chooses."""
        pseudonym = hashlib.sha256(self._derive("person") + person.encode()).digest()[:16]
        key = self._derive("contribution") + pseudonym
        ranked = sorted(names, key=lambda name: hashlib.sha256(key + name.encode()).digest())
        return set(ranked[:CAMPAIGNS_PER_PERSON])

    def _derive(self, purpose: str) -> bytes:
        return hmac.new(self.key, purpose.encode(), hashlib.sha256).digest()

    def _targets(self, campaign: str, region: str) -> bool:
        wanted = self.campaigns[campaign].get("target_regions")
        if wanted is None:
            return True
        codes = wanted if isinstance(wanted, list) else re.split(r"[;,]", str(wanted))
        return any(region in {c, "ID"} or region.startswith(c + ".") for c in codes if c)


def _regencies() -> set[str]:
    source = Path(__file__).parents[2] / "data_samples" / "reference" / "regions.csv"
    with source.open(encoding="utf-8", newline="") as file:
        return {row["code"] for row in csv.DictReader(file) if row["level"] == "regency"}


REGENCIES = _regencies()
