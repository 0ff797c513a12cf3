"""In which order the analysts' database should have its figures: CPU time of three questions.

python benchmarks/figure_order.py [--figures-a-table 60]

Makes a year of 40 campaigns (days, weeks, months) and stores the same figures in four orders.
"""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

FIGURES = """
CREATE TABLE made AS
WITH campaigns AS (SELECT 'cmp-' || lpad(CAST(n AS VARCHAR), 4, '0') AS subject_id
                   FROM range(40) AS r(n)),
periods AS (
    SELECT 'day' AS period_kind, DATE '2026-01-01' + CAST(n AS INTEGER) AS period_start,
           DATE '2026-01-01' + CAST(n AS INTEGER) AS period_end
    FROM range(365) AS r(n)
    UNION ALL
    SELECT 'week', DATE '2026-01-05' + CAST(7 * n AS INTEGER),
           DATE '2026-01-11' + CAST(7 * n AS INTEGER)
    FROM range(51) AS r(n)
    UNION ALL
    SELECT 'month', CAST(DATE '2026-01-01' + to_months(CAST(n AS INTEGER)) AS DATE),
           last_day(DATE '2026-01-01' + to_months(CAST(n AS INTEGER)))
    FROM range(12) AS r(n)
)
SELECT 'campaign-' || period_kind || '-' || period_start AS release_id,
       'campaign' AS subject_kind, subject_id, 'Name of ' || subject_id AS subject,
       'adv-' || right(subject_id, 1) AS advertiser_id, period_kind,
       CAST(period_start AS VARCHAR) AS period, period_start, period_end,
       'male:25-29:' || (hash(position, subject_id) % 1500) AS segment_id,
       'published' AS status, 50 + 10 * (hash(position, period_start) % 500) AS people, position
FROM campaigns, periods, range({figures}) AS r(position)
"""
ORDERS = {
    "ledger": "period_end, period_kind, subject_id, position",
    "subject, segment, period": "subject_kind, period_kind, subject_id, segment_id, period_start",
    "subject, period, position": "subject_kind, period_kind, subject_id, period_start, position",
    "segment, subject, period": "subject_kind, period_kind, segment_id, subject_id, period_start",
}
OF_DAYS = "FROM figures WHERE subject_kind = 'campaign' AND period_kind = 'day'"
QUESTIONS = {
    "one segment of a campaign over a year": "SELECT period_start, people "
    f"{OF_DAYS} AND subject_id = 'cmp-0017' AND segment_id = $segment ORDER BY period_start",
    "one campaign on a day": f"SELECT segment_id, people {OF_DAYS} AND subject_id = 'cmp-0017' "
    "AND period_start = DATE '2026-07-14' AND $segment IS NOT NULL",
    "one segment in all campaigns": "SELECT subject_id, period_start, people "
    f"{OF_DAYS} AND segment_id = $segment",
}
TIMES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--figures-a-table", type=int, default=60)
    figures = parser.parse_args().figures_a_table
    with duckdb.connect() as source, tempfile.TemporaryDirectory() as folder:
        source.execute(FIGURES.format(figures=figures))
        row = source.sql("SELECT count(*), min(segment_id) FROM made WHERE subject_id = 'cmp-0017'")
        segment = row.fetchall()[0][1]
        print(f"{source.sql('SELECT count(*) FROM made').fetchall()[0][0]:,} figures")
        print("| order | MB |", " | ".join(QUESTIONS), "|")
        print("|---|---|---|---|---|")
        for number, (name, columns) in enumerate(ORDERS.items()):
            path = Path(folder) / f"{number}.duckdb"
            source.execute(f"ATTACH '{path}' AS stored")
            source.execute(
                "CREATE TABLE stored.figures AS SELECT * EXCLUDE (position) FROM made "
                f"ORDER BY {columns}"
            )
            source.execute("DETACH stored")
            took = [milliseconds(path, question, segment) for question in QUESTIONS.values()]
            said = " | ".join(f"{opened:.1f}, then {again:.1f}" for opened, again in took)
            print(f"| {name} | {path.stat().st_size / 1e6:.1f} | {said} |")


def milliseconds(path: Path, question: str, segment: str) -> tuple[float, float]:
    """CPU time of the question after opening the file, and asked again: the best of many."""
    opened, again = [], []
    for _ in range(TIMES):
        with duckdb.connect(str(path), read_only=True, config={"threads": 1}) as reader:
            reader.execute("SELECT 1")
            for times in (opened, again):
                start = time.process_time()
                reader.execute(question, {"segment": segment}).fetchall()
                times.append(1000 * (time.process_time() - start))
    return min(opened), min(again)


if __name__ == "__main__":
    main()
