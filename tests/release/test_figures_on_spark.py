"""The partitioned figures as Spark reads them, on a real cluster: the rows of the database."""

import shutil
from pathlib import Path

import pytest
from spark_cluster import SparkCluster
from test_partitioned_figures import COLUMNS, finish, in_database

from anonymizer.storage.engines.spark_session import new_session
from anonymizer.storage.home import Home

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("spark"), pytest.mark.needs("java")]


def test_spark_reads_the_rows_of_the_database(
    all_series: Home, tmp_path: Path, cluster: SparkCluster
) -> None:
    home = Home(shutil.copytree(all_series.root, tmp_path / "home"))
    finish(home)
    session = new_session()
    names = COLUMNS.replace(",", " ").split()
    rows = [tuple(row) for row in session.read.parquet(str(home.figures)).select(names).collect()]
    assert sorted(rows, key=repr) == sorted(in_database(home), key=repr)
