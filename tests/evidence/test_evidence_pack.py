"""The evidence pack: computed from the home, and the same in both languages."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

import pytest
from demonstration import ROOT
from setting_values import VALUES
from two_logins import ENGINEER, OFFICER, ROLES, approve_by_two

from anonymizer.evidence.pack import HomeState, page_values, render_pack, write_pack
from anonymizer.evidence.phrases import LANGUAGES, Language, Phrases, page_names, plain
from anonymizer.intake.objection_review import ReadRequest
from anonymizer.intake.objections import RowPlace
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.strictness import DIRECTIONS, Direction
from anonymizer.release.ledger import RELEASE, Ledger
from anonymizer.release.settings_change import record_settings, settings_change
from anonymizer.rights.requests import DEADLINE, RequestState
from anonymizer.rights.retention import Report
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from cli.commands.init import create_home
from cli.main import MODULES

TEMPLATES = ROOT / "anonymizer" / "evidence" / "templates"
MADE = datetime(2026, 11, 16, 3, 4, tzinfo=UTC)
Pages = Mapping[str, str]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(Home(tmp_path / "home"), date(2026, 11, 1))


def state_of(
    home: Home,
    requests: tuple[RequestState, ...] = (),
    removed: tuple[Report, ...] = (),
) -> HomeState:
    entries = Ledger.open(home.ledger).entries()
    return HomeState(settings_change(home, entries), entries, requests, removed)


def pages_of(home: Home, language: Language = "en") -> Pages:
    return render_pack(state_of(home), language)


def set_to(home: Home, path: str, value: Any) -> None:
    """One setting of a file that has no other."""
    lines = [f"{'  ' * depth}{part}:" for depth, part in enumerate(path.split("."))]
    lines[-1] += f" {value!r}".replace("True", "true").replace("False", "false")
    home.policy.write_text("\n".join(lines) + "\n", encoding="utf-8")


def placeholders(text: str) -> set[str]:
    return set(Template(text).get_identifiers())


def test_both_languages_have_the_same_pages_and_ask_for_the_same() -> None:
    assert page_names("en") == page_names("id")
    for name in page_names("en"):
        english, indonesian = (
            (TEMPLATES / language / name).read_text(encoding="utf-8") for language in LANGUAGES
        )
        assert placeholders(english) == placeholders(indonesian), name
        for mark in (r"^#+ ", r"^\|", r"^\d+\. ", r"^\* "):
            found = [len(re.findall(mark, text, re.M)) for text in (english, indonesian)]
            assert found[0] == found[1], (name, mark)
        for mark in (r"`[^`]+`", r"\]\([^)]+\)"):
            found_in = [sorted(re.findall(mark, text)) for text in (english, indonesian)]
            assert found_in[0] == found_in[1], (name, mark)


def test_both_languages_have_the_same_phrases_with_the_same_values() -> None:
    english, indonesian = (Phrases.of(language).texts for language in LANGUAGES)
    assert english.keys() == indonesian.keys()
    for key in english:
        found = [set(re.findall(r"{(\w+)[:}]", texts[key])) for texts in (english, indonesian)]
        assert found[0] == found[1], key


def test_every_value_is_on_a_page_and_every_phrase_is_said(home: Home) -> None:
    asked = set[str]()
    for path in (TEMPLATES / "en").glob("*.md"):
        asked |= placeholders(path.read_text(encoding="utf-8"))
    assert asked == set(page_values(state_of(home), Phrases.of("en")))
    code = "".join(p.read_text() for p in (ROOT / "anonymizer" / "evidence").glob("*.py"))
    beginnings = set(re.findall(r"f['\"](\w+_){", code))
    for key in Phrases.of("en").texts:
        said = re.search(rf"['\"]{key}['\"]", code)
        assert said or any(key.startswith(one) for one in beginnings), key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", VALUES)
def test_another_setting_is_another_sentence(home: Home, path: str, language: Language) -> None:
    """Not only in the list of all settings: the assessment says what the setting promises."""
    home.policy.write_text("{}\n", encoding="utf-8")
    home.segments.write_text("cross_tables: {age: [all], region: [all]}\n", encoding="utf-8")
    measured = Phrases.of(language).texts["not_measured"].split("{")[0]
    usual = pages_of(home, language)
    for value in VALUES[path]:
        if value in (None, 18, ["use", "disclosure"]):
            continue
        set_to(home, path, value)
        other = pages_of(home, language)
        name = "impact-assessment.md"
        before, after = (set(pages[name].splitlines()) for pages in (usual, other))
        said = {line for line in after - before if not line.startswith(measured)}
        assert said, (path, value)
        number = isinstance(value, int) and not isinstance(value, bool) and value > 1
        assert not number or Phrases.of(language).number(value) in "\n".join(said)
        assert usual["settings-history.md"] != other["settings-history.md"]


def test_settings_without_numbers_have_sentences_of_their_own(home: Home) -> None:
    home.policy.write_text(
        "promise: {k_jitter: 0, inference_k: 0, rounding: 1, near_jitter: 0, min_account_days: 0,\n"
        "  campaigns_per_person: 1}\nbots: {user_agent_words: []}\n"
        "plausibility: {max_share_change_by_reason: {minor: 0.05}}\n",
        encoding="utf-8",
    )
    home.segments.write_text("{}\n", encoding="utf-8")
    pages = pages_of(home)
    for words in (
        *("Figures are not rounded", "no secret offset", "it may still be provable"),
        *(
            "from their first day on",
            "at most one campaign",
            "words of user agents are not checked",
        ),
        *("Limits of single reasons: minor 5 %", "No interest has tables", "No login has a role"),
    ):
        assert any(words in text for text in pages.values()), words
    assert "The offset" not in pages["breach-runbook.md"]
    assert "nothing was promised; figures are not rounded" in pages["breach-runbook.md"]
    assert "promise.rounding, promise.near\\_jitter" in pages["three-tests.md"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_has_every_setting_and_the_direction_in_which_it_weakens(
    home: Home, language: Language
) -> None:
    page = pages_of(home, language)["settings-history.md"]
    for path, direction in DIRECTIONS.items():
        if "<code>" not in path:
            words = Phrases.of(language).texts[f"direction_{direction.name}"]
            assert re.search(rf"^\| {re.escape(plain(path))} \| .* \| {words} \|$", page, re.M), (
                path
            )
    assert Direction.NONE in DIRECTIONS.values()


def test_an_equal_home_gives_an_equal_pack(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    record_settings(home, Ledger.open(home.ledger), Secret.load(home.secret))
    first = pages_of(home)
    monkeypatch.setenv("TZ", "America/New_York")
    assert pages_of(home) == first
    assert Ledger.open(home.ledger).entries()[-1].hash in first["README.md"]


def test_the_history_says_what_changed_when_by_whom_and_who_approved(home: Home) -> None:
    ledger, secret = Ledger.open(home.ledger), Secret.load(home.secret)
    text = home.policy.read_text().replace("roles: {}", ROLES).replace("\n  k: 50", "\n  k: 60")
    home.policy.write_text(text, encoding="utf-8")
    record_settings(home, ledger, secret)
    ledger.append(RELEASE, "campaign-day-2026-11-17", {"period": "2026-11-17", "files": {}})
    segments = home.segments.read_text(encoding="utf-8")
    home.segments.write_text(segments.replace("[books, buku]", "[books, comics]"), encoding="utf-8")
    home.policy.write_text(text.replace("\n  k: 60", "\n  k: 40"), encoding="utf-8")
    waiting = pages_of(home)
    assert "**Not approved.**" in waiting["impact-assessment.md"]
    assert "promise.k" in waiting["README.md"]
    assert "at least 60 different people" in waiting["impact-assessment.md"]
    approve_by_two(home, ledger, secret)
    record_settings(home, ledger, secret)
    home.policy.write_text(
        home.policy.read_text().replace("private_days: 40", "private_days: 39"), encoding="utf-8"
    )
    record_settings(home, ledger, secret)

    page = pages_of(home)["settings-history.md"]
    first, second, third = re.split(r"^### ", page, flags=re.M)[1:]
    by = ledger.entries()[0].recorded.partition(" by ")[2]
    assert first.startswith("Settings number 1, for every period before the next version")
    assert f"(UTC) by {by}" in first
    assert "* promise.k: 50 → 60" in first
    assert f"* roles.privacy\\_officer: none → {OFFICER}" in first
    assert "periods that begin on 2026-11-18 or later" in second
    assert "Weaker: promise.k, interests.books.categories." in second
    for login, role in ((ENGINEER, "data\\_engineer"), (OFFICER, "privacy\\_officer")):
        assert f"by {login} ({role}): Agreed in the meeting." in second
    assert "* promise.k: 60 → 40" in second
    assert "* interests.books.categories: added comics, removed buku" in second
    assert third.startswith("Limits, retention or roles")
    assert "* No promise became weaker.\n* retention.private\\_days: 40 → 39" in third


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_says_from_which_day_its_settings_apply(home: Home, language: Language) -> None:
    """A version applies to periods that begin after everything that is released."""
    pages = (
        *("README.md", "impact-assessment.md", "record-of-processing.md", "three-tests.md"),
        *("settings-history.md", "breach-runbook.md"),
    )
    ledger, secret = Ledger.open(home.ledger), Secret.load(home.secret)
    every = Phrases.of(language).texts["applies_all"]
    from_a_day = Phrases.of(language).texts["applies_from"]

    def say(text: str) -> None:
        made = pages_of(home, language)
        assert all(text in made[name] for name in pages)

    text = home.policy.read_text(encoding="utf-8").replace("roles: {}", ROLES)
    home.policy.write_text(text, encoding="utf-8")
    say(every)
    record_settings(home, ledger, secret)
    ledger.append(RELEASE, "campaign-day-2026-11-17", {"period": "2026-11-17", "files": {}})
    say(every)
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 60"), encoding="utf-8")
    later = from_a_day.format(first="2026-11-18")
    say(later)  # the next run records them
    record_settings(home, ledger, secret)
    ledger.append(RELEASE, "campaign-day-2026-11-18", {"period": "2026-11-18", "files": {}})
    say(later)
    home.policy.write_text(text.replace("\n  k: 50", "\n  k: 40"), encoding="utf-8")
    say(later)  # not approved: those recorded last are described


@pytest.mark.parametrize("language", LANGUAGES)
def test_raw_values_are_said_to_be_read_where_they_are(home: Home, language: Language) -> None:
    pages = pages_of(home, language)
    for name in ("record-of-processing.md", "breach-runbook.md"):
        (told,) = [
            part
            for part in re.split(r"\n\n|\n\|", pages[name])
            if "referrer" in part or "cookie ids" in part or "id kuki" in part.replace("\n", " ")
        ]
        assert "`audience rights access`" in told
        assert "`private/`" in told


def request(
    file: str, row: int, kind: str = "erase", *, matched: bool | None = None
) -> RequestState:
    place = RowPlace("0" * 64, row)
    read = ReadRequest(file, place, "erase", MADE, bytes(16))
    return RequestState(read, kind, MADE + DEADLINE, None, matched, "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "matched", "phrase"),
    [
        ("access", None, "state_answer"),
        ("correct", None, "state_answer"),
        ("unread", None, "state_decide"),
        ("unread", True, "state_matched"),
        ("erase", None, "state_not_taken"),
        ("withdraw", None, "state_not_taken"),
        ("withdraw", False, "state_unmatched"),
        ("erase", True, "state_matched"),
    ],
)
def test_a_run_is_expected_to_take_in_objections_only(
    home: Home, kind: str, matched: bool | None, phrase: str, language: Language
) -> None:
    """The ledger never records that a run has taken in an access or a correction."""
    states = (request("requests/2026-11.csv", 4, kind, matched=matched),)
    page = render_pack(state_of(home, states), language)["requests.md"]
    (row,) = re.findall(r"^\| requests/2026.*$", page, re.M)
    assert row.endswith(f"| {Phrases.of(language).texts[phrase]} |")


def test_open_requests_have_deadlines_and_no_name_that_somebody_chose(home: Home) -> None:
    own = "requests/erase-20261116T030405Z-0123456789abcdef.jsonl"
    chosen = (
        "requests/budi.csv",
        "requests/081234567890.csv",
        "requests/a@b.csv",
        "requests/é.csv",
    )
    found = (
        request("requests/2026-11.csv", 4),
        request(own, 1),
        *(request(file, 2) for file in chosen),
    )
    done = RequestState(found[0].request, "access", MADE, MADE + timedelta(1), True, "")
    page = render_pack(state_of(home, (*found, done)), "en")["requests.md"]
    assert "| requests/2026-11.csv:4 | erasure | 2026-11-16 03:04 | 2026-11-19 03:04 |" in page
    assert f"| {own}:1 |" in page
    assert "6 open, 1 done." in page
    assert page.count("a file whose name is not repeated here") == len(chosen)
    for file in chosen:
        assert file not in page


def test_text_from_outside_is_shown_and_not_obeyed(home: Home) -> None:
    hostile = "[x](http://evil) | <b> `a` \\u202e"
    text = home.policy.read_text().replace("Example Company", f'"{hostile}"')
    home.policy.write_text(text, encoding="utf-8")
    page = pages_of(home)["record-of-processing.md"]
    assert "\\[x\\]\\(http://evil\\) \\| \\<b\\> \\`a\\` \\\\u202e" in page
    assert "\u202e" not in page


def test_retention_and_the_ledger_are_in_the_assessment(home: Home) -> None:
    removed = (Report(date(2026, 11, 1), {"people": 3}, {"profiles": 2}, {"visits": 1_000}),)
    page = render_pack(state_of(home, removed=removed), "en")["impact-assessment.md"]
    assert "* Files of outdated working data: 3" in page
    assert "* Rows of erased people: 1,000" in page
    ledger = Ledger.open(home.ledger)
    for day in ("2026-11-17", "2026-11-18"):
        ledger.append(RELEASE, f"campaign-day-{day}", {"period": day, "files": {}})
    ledger.append("exports", "campaign-day-2026-11-17", {"files": {"adv-01/a.csv": "0"}})
    said = {"reason": "A holiday.", "measures": ["visits"], "role": "", "accepted_on": "2026-11-18"}
    ledger.append("acceptance", "2026-11-17 0123", said)
    pages = pages_of(home)
    assert "* campaign-day: 2 releases, 2026-11-17 to 2026-11-18" in pages["impact-assessment.md"]
    assert "| Releases | 2 |" in pages["impact-assessment.md"]
    assert "Day 2026-11-17: accepted 2026-11-18 by role none" in pages["impact-assessment.md"]
    assert "written for 1 advertiser." in pages["record-of-processing.md"]


@pytest.mark.parametrize(
    ("files", "english", "indonesian"),
    [
        ([], "no exports have been written.", "belum ada ekspor yang dibuat."),
        (["adv-01"], "have been written for 1 advertiser.", "untuk 1 pengiklan."),
        (["adv-01", "adv-02"], "have been written for 2 advertisers.", "untuk 2 pengiklan."),
        (
            ["adv-01", "_all"],
            "written for 1 advertiser, and exports of the audience and interests for all",
            "untuk 1 pengiklan, dan ekspor audiens serta minat untuk semua pengiklan.",
        ),
        (["_all"], "only exports of the audience and interests", "hanya ekspor audiens"),
    ],
)
def test_recipients_are_advertisers_that_have_exports_of_their_own(
    home: Home, files: list[str], english: str, indonesian: str
) -> None:
    """The folder of exports for all advertisers is not an advertiser."""
    ledger = Ledger.open(home.ledger)
    for number, folder in enumerate(files):
        ledger.append("exports", f"release-{number}", {"files": {f"{folder}/a.csv": "0"}})
    for language, said in zip(LANGUAGES, (english, indonesian), strict=True):
        (row,) = re.findall(
            r"^\| (?:Recipients|Penerima) \|.*$",
            pages_of(home, language)["record-of-processing.md"],
            re.M,
        )
        assert said in row


def test_one_of_something_is_singular(home: Home) -> None:
    home.policy.write_text(
        "promise: {min_account_days: 1}\nbots: {max_visits_per_day: 1}\n"
        "retention: {closed_years: 1}\ntiming: {settle_seconds: 1}\n"
        "plausibility: {weeks: 1, min_rows: 1}\n",
        encoding="utf-8",
    )
    Ledger.open(home.ledger).append(RELEASE, "campaign-day-1", {"period": "2026-11-17"})
    text = " ".join(" ".join(pages_of(home).values()).split())
    for said in ("more than 1 visit on", "1 year ago", "1 release, 2026-11-17"):
        assert said in text
    assert not re.findall(r"(?<![\w.,:-])1 (?:days|people|[a-z]+ people|[a-z]+s)\b", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_recipient_has_an_answer_to_every_test(home: Home, language: Language) -> None:
    page = pages_of(home, language)["three-tests.md"]
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(re.findall(r"^## ", page, re.M)) == 6
    assert all(len(row) == 4 and all(cell.strip() for cell in row) for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_run_book_goes_through_all_promises_and_names_commands_that_exist(
    home: Home, language: Language
) -> None:
    pages = pages_of(home, language)
    page = pages["breach-runbook.md"]
    threats = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    promises = re.findall(r"^(\d+)\. \*\*", threats.split("## Who attacks")[0], re.M)
    assert re.findall(r"^\| (\d+) ", page, re.M) == promises
    assert "3 x 24" in page
    for text in pages.values():
        for command in re.findall(r"`audience ([a-z-]+)", text):
            assert command in MODULES
        for path in re.findall(r"`(docs/[^`]+)`", text):
            assert (ROOT / path).exists()


def test_it_is_written_for_its_owner_and_nowhere_else(home: Home, tmp_path: Path) -> None:
    pages = dict(pages_of(home))
    folder = tmp_path / "new" / "pack"
    write_pack(pages, folder, home)
    write_pack(pages, folder, home)
    assert {path.name for path in folder.iterdir()} == set(pages)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    (folder / "other.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    home.published.mkdir()
    (tmp_path / "link").symlink_to(home.published)
    for wrong in (
        *(folder, tmp_path / "file", home.published / "pack", home.raw / "pack"),
        *(home.published / ".." / "published" / "pack", tmp_path / "link" / "pack"),
    ):
        with pytest.raises(ConfigurationError, match="--output"):
            write_pack(pages, wrong, home)
