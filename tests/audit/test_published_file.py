"""A published file is read from scratch, and all that is wrong with it is said at once."""

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from published_tables import HIERARCHY, TABLE, write

from anonymizer.audit.published_file import read_published
from anonymizer.model.errors import ConfigurationError


def ids(table, rows):
    return [table.catalogue.id(int(row)) for row in rows]


def faults(*args):
    with pytest.raises(ConfigurationError) as caught:
        read_published(*args)
    return [str(fault) for fault in caught.value.faults]


def test_segments_are_published_withheld_or_not_listed(tmp_path):
    table = read_published(write(tmp_path, TABLE.replace("C,m,withheld,\n", "")), {})
    assert dict(zip(ids(table, table.published), table.people.tolist(), strict=True)) == {
        "Total:Total": 300, "Total:f": 160, "Total:m": 140,
        "A:Total": 100, "B:Total": 110, "C:Total": 90,
    }  # fmt: skip
    assert ids(table, table.withheld) == ["A:f", "A:m", "B:f", "B:m", "C:f"]
    assert len(table.catalogue) == 12


def test_suppressed_and_withheld_mean_the_same(tmp_path):
    one = read_published(write(tmp_path), {})
    other = read_published(write(tmp_path, TABLE.replace("withheld", "suppressed")), {})
    assert one.withheld.tolist() == other.withheld.tolist()


def test_groups_of_a_hierarchy_may_overlap(tmp_path):
    hierarchy = write(tmp_path, HIERARCHY, "regions.csv")
    table = read_published(write(tmp_path), {"region": hierarchy})
    north = next(g for g in table.catalogue.dimensions[0].groups if g.code == "North")
    assert [table.catalogue.dimensions[0].leaves[leaf] for leaf in north.leaves] == ["A", "B"]


def test_parquet_is_the_same_table(tmp_path):
    source = write(tmp_path)
    pq.write_table(pa.csv.read_csv(source), tmp_path / "published.parquet")
    one, other = (read_published(p, {}) for p in (source, tmp_path / "published.parquet"))
    assert ids(one, one.withheld) == ids(other, other.withheld)
    assert one.people.tolist() == other.people.tolist()


def test_background_is_beside_the_table(tmp_path):
    known = write(tmp_path, "gender,region,people\nf,A,95\n", "known.csv")
    table = read_published(write(tmp_path), {}, known)
    assert (ids(table, table.known), table.known_people.tolist()) == (["A:f"], [95])


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path):
    text = "region,gender,status,people\nA,f,published,many\nA,m,hidden,\nB,f,withheld,3\n"
    hierarchy = write(tmp_path, "parent,child\nTotal,A\n", "regions.csv")
    known = write(tmp_path, "region,gender,people\nA,f,-1\n", "known.csv")
    told = faults(write(tmp_path, text), {"region": hierarchy}, known)
    assert [fault.split(":")[0] for fault in told] == [
        "region",
        "published.csv, column status",
        "published.csv, column people",
        "published.csv, column people",
        "known.csv, column people",
    ]
    assert "many" not in "".join(told)


def test_columns_and_options_must_fit(tmp_path):
    text = "region,gender,people\nA,f,10\n"
    known = write(tmp_path, "region,people\nA,9\n", "known.csv")
    hierarchy = write(tmp_path, HIERARCHY, "regions.csv")
    told = faults(write(tmp_path, text), {"place": hierarchy}, known)
    assert told == [
        "published.csv: there is no column 'status' (the first line names the columns)",
        "--hierarchy place: published.csv has no dimension column 'place'",
        "known.csv: the columns must be region, gender, people, in any order",
    ]


def test_a_segment_has_one_row(tmp_path):
    told = faults(write(tmp_path, TABLE + "A,f,published,90\n"), {})
    assert len(told) == 1
    assert "row 13 repeats the segment of an earlier row" in told[0]


@pytest.mark.parametrize("text", ["", "a,b\n1\n", "a,a,status,people\n", "a,\x00,status,people\n"])
def test_what_is_no_table_is_refused(tmp_path, text):
    assert faults(write(tmp_path, text), {})


def test_a_file_that_is_missing_or_no_parquet_is_refused(tmp_path):
    assert "there is no such file" in faults(tmp_path / "none.csv", {})[0]
    assert "not a Parquet file" in faults(write(tmp_path, "x", "published.parquet"), {})[0]
