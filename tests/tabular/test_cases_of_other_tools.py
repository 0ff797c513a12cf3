"""Small tables from the literature and from other tools, through the whole command line.

`audience protect` writes the published file, `audience audit` attacks it. What is suppressed is
written out here for each case, with a word on where and why the tool that the case comes from
suppresses something else; that tool's own outcome is audited too.
"""

import csv
import itertools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cells_world import write_csv
from typer.testing import CliRunner

from cli.main import app

TESTS = Path(__file__).parents[1]
EU = [
    ("Total", "EU"),
    ("Total", "nonEU"),
    ("EU", "Spain"),
    ("EU", "Portugal"),
    ("nonEU", "Iceland"),
]
BANDS = [
    *(("Total", band) for band in ("b0", "b1")),
    *((f"b{number // 3}", f"a0{number}") for number in range(6)),
]


@dataclass(frozen=True)
class Case:
    """The finest cells of a case, and what protects it."""

    file: str
    k: int
    dimensions: tuple[str, ...]
    hierarchies: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    tables: str = ""

    def write(self, folder: Path) -> list[str]:
        """Cells and hierarchies into a folder; the options that name the hierarchies."""
        content = json.loads((TESTS / f"suppression/cases/{self.file}.json").read_text())
        rows = [[*(row[d] for d in self.dimensions), row["freq"]] for row in content["inner"]]
        write_csv(folder / "cells.csv", (*self.dimensions, "freq"), rows)
        (folder / "tables.yaml").write_text(self.tables)
        return written(folder, self.hierarchies)


def written(folder: Path, hierarchies: Mapping[str, list[tuple[str, str]]]) -> list[str]:
    """Hierarchies as files; the options that name them."""
    options = []
    for name, pairs in hierarchies.items():
        file = write_csv(folder / f"{name}.csv", ("parent", "child"), pairs)
        options += ["--hierarchy", f"{name}={file}"]
    return options


CASES = {
    "acro": Case("acro_margins", 10, ("g", "r")),
    "table1": Case("gs_table1", 2, ("age", "geo")),
    "table2": Case("gs_table2_hierarchy", 3, ("age", "geo"), {"geo": EU}),
    "table8": Case(
        "gs_table8_three_years", 2, ("age", "geo", "year"), {"geo": EU},
        "tables:\n"
        "  - {age: every, geo: [Total, Iceland, Portugal, Spain], year: every}\n"
        "  - {geo: [EU, nonEU], year: every}\n",
    ),
    "ssbtools": Case("ssbtools_example", 5, ("var1", "var2")),
    "sdctable": Case("sdctable_linear_combination", 60, ("v1", "v2")),
    "hitas": Case("hitas_leak", 10, ("geo", "age"), {"age": BANDS}),
}  # fmt: skip


def audience(*words: object) -> tuple[int, str]:
    """The command in this process: its exit code and what it says."""
    done = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    return done.exit_code, done.output


def suppressed(path: Path) -> set[str]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        ":".join([v for n, v in row.items() if n not in {"status", "people"}])
        for row in rows
        if row["status"] == "suppressed"
    }


def protect_and_audit(folder: Path, case: Case, inference_k: int, zeros: str) -> set[str]:
    """Suppressed segments of a table that withstands its audit."""
    hierarchies = case.write(folder)
    promise = ["--k", case.k, "--inference-k", inference_k, "--zeros", zeros]
    wanted = ["--tables", folder / "tables.yaml"] if case.tables else []
    out = folder / "published.csv"
    code, said = audience(
        *("protect", folder / "cells.csv", "--count", "freq", "--out", out),
        *(*hierarchies, *promise, *wanted),
    )
    assert code == 0, said
    code, said = audience("audit", out, *hierarchies, *promise)
    assert code == 0, said
    return suppressed(out)


def crossed(*codes: str) -> set[str]:
    """Segments of all these codes: `crossed("f m", "A B")` has four."""
    return {":".join(segment) for segment in itertools.product(*(part.split() for part in codes))}


SQUARE = crossed("old young", "Iceland Portugal")
ALL_OF_TABLE2 = crossed("old young", "EU nonEU Iceland Portugal Spain")
GROUPS = crossed("old young", "EU nonEU Iceland")
THREE_YEARS = {
    *crossed("old young", "Iceland", "Total 2014 2016"),
    *crossed("old young", "Portugal", "Total 2016"),
    *crossed("old young", "Spain", "2014 2016"),
}
EVERY_YEAR = {
    *crossed("old young", "Iceland Portugal", "Total 2014 2015 2016"),
    *crossed("old young", "Spain", "2014 2015"),
}
ROW_1 = crossed("1", "A B C E")
HEURISTIC = {"w:a", "w:b", "x:a", "x:c", "x:d", "y:b", "y:c", "y:d"}
HITAS = {
    *crossed("P10", "a01 a02"),
    *crossed("P11", "a00 a01 a02"),
    *crossed("P12", "b0 b1 a00 a02 a05"),
    *crossed("P13", "b0 b1 a01 a02 a05"),
    "P14:a01",
}
HITAS_ZEROS = {*crossed("P10 P13 P14", "a00"), "P12:a01"}

# Case, inference_k ("k": as many as --k), zeros: what is suppressed.
GOLDEN: Mapping[tuple[str, str, str], set[str]] = {
    # acro blanks m:B alone and takes its 3 out of every margin; any table with the true margin
    # undoes that. Here margins stay true, and what hides m:B in its row and in its column is
    # suppressed with it.
    ("acro", "0", "protect"): crossed("f m", "A B"),
    ("acro", "k", "protect"): crossed("f m", "A B"),
    # As GaussSuppression. Where the zero is known there is nothing to hide: no other cell is
    # below 2.
    ("table1", "0", "protect"): SQUARE,
    ("table1", "k", "protect"): SQUARE,
    ("table1", "0", "public"): set(),
    ("table1", "k", "public"): set(),
    # As GaussSuppression, with exact solution forbidden. It leaves in sight that the young outside
    # Spain are 7 - 5 = 2; that any place may have 3 of them takes Spain too. Where the zero of
    # Portugal is known it hides nobody, so Spain does.
    ("table2", "0", "protect"): {*GROUPS, *SQUARE},
    ("table2", "k", "protect"): ALL_OF_TABLE2,
    ("table2", "0", "public"): {*GROUPS, *crossed("old young", "Spain")},
    ("table2", "k", "public"): {*GROUPS, *crossed("old young", "Spain")},
    # As GaussSuppression with its treatment of singletons, which suppresses young:Spain:2016 lest
    # two single persons be known to be two. Here it follows from the zeros: where they are known,
    # so is it that each suppressed cell has somebody, and 2 = 1 + 1 is an exact solution. Where
    # they are not, the zeros of 2014 and 2015 are secrets too.
    ("table8", "0", "public"): THREE_YEARS,
    ("table8", "k", "public"): THREE_YEARS,
    ("table8", "0", "protect"): EVERY_YEAR,
    ("table8", "k", "protect"): EVERY_YEAR,
    # As GaussSuppression's pattern with singletons. Its pattern A hides the three 1s behind three
    # zeros, by linear independence alone: zeros that add up to nothing are each nothing. Its
    # pattern B leaves three 1s that add up to 3, each known to be above nothing. Where zeros are
    # secrets, row 3 takes the place of row 2, with 3:E, some of whose 7 may be in A to C. With
    # `k` each of the 1s and of the zeros may be 5, which takes both rows.
    ("ssbtools", "0", "public"): {*ROW_1, *crossed("2", "A B C E")},
    ("ssbtools", "k", "public"): {*ROW_1, *crossed("2", "A B C E")},
    ("ssbtools", "0", "protect"): {*ROW_1, *crossed("3", "A B C E")},
    ("ssbtools", "k", "protect"): {*ROW_1, *crossed("2 3", "A B C E")},
    # sdcTable is told which cells are secret, two of them of more than 600; here the threshold says
    # so. With 60 the cells w:a, w:b, x:c, x:d and y:c are, and the trap is the same: two suppressed
    # in each row and column are not enough.
    ("sdctable", "0", "protect"): HEURISTIC,
    ("sdctable", "k", "protect"): HEURISTIC,
    # HITAS suppresses P12:b1 and P13:b1 but publishes their three parts, which undoes it; here the
    # smallest that hides the sum goes too (a05). Like HITAS, zeros being known, P14:a02 hides the 3
    # of P14:a01; a secret zero beside it does that as well, unless 10 have to be possible.
    ("hitas", "0", "public"): {*HITAS, "P14:a02"},
    ("hitas", "k", "public"): {*HITAS, "P14:a02"},
    ("hitas", "0", "protect"): {*HITAS, *HITAS_ZEROS},
    ("hitas", "k", "protect"): {*HITAS, *HITAS_ZEROS, "P14:a02"},
}  # fmt: skip


@pytest.mark.parametrize(("name", "inference_k", "zeros"), GOLDEN)
def test_what_is_suppressed_and_withstands(
    tmp_path: Path, name: str, inference_k: str, zeros: str
) -> None:
    case = CASES[name]
    least = case.k if inference_k == "k" else 0

    assert protect_and_audit(tmp_path, case, least, zeros) == GOLDEN[name, inference_k, zeros]


@pytest.mark.parametrize("name", ["acro", "sdctable"])
def test_without_an_empty_cell_zeros_make_no_difference(tmp_path: Path, name: str) -> None:
    for least in (0, CASES[name].k):
        expected = GOLDEN[name, "k" if least else "0", "protect"]
        assert protect_and_audit(tmp_path, CASES[name], least, "public") == expected


@pytest.mark.alternate("start-up")
def test_the_installed_command_does_the_same(tmp_path: Path) -> None:
    """Both commands as processes, as somebody would call them."""
    hierarchies = CASES["table2"].write(tmp_path)
    program = str(Path(sys.executable).with_name("audience"))
    promise = ["--k", "3", "--inference-k", "0", *hierarchies]
    out = str(tmp_path / "published.csv")
    for words in (
        ["protect", str(tmp_path / "cells.csv"), "--count", "freq", "--out", out, *promise],
        ["audit", out, *promise],
    ):
        subprocess.run([program, *words], cwd=tmp_path, check=True, capture_output=True)

    assert suppressed(tmp_path / "published.csv") == GOLDEN["table2", "0", "protect"]


# What the other tools publish, audited


def peer(name: str) -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads((TESTS / f"audit/cases/{name}.json").read_text())
    return content


def gauss(name: str, outcome: str, *dimensions: str, hidden: str = "suppressed") -> list[list[str]]:
    """Rows of a published file; those hidden are suppressed."""
    return [
        published([str(row[d]) for d in dimensions], None if row[hidden] else row["freq"])
        for row in peer(name)[outcome]
    ]


def heuristic(name: str) -> list[list[str]]:
    return [
        published(
            [row[d].replace("tot", "Total") for d in ("v1", "v2")],
            row["Freq"] if row["sdcStatus"] == "s" else None,
        )
        for row in peer("sdctable_4x4_linear_combination")[name]["result"]
    ]


def hitas() -> list[list[str]]:
    return [
        published(
            [row["geo"].replace("I2", "Total"), row["age"]],
            row["freq"] if row["status"] == "s" else None,
        )
        for row in peer("sdctable_hitas_leak_measured")["cells"]
    ]


def acro() -> list[list[str]]:
    """Its cells, with the margins that any other table has."""
    content = peer("acro_margins")
    margins = {"m": ["m", "Total"], "B": ["Total", "B"], "All": ["Total", "Total"]}
    cells = [
        published([group, region], count)
        for group in ("f", "m")
        for region, count in zip("ABC", content["acro_suppress_output"][group], strict=False)
    ]
    return cells + [published(margins[n], count) for n, count in content["true_margins"].items()]


def published(codes: list[str], people: int | None) -> list[str]:
    return [*codes, *(("suppressed", "") if people is None else ("published", str(people)))]


PLACES = {"geo": EU}
AGES = {"age": [("Total", "c0"), ("Total", "older"), ("c0", "b0"), ("c0", "b1"), *BANDS[2:]]}
YEARS = ("age", "geo", "year")
VARS = ("var1", "var2")
SINGLETONS = "gs_vignette_table8_singleton_problem"
EXAMPLE = "ssbtools_GaussSuppression_doc"


@dataclass(frozen=True)
class Peer:
    """What a tool publishes, and what the audit has to say of it."""

    rows: list[list[str]]
    dimensions: tuple[str, ...]
    says: str
    zeros: str = "protect"
    hierarchies: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)


WITHSTOOD = "WITHSTOOD: nothing found"
PEERS = {
    "acro": Peer(acro(), ("g", "r"), "'g m r B' has exactly 3 people"),
    "table1": Peer(gauss("gs_vignette_table1", "output", "age", "geo"), ("age", "geo"), WITHSTOOD),
    "table2": Peer(
        gauss("gs_vignette_table2_hier", "output", "age", "geo"), ("age", "geo"), WITHSTOOD,
        hierarchies=PLACES,
    ),
    "table8 with singletons": Peer(
        gauss(SINGLETONS, "output", *YEARS), YEARS, WITHSTOOD, "public", PLACES
    ),
    "table8 without": Peer(
        gauss(SINGLETONS, "output_singleton_none", *YEARS), YEARS,
        "for suppressed cells with at least 1 person each", "public", PLACES,
    ),
    "ssbtools": Peer(gauss(EXAMPLE, "output", *VARS), VARS, WITHSTOOD, "public"),
    "ssbtools A": Peer(
        gauss(EXAMPLE, "output", *VARS, hidden="suppressed_A_zeros_usable"), VARS,
        "'var1 1 var2 A' has exactly 1 person",
    ),
    "ssbtools B": Peer(
        gauss(EXAMPLE, "output", *VARS, hidden="suppressed_B_zeros_first_no_singleton"), VARS,
        "13 - 5 - 5 - 2 = 1", "public",
    ),
    "sdctable old": Peer(
        heuristic("SIMPLEHEURISTIC_OLD"), ("v1", "v2"), "'v1 w v2 b' has exactly 47 people"
    ),
    "sdctable new": Peer(heuristic("SIMPLEHEURISTIC"), ("v1", "v2"), WITHSTOOD),
    "hitas": Peer(
        hitas(), ("geo", "age"), "107 - 10 - 50 - 37 = 10", hierarchies=AGES
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEERS)
def test_what_another_tool_publishes(tmp_path: Path, name: str) -> None:
    tool = PEERS[name]
    file = write_csv(tmp_path / "theirs.csv", (*tool.dimensions, "status", "people"), tool.rows)
    hierarchies = written(tmp_path, tool.hierarchies)
    promise = ("--inference-k", "0", "--zeros", tool.zeros)
    code, said = audience("audit", file, *hierarchies, *promise)

    assert tool.says in said
    assert code == (0 if tool.says == WITHSTOOD else 1)
