"""Hierarchy files: what they mean, and that all of their mistakes are reported at once."""

from pathlib import Path

import numpy as np
import pytest
from cells_world import HIERARCHY, write_csv

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.hierarchies import Hierarchy, dimension, full_cross, read_hierarchy


def written(folder: Path, text: str) -> Path:
    path = folder / "h.csv"
    path.write_text(text, encoding="utf-8")
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read_hierarchy(path)
    return [str(fault) for fault in refused.value.faults]


def test_leaves_are_never_a_parent_and_groups_may_overlap(tmp_path: Path) -> None:
    tree = read_hierarchy(write_csv(tmp_path / "h.csv", ("parent", "child"), HIERARCHY))
    axis = dimension("region", tree, ("w1", "METRO"))

    assert axis.leaves == ("w1", "w2", "e1", "e2")
    assert {g.code: (g.level, [axis.leaves[leaf] for leaf in g.leaves]) for g in axis.groups} == {
        "Total": ("all", ["w1", "w2", "e1", "e2"]),
        "WEST": ("level_1", ["w1", "w2"]),
        "EAST": ("level_1", ["e1", "e2"]),
        "METRO": ("level_1", ["w2", "e1"]),
        "w1": ("finest", ["w1"]),
        "w2": ("finest", ["w2"]),
        "e1": ("finest", ["e1"]),
        "e2": ("finest", ["e2"]),
    }
    assert axis.groups[0].code == "Total"


def test_without_a_hierarchy_there_are_the_values_and_their_total() -> None:
    axis = dimension("sex", None, ["m", "f", "Total"])

    assert [group.code for group in axis.groups] == ["Total", "f", "m"]


def test_a_total_is_added_where_no_group_covers_all() -> None:
    axis = dimension("region", Hierarchy({"NORTH": ("a", "b"), "SOUTH": ("c",)}), ())

    assert axis.groups[0].code == "Total"
    assert axis.groups[0].leaves == (0, 1, 2)
    assert "Total" not in axis.leaves


def test_a_group_that_covers_all_is_the_total_whatever_its_name() -> None:
    axis = dimension("region", Hierarchy({"NORTH": ("a",), "WORLD": ("NORTH", "b")}), ())

    assert [group.code for group in axis.groups] == ["WORLD", "NORTH", "a", "b"]


def test_a_total_that_lacks_leaves_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="does not cover all"):
        dimension("region", Hierarchy({"Total": ("a", "b"), "SOUTH": ("c",)}), ())


def test_values_that_the_hierarchy_lacks_are_refused_together() -> None:
    with pytest.raises(ConfigurationError, match=r"'x', 'y' not in its hierarchy"):
        dimension("region", Hierarchy({"Total": ("a", "b")}), ["y", "a", "x"])


def test_every_mistake_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    text = "parent,child\nTotal,a\n,b\nTotal,a\nx,y\ny,x\nz,z\nTotal, c\nTotal,d,e\n"
    told = "\n".join(faults(written(tmp_path, text)))

    assert "h.csv:3: a code is empty" in told
    assert "h.csv:4: Total > a occurs twice" in told
    assert "x > y > x is a cycle" in told or "y > x > y is a cycle" in told
    assert "z > z is a cycle" in told
    assert "h.csv:8: a code has a space" in told
    assert "h.csv:9: 3 fields" in told


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Total,a\n", "first line must be parent,child"),
        ("", "first line must be parent,child"),
        ("parent,child,name\nTotal,a,b\n", "first line must be parent,child"),
        ("parent,child\n", "no rows"),
        ('parent,child\n"Total,a\n', "not a CSV file"),
    ],
)
def test_files_that_are_no_hierarchy(tmp_path: Path, text: str, problem: str) -> None:
    (told,) = faults(written(tmp_path, text))
    assert problem in told


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    assert "there is no such file" in faults(tmp_path / "none.csv")[0]
    (tmp_path / "h.csv").write_bytes(b"parent,child\n\xff\xfe,a\n")
    assert "UTF-8" in faults(tmp_path / "h.csv")[0]


def test_the_cross_of_all_levels_is_whole_and_goes_from_coarse_to_fine() -> None:
    region = dimension("region", Hierarchy({"Total": ("W", "E"), "W": ("a", "b"), "E": ("c",)}), ())
    catalogue = full_cross([region, dimension("sex", None, "fm"), dimension("device", None, "pq")])
    groups = [catalogue.groups(row) for row in range(len(catalogue))]
    tables = [tuple(group.level for group in cell) for cell in groups]
    positions = ({"all": 0, "level_1": 1, "finest": 2}, *({"all": 0, "finest": 1},) * 2)
    depths = [
        sum(position[level] for position, level in zip(positions, table, strict=True))
        for table in tables
    ]

    assert len(catalogue) == len(np.unique(catalogue.cells, axis=0)) == 6 * 3 * 3
    assert [group.code for group in groups[0]] == ["Total"] * 3
    assert depths == sorted(depths)
    assert tables == sorted(tables, key=list(dict.fromkeys(tables)).index)
    assert len(set(tables)) == 3 * 2 * 2
