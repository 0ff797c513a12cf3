"""`audience audit` as anyone calls it."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from published_tables import HIERARCHY, TABLE, write
from typer.testing import CliRunner

from anonymizer.audit import attack_limits
from anonymizer.model.errors import ConfigurationError
from cli.main import app

ROOT = Path(__file__).parents[2]
CARELESS = TABLE.replace("A,f,withheld,", "A,f,published,95")


DISCLOSED, UNDECIDED = 1, 7  # exit codes
STAGES = [
    "Checking the figures against the rules and each other ...",
    "Subtracting figures from each other ...",
    "Combining figures, and searching for tables that fit them ...",
    "Checking which suppressed segments are too small as a whole ...",
    "Checking what a person who is alone in a cell can derive ...",
    "Testing the assumption that all suppressed segments are below the threshold ...",
]


def run(*arguments):
    result = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def report(folder, *arguments):
    run(*arguments, "--report", folder / "audit.json")
    return json.loads((folder / "audit.json").read_text())


def explanations(found):
    return [finding["explanation"] for finding in found]


def test_a_table_that_withstands_ends_with_0(tmp_path):
    code, text = run(write(tmp_path), "--inference-k", 10)
    assert code == 0
    assert "WITHSTOOD" in text


def test_a_disclosure_ends_with_1_and_says_how(tmp_path):
    code, text = run(write(tmp_path, CARELESS), "--inference-k", 10)
    assert code == 1
    assert "100 - 95 = 5. So 'region A gender m' has exactly 5 people" in text
    assert "1 of 5 suppressed segments provably have fewer than 10 people" in text


def test_exact_solution_is_another_promise(tmp_path):
    code, text = run(write(tmp_path, CARELESS), "--inference-k", 0)
    assert code == 1
    assert "'region A gender m' has exactly 5 people, although suppressed" in text
    assert run(write(tmp_path), "--inference-k", 0)[0] == 0


def test_background_gives_away_what_the_table_does_not(tmp_path):
    known = write(tmp_path, "region,gender,people\nA,f,95\n", "known.csv")
    for floor in (10, 0):
        code, text = run(write(tmp_path), "--inference-k", floor, "--background", known)
        assert code == 1
        assert "95, background knowledge" in text


def test_what_background_alone_tells_is_no_disclosure(tmp_path):
    known = write(tmp_path, "region,gender,people\nA,m,3\nA,f,97\n", "known.csv")
    for floor in (10, 0):
        done = report(tmp_path, write(tmp_path), "--inference-k", floor, "--background", known)
        assert done["withstood"], done["findings"]


def test_overlapping_groups_are_cut(tmp_path):
    """North is A and B: with North and C short of each other by little, somebody is alone."""
    hierarchy = write(tmp_path, HIERARCHY + "South,B\nSouth,C\n", "regions.csv")
    text = "region,status,people\nTotal,published,103\nNorth,published,100\nSouth,published,100\n"
    done = report(
        tmp_path, write(tmp_path, text), "--inference-k", 10, "--hierarchy", f"region={hierarchy}"
    )
    assert len(done["findings"]) == 2
    assert [row["region"] for row in done["too_small"]] == []


def test_intervals_are_the_tightest(tmp_path):
    run(write(tmp_path, CARELESS), "--inference-k", 0, "--intervals", tmp_path / "intervals.csv")
    assert (tmp_path / "intervals.csv").read_text().splitlines() == [
        "region,gender,least,most,least_reached,most_reached",
        "A,m,5,5,yes,yes",
        "B,f,0,65,yes,yes",
        "B,m,45,110,yes,yes",
        "C,f,0,65,yes,yes",
        "C,m,25,90,yes,yes",
    ]


PAIR = """place,sex,status,people
Total,Total,published,60
Total,f,published,21
Total,m,published,39
A,Total,published,20
B,Total,published,22
C,Total,published,18
C,f,published,18
C,m,published,0
A,f,withheld,
A,m,withheld,
B,f,withheld,
B,m,withheld,
"""


def test_singletons_are_notes_unless_asked_for(tmp_path):
    """Women of A and B are 3 together: who is the only one in A knows of 2 in B."""
    done = report(tmp_path, write(tmp_path, PAIR), "--inference-k", 0)
    assert done["withstood"]
    notes = {note["segments"][0]: note for note in done["notes"]}
    assert set(notes) == {"A:f", "B:f"}
    assert "'place B sex f' (2)" in notes["A:f"]["explanation"]
    code, text = run(write(tmp_path, PAIR), "--inference-k", 0, "--singletons")
    assert code == 1
    assert "alone in 'place A sex f' knows that it counts 1" in text


def test_a_cell_that_cannot_count_1_has_no_singleton(tmp_path):
    more = PAIR.replace("Total,f,published,21", "Total,f,published,40")
    more = more.replace("Total,m,published,39", "Total,m,published,20")
    notes = report(tmp_path, write(tmp_path, more), "--inference-k", 0)["notes"]
    assert {note["segments"][0] for note in notes} == {"A:f", "A:m", "B:m"}


def test_public_zeros_put_somebody_into_each_withheld_cell(tmp_path):
    """3 in two cells that are not empty: 1 and 2, so 2 at most in each."""
    done = report(tmp_path, write(tmp_path, PAIR), "--inference-k", 3, "--zeros", "public")
    assert not done["withstood"]
    assert {"place": "A", "sex": "f"} in done["too_small"]
    rows = {tuple(row["segment"].values()): row for row in done["intervals"]}
    assert (rows["A", "f"]["least"], rows["A", "f"]["most"]) == (1, 2)
    assert ("C", "m") not in rows
    kinds = {
        f["kind"] for f in report(tmp_path, write(tmp_path, PAIR), "--inference-k", 3)["findings"]
    }
    assert "homogeneity" in kinds


def test_a_listed_cell_may_have_more_than_one_that_is_not(tmp_path):
    """12 in A, which is not empty, and B, which is not listed: 12 may be in A, 11 in B."""
    hierarchy = write(tmp_path, "parent,child\nTotal,A\nTotal,B\n", "places.csv")
    table = write(tmp_path, "place,status,people\nTotal,published,12\nA,withheld,\n")
    options = ("--hierarchy", f"place={hierarchy}", "--zeros", "public")
    done = report(tmp_path, table, "--inference-k", 12, *options)
    assert [text.rsplit(". ", 1)[1] for text in explanations(done["findings"])] == [
        "So 'place B' has at most 11 people"
    ]
    assert report(tmp_path, table, "--inference-k", 11, *options)["withstood"]


def test_the_guess_is_refuted_by_a_figure_inside(tmp_path):
    text = TABLE.replace("A,Total,published,100", "A,Total,withheld,").replace(
        "A,f,withheld,", "A,f,published,60"
    )
    guess = report(tmp_path, write(tmp_path, text), "--inference-k", 0, "--k", 50)["guess"]
    assert guess["outcome"] == "refuted"
    assert (
        "contains 'region A gender f', whose figure reaches the threshold of 50"
        in guess["findings"][0]["explanation"]
    )


def test_the_guess_may_be_consistent_and_teach(tmp_path):
    """Whoever takes both withheld groups to be below 10 knows them between 3 and 9."""
    text = "place,status,people\nTotal,published,112\nA,published,100\nB,withheld,\nC,withheld,\n"
    table = write(tmp_path, text)
    assert report(tmp_path, table, "--inference-k", 10)["guess"]["outcome"] == "not asked"
    done = report(tmp_path, table, "--inference-k", 10, "--k", 10)
    assert done["withstood"]
    assert done["guess"]["outcome"] == "consistent"
    assert (
        "assumed to be below the threshold, so at most 9"
        in done["guess"]["findings"][0]["explanation"]
    )


def test_rules_that_figures_break_are_found(tmp_path):
    table = write(tmp_path)
    done = report(tmp_path, table, "--inference-k", 10, "--rounding", 7)
    assert {finding["kind"] for finding in done["findings"]} == {"rule"}
    done = report(tmp_path, table, "--inference-k", 10, "--k", 95)
    assert [finding["segments"] for finding in done["findings"]] == [["C:Total"]]


def test_rounding_counts_in_favour_of_the_table(tmp_path):
    text = CARELESS.replace("A,f,published,95", "A,f,published,90")
    assert run(write(tmp_path, text), "--inference-k", 10, "--rounding", 10)[0] == 0


def test_the_report_is_the_same_every_time(tmp_path):
    table = write(tmp_path, PAIR)
    first = report(tmp_path, table, "--inference-k", 10, "--zeros", "public", "--k", 10)
    assert report(tmp_path, table, "--inference-k", 10, "--zeros", "public", "--k", 10) == first
    assert first["format"] == 2


def test_mistakes_are_told_at_once(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        run(tmp_path / "none.csv", "--inference-k", -1, "--hierarchy", "x", "--rounding", 0)
    assert len(caught.value.faults) == 4
    assert caught.value.exit_code == 2


@pytest.mark.alternate("start-up")
def test_nothing_heavy_is_imported(tmp_path):
    heavy = ("pandas", "duckdb", "sqlalchemy", "dagster", "pyarrow")
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom cli.main import app\n"
        f"CliRunner().invoke(app, ['audit', {str(write(tmp_path))!r}, '--inference-k', '10'])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.alternate("pages")
def test_the_page_does_what_it_says(tmp_path):
    page = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    # What reads the demo is run with it, in tests/docs.
    own = [text for language, text in blocks if language == "sh" and " demo/" not in text]
    script = "set -e\n" + "".join(own)
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [text for language, text in blocks if not language]
    assert len(shown) == 2
    assert all(text in done.stdout for text in shown)


def test_a_withheld_twin_of_a_public_zero_and_a_figure_contradicts_nothing(tmp_path):
    """It is known to have somebody; that is no count to hold against the figure."""
    hierarchy = write(tmp_path, "parent,child\nTotal,a\nTotal,b\nTotal,c\nab,a\nab,b\n", "h.csv")
    table = "d,status,people\na,published,15\nb,published,0\nc,withheld,\nab,withheld,\n"
    file = write(tmp_path, table + "Total,published,40\n")
    options = ("--hierarchy", f"d={hierarchy}", "--zeros", "public", "--inference-k", 10)
    done = report(tmp_path, file, *options)
    assert done["withstood"], explanations(done["findings"])


@pytest.mark.parametrize("most_whole", [400, 0])
def test_nobody_in_a_published_segment_solves_each_of_its_cells(tmp_path, monkeypatch, most_whole):
    monkeypatch.setattr(attack_limits, "MOST_WHOLE", most_whole)
    table = TABLE.replace("Total,published,300", "Total,published,200")
    table = table.replace("A,Total,published,100", "A,Total,published,0")
    table = table.replace("Total,f,published,160", "Total,f,withheld,")
    table = table.replace("Total,m,published,140", "Total,m,withheld,")
    code, text = run(write(tmp_path, table), "--inference-k", 0)
    assert code == 1
    assert (
        "no one is in 'region A gender Total', 0 in each of its cells, although suppressed" in text
    )


def test_a_report_gives_intervals_where_they_are_few(tmp_path, monkeypatch):
    file = write(tmp_path)
    assert report(tmp_path, file, "--inference-k", 10)["intervals"]
    monkeypatch.setattr(attack_limits, "FEW_SEGMENTS", 5)
    assert report(tmp_path, file, "--inference-k", 10)["intervals"] is None
    asked = ("--intervals", tmp_path / "intervals.csv")
    assert report(tmp_path, file, "--inference-k", 10, *asked)["intervals"]


# The budget


@pytest.fixture
def crossed(tmp_path):
    """The options for regions by ages, also in pairs, with all sums; below 10 is suppressed."""
    people = np.random.default_rng(3).poisson(9, (14, 8))
    ages = [f"a{n}" for n in range(8)]
    pairs = [[f"p{n // 2}", age] for n, age in enumerate(ages)]
    members = {"Total": ages, **{age: [age] for age in ages}}
    for pair, age in pairs:
        members.setdefault(pair, []).append(age)
    tree = [
        ["parent", "child"],
        *(["Total", pair] for pair in sorted(set(members) - {"Total", *ages})),
        *pairs,
    ]
    rows = [["region", "age", "status", "people"]]
    for region, counts in [
        *((f"r{n:02}", row) for n, row in enumerate(people)),
        ("Total", people.sum(axis=0)),
    ]:
        for code, leaves in members.items():
            count = int(sum(counts[ages.index(leaf)] for leaf in leaves))
            shown = ("published", count) if count >= 10 else ("suppressed", "")
            rows.append([region, code, *shown])
    for name, content in (("crossed", rows), ("ages", tree)):
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(content)
    return tmp_path / "crossed.csv", "--hierarchy", f"age={tmp_path / 'ages.csv'}"


def test_a_budget_of_1_ends_with_7_and_says_what_is_not_decided(tmp_path):
    code, text = run(write(tmp_path), "--inference-k", 10, "--work", 1)
    assert code == UNDECIDED
    assert "UNDECIDED: nothing found, but not every group is decided." in text
    assert "Not decided within the budget of 1 units of work: 6 groups with 6 cells: '" in text
    assert "6 cells: 'region A gender f', 'region A gender m', 'region B gender f'" in text
    assert "WITHSTOOD" not in text


def test_what_is_not_decided_is_in_the_report(tmp_path):
    done = report(tmp_path, write(tmp_path), "--inference-k", 10, "--work", 1)
    assert (done["outcome"], done["withstood"]) == ("undecided", False)
    assert done["undecided"]["groups"] == done["undecided"]["cells"] == 6
    assert len(done["undecided"]["first"]) == 5
    assert done["work"]["limit"] == 1
    assert 1 <= done["work"]["spent"] < 1_000
    assert report(tmp_path, write(tmp_path), "--inference-k", 10)["undecided"]["groups"] == 0


def test_a_disclosure_counts_whatever_is_not_decided(tmp_path):
    code, text = run(write(tmp_path, CARELESS), "--inference-k", 10, "--work", 1)
    assert code == DISCLOSED
    assert "So 'region A gender m' has exactly 5 people" in text
    assert "Not decided within the budget" in text


def test_a_budget_of_1_leaves_solutions_undecided(tmp_path):
    code, text = run(write(tmp_path, CARELESS), "--inference-k", 0, "--work", 1)
    assert code == UNDECIDED
    assert "Not decided within the budget" in text
    assert "What a person alone in a cell can derive: not decided within the budget." in text


def test_a_budget_of_1_leaves_the_assumption_undecided(tmp_path):
    text = (
        "place,status,people\nTotal,published,112\nA,published,100\nB,suppressed,\nC,suppressed,\n"
    )
    table = write(tmp_path, text)
    guess = report(tmp_path, table, "--inference-k", 10, "--k", 10, "--work", 1)["guess"]
    assert guess == {"outcome": "undecided", "findings": []}


@pytest.mark.parametrize("work", [1, 300, 10_000, 3_000_000])
def test_the_same_budget_gives_the_same_report(tmp_path, crossed, work):
    options = ("--inference-k", 10, "--k", 10, "--work", work)
    assert report(tmp_path, *crossed, *options) == report(tmp_path, *crossed, *options)


def test_a_larger_budget_decides_more_and_takes_nothing_back(tmp_path, crossed):
    done = [
        report(tmp_path, *crossed, "--inference-k", 10, "--work", work)
        for work in (1, 300, 3_000_000)
    ]
    open_ = [one["undecided"]["groups"] for one in done]
    assert open_[0] > open_[1] > open_[2] == 0
    small = [{tuple(row.values()) for row in one["too_small"]} for one in done]
    assert small[0] < small[2]
    assert small[0] <= small[1] <= small[2]


def test_the_assumption_gets_a_third_of_the_budget(tmp_path, crossed):
    """It never counts against the table, so it must not use up what other questions need."""
    without = report(tmp_path, *crossed, "--inference-k", 10, "--work", 10_000)
    done = report(tmp_path, *crossed, "--inference-k", 10, "--k", 10, "--work", 10_000)
    assert done["findings"] == without["findings"]
    assert done["guess"]["outcome"] == "undecided"
    assert 3_000 < done["work"]["spent"] - without["work"]["spent"] < 4_500


def test_intervals_of_a_small_budget_are_wider(tmp_path, crossed):
    ends = []
    for work in (1, 3_000_000):
        out = tmp_path / f"{work}.csv"
        run(*crossed, "--inference-k", 0, "--intervals", out, "--work", work)
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        ends.append([(int(row["least"]), int(row["most"])) for row in rows])
    assert len(ends[0]) == len(ends[1])
    assert all(a <= c <= d <= b for (a, b), (c, d) in zip(*ends, strict=True))
    assert ends[0] != ends[1]


@pytest.mark.parametrize("work", [0, -1, 10**13])
def test_a_budget_is_a_positive_number(tmp_path, work):
    with pytest.raises(ConfigurationError) as caught:
        run(write(tmp_path), "--inference-k", 10, "--work", work)
    assert "--work" in str(caught.value)


# What is printed, and when


# A pipe that nobody flushes keeps lines back, unless Python is told to keep nothing back at all.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def command(*arguments):
    """The command as a process of its own."""
    return [sys.executable, "-m", "cli.main", "audit", *map(str, arguments)]


@pytest.mark.alternate("the command audit")
def test_findings_are_printed_before_the_next_stage_begins(crossed):
    """Results and stages through one pipe: a process that kept results back would mix them up."""
    words = command(*crossed, "--inference-k", 10, "--k", 10)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT, env=BUFFERED
    ) as done:
        lines = done.stdout.read().decode().splitlines()
    assert [line for line in lines if line in STAGES] == STAGES
    position = {stage: lines.index(stage) for stage in STAGES}
    _, differences, combinations, _, _, guess = (position[stage] for stage in STAGES)

    def first(text):
        return next(number for number, line in enumerate(lines) if text in line)

    assert lines[0].startswith("crossed.csv: ")
    assert differences < first("(difference)") < combinations
    assert combinations < first("(inference)") < guess
    assert guess < first("below the threshold;") < first("DISCLOSES: ")
    verdict = first("DISCLOSES: ")
    assert not [line for line in lines[verdict:] if line in STAGES or line.startswith("- ")]


@pytest.mark.alternate("the command audit")
def test_facts_can_be_read_while_the_rest_is_still_computed(crossed):
    """Whoever reads the pipe has the differences while the process is at work."""
    words = command(*crossed, "--inference-k", 10)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=BUFFERED
    ) as done:
        for line in done.stdout:
            if b"(difference)" in line:
                break
        assert done.poll() is None
        done.kill()


@pytest.mark.alternate("the command audit")
def test_an_audit_that_is_stopped_gives_the_verdict_it_has(crossed):
    """It is complete after the segments; the guess that follows does not change it."""
    words = command(*crossed, "--inference-k", 10, "--k", 10)
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=BUFFERED, text=True
    ) as done:
        for line in done.stderr:
            if line.strip() == STAGES[-1]:
                break
        done.send_signal(signal.SIGINT)
        assert "DISCLOSES" in done.stdout.read()


def test_what_an_export_leaves_out_is_not_said_to_be_published(tmp_path):
    path = tmp_path / "part.csv"
    path.write_text(
        "region,sex,status,people\nTotal,Total,published,300\nA,Total,published,100\n"
        "B,f,published,90\n"
    )
    _, text = run(path, "--inference-k", 10)
    assert "3 segments published, 0 listed as suppressed, 6 in the full cross" in text


@pytest.mark.alternate("the command audit")
def test_elsewhere_than_on_a_terminal_progress_is_one_line_a_stage(crossed):
    words = command(*crossed, "--inference-k", 10, "--k", 10)
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.splitlines() == STAGES
    assert not set(STAGES) & set(done.stdout.splitlines())


@pytest.mark.alternate("the command audit")
def test_a_terminal_shows_the_stage_and_the_budget(crossed):
    """On stderr alone: what is piped from stdout stays clean."""
    terminal, side = pty.openpty()
    words = command(*crossed, "--inference-k", 10, "--work", 123_456)
    environment = {**BUFFERED, "TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=side, cwd=ROOT, env=environment
    ) as done:
        os.close(side)
        shown = b""
        try:
            while part := os.read(terminal, 65_536):
                shown += part
        except OSError:  # the other side has closed
            pass
        text = done.stdout.read().decode()
    os.close(terminal)
    assert "Combining figures" in shown.decode()
    assert "of 123,456 units of work" in shown.decode()
    assert "…" not in shown.decode()
    assert all(stage in shown.decode() for stage in STAGES[:-1])
    assert "\x1b" not in text
    assert "DISCLOSES" in text
    assert "DISCLOSES" not in shown.decode()
