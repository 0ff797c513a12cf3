"""Everything that is wrong with `sources.yaml` is reported at once, by line, with a remedy."""

import re
from importlib.resources import files
from textwrap import dedent

import pytest
from demonstration import ROOT

from anonymizer.model.errors import ConfigurationError
from anonymizer.sources.field_paths import Element, parse_path
from anonymizer.sources.file_layout import compile_pattern
from anonymizer.sources.mapping_statement import compile_statement
from anonymizer.sources.source_catalogue import PRESETS, parse_sources

SOUND = """
visits:
  web:
    location: logs
    files: "{day}/*.csv"
    format: csv
    columns: {visit_id: v, user_id: u, occurred_at: t, url: p}
"""


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        parse_sources(dedent(text))
    return [str(fault) for fault in raised.value.faults]


def test_all_mistakes_of_all_sources_are_reported_at_once() -> None:
    found = faults(
        """
        visits:
          web:
            location: ../logs
            files: "*.csv"
            format: csv
            columns:
              visit_id: v
              user_id: {constant: everyone}
              occured_at: t
              url: {path: p, join: [a]}
          Web2:
            files: "{day}/{hours}.csv"
            columns:
              visit_id: v
              user_id: "u..id"
              occurred_at: {path: t, time: "%d/%m/%Y", zone: Asia/Jakata}
              url: {path: p, date: "%Y"}
        requests:
          desk:
            preset: zendesk
        consents:
          cmp:
            location: requests/cmp
            files: "{day}.csv"
            format: csv
            columns: {user_id: u, granted: g, decided_at: {path: t, time: "%H:%M"}}
            purposes: {use: {path: g, values: {yes: "true"}}}
        """
    )
    text = "\n".join(found)
    for part in (
        "sources.yaml:11 visits.web.columns.url: exactly one of path",
        "sources.yaml:28 consents.cmp.purposes.use",
        "write it in quotation marks",
        "sources.yaml:12 visits.Web2: 'Web2' is not a name of a source",
        "sources.yaml:12 visits.Web2: location is missing",
        "sources.yaml:12 visits.Web2: format is missing",
        "has a placeholder that is none of {day}",
        "'u..id' is not a path",
        "'Asia/Jakata' is not a time zone",
        "the values of this column are not those of date",
        "'zendesk' is not a preset",
    ):
        assert part in text, (part, text)


def test_mistakes_beyond_the_form_are_reported() -> None:
    text = "\n".join(
        faults(
            """
            visits:
              web:
                location: ../logs
                files: "*.csv"
                format: csv
                columns:
                  visit_id: v
                  user_id: {constant: everyone}
                  occured_at: t
                  url: p
            consents:
              cmp:
                location: requests/cmp
                files: "{day}.csv"
                format: csv
                header: [u, t, t]
                from_day: 2026-01-02
                to_day: 2026-01-01
                columns: {user_id: u, granted: g, decided_at: {path: t, time: "%H:%M"}}
                purposes: {use: g}
            """
        )
    )
    for part in (
        "'../logs' is not a folder below raw/",
        "'*.csv' does not say on which day a file arrived",
        "visits has no column 'occured_at' (did you mean occurred_at?",
        "everyone would be one person",
        "occurred_at is not mapped",
        "raw/requests has files of the raw contract",
        "consents has no days",
        "a name stands twice: t",
        "the last day is before from_day",
        "the times have no zone",
        "purposes says what this is",
    ):
        assert part in text, (part, text)


@pytest.mark.parametrize("location", ["consents", "consents/cmp", "visits", "campaigns/x"])
def test_a_location_takes_no_table_over(location: str) -> None:
    """The contract's own files would be passed over: they fit no pattern of the source."""
    assert (
        "files of the raw contract"
        in faults(SOUND.replace("location: logs", f"location: {location}"))[0]
    )
    assert parse_sources(SOUND.replace("location: logs", "location: logs/consents")).all


def test_a_name_is_used_once() -> None:
    profiles = """
profiles:
  web:
    location: crm
    files: "{day}.csv"
    format: csv
    columns: {user_id: u, registered_at: r}
"""
    assert "two sources are named 'web'" in faults(SOUND + profiles)[0]


@pytest.mark.parametrize("time", ["epoch", "%Q", "yesterday", "epoch_us "])
def test_a_format_of_times_is_of_a_closed_list(time: str) -> None:
    text = SOUND.replace("occurred_at: t", f'occurred_at: {{path: t, time: "{time}", zone: UTC}}')
    assert "is not a format of times" in faults(text)[0]


def test_texts_of_the_file_never_become_sql() -> None:
    evil = "x'); DROP TABLE t; --"
    text = SOUND.replace("url: p", f'url: {{path: "{evil}", values: {{"{evil}": "{evil}"}}}}')
    text = text.replace("format: csv", f'format: csv\n    keep: {{"{evil}": "{evil}"}}')
    (source,) = parse_sources(text).all
    statement = compile_statement(source, ("visit_id", "url"), frozenset())
    assert "DROP" not in statement.text
    assert list(statement.parameters.values()).count(evil) == 3


def test_the_default_describes_nothing_and_is_sound_without_its_marks() -> None:
    text = files("anonymizer").joinpath("defaults/sources.yaml").read_text("utf-8")
    assert not parse_sources(text).all
    body = "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if re.match(r"# ( |visits:|deletions:)", line)
    )
    described = parse_sources(body)
    assert {source.name for source in described.all} == {"web", "analytics", "shop"}
    assert described.deletions is not None
    assert set(described.deletions.issuers) == {"publisher.example"}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b.c", ("a", "b", "c")),
        ("a[2].b", ("a", Element(position=2), "b")),
        ("p[key=page.url].value", ("p", Element(key="key", value="page.url"), "value")),
        ("`a.b`.c", ("a.b", "c")),
    ],
)
def test_a_path_is_read_in_steps(text: str, steps: tuple[object, ...]) -> None:
    assert parse_path(text, nested=True).steps == steps
    assert parse_path(text, nested=False).steps == (text,)


@pytest.mark.parametrize(
    ("pattern", "name", "day"),
    [
        ("akses-{day}.csv", "akses-2026-11-02.csv", "2026-11-02"),
        ("events_{yyyymmdd}[-_.]*", "events_20261102-000.parquet", "2026-11-02"),
        ("events_{yyyymmdd}[-_.]*", "events_20261102000", None),
        ("events_{yyyymmdd}*", "events_20261102000", "2026-11-02"),
        ("{year}/{month}/{date}/*.gz", "2026/11/02/a.gz", "2026-11-02"),
        ("day={day}/run=*/{day}.csv", "day=2026-11-02/run=1/2026-11-02.csv", "2026-11-02"),
        ("day={day}/run=*/{day}.csv", "day=2026-11-02/run=1/2026-11-03.csv", None),
        ("{day}.csv", "2026-02-30.csv", None),
        ("{day}/*", "2026-11-02/a/b", None),
        ("(.+){day}.csv", "x2026-11-02.csv", None),
    ],
)
def test_a_pattern_says_for_which_day_a_file_arrived(
    pattern: str, name: str, day: str | None
) -> None:
    found = compile_pattern(pattern).match(name)
    assert (str(found.day) if found else None) == day


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_complete(name: str) -> None:
    text = f"visits: {{web: {{preset: {name}, location: x}}}}"
    (source,) = parse_sources(text).all
    assert source.settings.columns.keys() >= {"visit_id", "user_id", "occurred_at", "url"}


@pytest.mark.parametrize("page", ["sources.md", "operations.md"])
def test_what_the_documents_show_is_sound(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n((?:visits|consents|deletions):.*?)^```$", text, re.M | re.S)
    assert blocks
    for block in blocks:
        parse_sources(block)
