"""`audience audit` as anybody calls it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from published_tables import HIERARCHY, TABLE, write
from typer.testing import CliRunner

from anonymizer.errors import ConfigurationError
from pipelines.cli import app

ROOT = Path(__file__).parents[2]
CARELESS = TABLE.replace("A,f,withheld,", "A,f,published,95")


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


def test_nothing_heavy_is_imported(tmp_path):
    heavy = ("pandas", "duckdb", "sqlalchemy", "dagster", "pyarrow")
    program = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipelines.cli import app\n"
        f"CliRunner().invoke(app, ['audit', {str(write(tmp_path))!r}, '--inference-k', '10'])\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_page_does_what_it_says(tmp_path):
    page = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
    script = "set -e\n" + "".join(re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.search(r"^```\n(DISCLOSES.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown
    assert shown[1] in done.stdout


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
    monkeypatch.setattr("anonymizer.audit.auditing.MOST_WHOLE", most_whole)
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
    monkeypatch.setattr("anonymizer.audit.auditing._FEW", 5)
    assert report(tmp_path, file, "--inference-k", 10)["intervals"] is None
    asked = ("--intervals", tmp_path / "intervals.csv")
    assert report(tmp_path, file, "--inference-k", 10, *asked)["intervals"]
