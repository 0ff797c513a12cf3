"""How far published figures are from the true numbers of people, in a home that has run.

python benchmarks/figure_errors.py [--home demo]

Reads the counts in `private/` as the privileged role does, and prints percentiles over figures.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anonymizer.counting.reach import load_counted_series
from anonymizer.feasible.totals import segment_totals
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue, load_catalogue
from anonymizer.model.series import SERIES, Series
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home
from pipelines.stages.figures import read_protected

PERCENTILES = (50, 75, 95, 99, 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("demo"))
    home = Home(parser.parse_args().home.resolve())
    catalogue = load_catalogue(home.segments)
    print("| series | figures | shared | half within | 75% | 95% | 99% | all |")
    print("|---|---|---|---|---|---|---|---|")
    everything: list[np.ndarray] = []
    for series in SERIES:
        found = [errors_of(home, series, period, catalogue) for period in released(home, series)]
        if not found:
            continue
        errors, shared = (np.concatenate(parts) for parts in zip(*found, strict=True))
        everything.append(errors)
        within = " | ".join(str(people) for people in percentiles(errors))
        print(f"| {series.id} | {len(errors):,} | {shared.mean():.1%} | {within} |")
    print(sentence(np.concatenate(everything)))


def released(home: Home, series: Series) -> Iterator[Period]:
    """The periods of a series that were released and whose working data are still there."""
    for entry in Ledger.open(home.ledger).releases():
        period = Period.from_id(entry.body["period"])
        of_series = entry.subject == f"{series.id}-{period.id}"
        if of_series and home.working_file(series.stage("protected"), period.end).is_file():
            yield period


def errors_of(
    home: Home, series: Series, period: Period, catalogue: Catalogue
) -> tuple[np.ndarray, np.ndarray]:
    """Of each published figure how far it is from the true number, and whether it is shared."""
    rows = read_protected(home, period.end, series)
    rows = rows.filter(rows["people"].is_valid())
    counted = load_counted_series(home, series, period, catalogue)
    truth = {table.key.subject_id: segment_totals(catalogue, table.people) for table in counted}
    true = np.array(
        [
            truth[row["subject_id"]][catalogue.positions[row["segment_id"]]]
            for row in rows.select(["subject_id", "segment_id"]).to_pylist()
        ],
        dtype=np.int64,
    )
    return np.abs(rows["people"].to_numpy() - true), rows["shared"].to_numpy()


def percentiles(errors: np.ndarray) -> list[int]:
    """The errors that the percentiles of figures stay within."""
    return [int(np.percentile(errors, share, method="higher")) for share in PERCENTILES]


def sentence(errors: np.ndarray) -> str:
    """What these errors come to, in words."""
    half, _, most, nearly, _ = percentiles(errors)
    return (
        f"50% of figures are within {half} people of the true number, 95% within {most} and 99% "
        f"within {nearly}."
    )


if __name__ == "__main__":
    main()
