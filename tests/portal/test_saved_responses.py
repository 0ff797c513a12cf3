"""Saved responses of all roles: no private value, no other advertiser, no suppressed figure."""

import csv
import io
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from release_world import (
    AUTUMN,
    POLICY,
    SPRING,
    catalogue,
)
from saved_responses import ANONYMOUS, ROLES, SavedResponse, save_all
from test_segment_requests import figures, small_home

from anonymizer.audit.attack import attack
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.history.public_table import PublicTable
from anonymizer.audit.history.related_releases import joins_of
from anonymizer.model.periods import Period
from anonymizer.model.tables import Figures, TableKey
from anonymizer.storage.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("portal")]
Saved = Mapping[str, Sequence[SavedResponse]]
# What a home has of people, put into every private place of it.
CANARIES = (
    *("Zubaidah Kenarikanari", "zubaidah@canary.example", "+62-811-5550-1234", "user-canary-77"),
    *("cookie-canary-78", "203.0.113.77", "https://canary.example/landing?utm_id=9"),
    "c0ffee" * 10 + "beef",
)
_DESCRIPTION = "openapi.json"  # it names statuses, as 503
FLOOR = POLICY.promise.inference_floor
OTHER_NAMES = {
    "of-maju": ("autumn", "Autumn Sale", "jaya", "PT Jaya", "autumn-sale"),
    "of-jaya": ("spring", "Spring Sale", "maju", "PT Maju", "spring-sale"),
}
OTHER_NAMES[ANONYMOUS] = OTHER_NAMES["of-maju"] + OTHER_NAMES["of-jaya"]


@pytest.fixture(scope="module")
def saved(portal_world: Home, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The answers of a home whose private places are full of canaries."""
    home = Home(shutil.copytree(portal_world.root, tmp_path_factory.mktemp("saved") / "home"))
    text = "\n".join(CANARIES)
    for path in ("raw/profiles/day=2026-11-22/a.csv", "private/quarantine/a.csv", "secret.key"):
        (home.root / path).parent.mkdir(parents=True, exist_ok=True)
        (home.root / path).write_text(text, encoding="utf-8")
    return save_all(home)


def test_every_role_is_answered(saved: Saved) -> None:
    """Pages, files and errors: a crawl that finds nothing proves nothing."""
    assert set(saved) == {*(one.login for one in ROLES), ANONYMOUS}
    statuses = {role: {answer.status for answer in answers} for role, answers in saved.items()}
    for role in ("of-maju", "analyst", "officer", "engineer"):
        assert statuses[role] >= {200, 400, 404, 410}, role
        kinds = {answer.asked.rpartition(".")[2] for answer in saved[role] if answer.status == 200}
        assert kinds >= {"xlsx", "csv", "parquet", "json"}, role
        assert any("/packages/" in one.asked and one.status == 200 for one in saved[role]), role
    assert statuses[ANONYMOUS] == {200, 303, 401}
    assert sum(len(answers) for answers in saved.values()) > 500


def test_nothing_of_a_person_is_in_any_answer(saved: Saved) -> None:
    words = [canary.lower().encode() for canary in CANARIES]
    for answers in saved.values():
        for answer in answers:
            texts = [*(part for _, part in answer.parts()), repr(answer.headers).encode()]
            for text in texts:
                lowered = text.lower()
                assert not [word for word in words if word in lowered], answer.asked


def test_an_advertiser_is_not_told_of_another_one(saved: Saved) -> None:
    for role, names in OTHER_NAMES.items():
        pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
        for answer in saved[role]:
            asked = answer.asked.partition(" ")[2]
            for name, part in answer.parts():
                text = part.decode("utf-8", "replace")
                for repeated in (asked, asked.partition("?")[0], "jaya", "autumn"):
                    if repeated in asked:  # what was asked for may be repeated, as a search is
                        text = text.replace(repeated, "")
                assert not pattern.search(text), (role, answer.asked, name)
            if answer.status != 303:
                assert not pattern.search(repr(answer.headers)), (role, answer.asked)


def test_no_answer_states_a_true_count(saved: Saved) -> None:
    """Of segments that are published rounded, and of those that are suppressed."""
    counts = {*SPRING.values(), *AUTUMN.values()}
    hidden = [count for count in sorted(counts) if count % 10 and count > 99]
    assert len(hidden) > 3
    pattern = re.compile(rf"(?<![\w.,:%-])(?:{'|'.join(map(str, hidden))})(?![\w.,:%-])")
    described = {
        one.body for answers in saved.values() for one in answers if _DESCRIPTION in one.asked
    }
    assert len(described) == 1, "the description of the API is the same for everyone"
    for answers in saved.values():
        for answer in (one for one in answers if _DESCRIPTION not in one.asked):
            for name, part in answer.parts():
                if answer.is_page or name.endswith((".csv", ".json")) or "#people" in name:
                    text = part.decode("utf-8", "replace").partition("<main")
                    assert not pattern.search(text[2] or text[0]), (answer.asked, name)
            lengths = [value for name, value in answer.headers if name != "content-length"]
            assert not pattern.search(" ".join(lengths)), answer.asked


def test_worlds_that_differ_in_a_suppressed_group_are_answered_alike(tmp_path: Path) -> None:
    """Status, headers, length and body, whoever asks; tokens, digests and signatures are random."""
    homes = [small_home(tmp_path / str(people), people) for people in (27, 34)]
    assert figures(homes[0]) == figures(homes[1]), "the draws of both give the same figures"
    one, other = (save_all(home) for home in homes)
    assert set(one) == set(other)
    for role, answers in one.items():
        assert [answer.asked for answer in answers] == [answer.asked for answer in other[role]]
        for here, there in zip(answers, other[role], strict=True):
            assert here.lasting() == there.lasting(), here.asked
            assert here.is_page <= (len(here.body) == len(there.body)), here.asked
    assert any(
        "women_makassar" in part.decode()
        for answer in one["of-maju"]
        if answer.asked.endswith(".csv")
        for _, part in answer.parts()
    )


def test_a_figure_that_differs_is_noticed(tmp_path: Path) -> None:
    """The comparison above can fail: a published group of another size is seen at once."""
    homes = [small_home(tmp_path / str(people), people) for people in (27, 340)]
    one, other = (save_all(home, ROLES[:1]) for home in homes)
    differing = [
        here.asked
        for here, there in zip(one["of-maju"], other["of-maju"], strict=False)
        if here.lasting() != there.lasting()
    ]
    assert "GET /figures/campaign/spring" in differing


def read_figures(answers: Sequence[SavedResponse]) -> dict[TableKey, dict[int, int]]:
    """The figures that a reader finds in the files and answers for programs, by table."""
    found: defaultdict[TableKey, dict[int, int]] = defaultdict(dict)
    for answer in (one for one in answers if one.status == 200):
        for name, part in answer.parts():
            rows = csv.DictReader(io.StringIO(part.decode())) if name.endswith(".csv") else ()
            for row in rows:
                key = row["subject_kind"], row["subject_id"], row["period"], row["segment_id"]
                _add(found, key, row["people"])
        if answer.asked.startswith("GET /api/v1/figures"):
            for one in json.loads(answer.body)["items"]:
                subject, segment = one["subject"], one["segment"]["id"]
                key = subject["kind"], subject["id"], one["period"]["id"], segment
                _add(found, key, one["people"])
    return found


def _add(
    found: dict[TableKey, dict[int, int]], key: tuple[str, str, str, str], people: str | None
) -> None:
    kind, subject, period, segment = key
    table = found[TableKey(kind, subject, Period.from_id(period))]  # type: ignore[arg-type]
    if people:
        row = catalogue().positions[segment]
        assert table.setdefault(row, int(people)) == int(people), "all answers agree"


def public_table(key: TableKey, people: Mapping[int, int]) -> PublicTable:
    rows = np.array(sorted(people), dtype=np.int32)
    shown = Figures(key, rows, np.array([people[row] for row in rows.tolist()], dtype=np.int64))
    possible = np.ones(catalogue().shape, dtype=bool)
    return PublicTable(shown, catalogue(), POLICY.promise, possible, POLICY.promise.error_of((10,)))


@pytest.mark.parametrize("role", [one.login for one in ROLES])
def test_the_attack_finds_no_small_group_in_what_a_role_has_seen(saved: Saved, role: str) -> None:
    tables = [public_table(key, people) for key, people in read_figures(saved[role]).items()]
    assert len(tables) >= 6
    for table in tables:
        assert not attack(table.figures, catalogue(), POLICY.promise, table.possible), table.key
    days = [one for one in tables if one.key.period.kind == "day"]
    for longer in (
        one for one in tables if one.key.period.kind != "day" and one.key.kind == "campaign"
    ):
        left = withhold_joined(joins_of([longer], days), [longer], FLOOR)
        assert not left.findings, longer.key
        assert not left.beyond_help


def test_the_attack_finds_a_small_group_that_is_published(saved: Saved) -> None:
    """One figure more, and men, women and everyone leave fewer than 10 people."""
    key, people = next(
        (key, dict(people)) for key, people in read_figures(saved["of-maju"]).items()
    )
    men, everyone = (catalogue().positions[name] for name in ("men", "everyone"))
    people[men] = people[everyone]
    people[catalogue().positions["women"]] = 60
    assert attack(
        public_table(key, people).figures,
        catalogue(),
        POLICY.promise,
        np.ones(catalogue().shape, dtype=bool),
    )
