"""Protection of tables of cells, held against GaussSuppression, the optimum, and growth.

python benchmarks/cells.py [--only exact inference optimum growth auditor]
                           [--tables t1k t5k t10k t10k_ov] [--bench FOLDER] [--results FOLDER]
                           [--most-segments 300000] [--cpu-limit 900] [--optimum-minutes 15]

Prints Markdown. Each time is that of a whole process, started as a user would start it. Results
are kept in --results: a run that was stopped goes on where it stood, and what was measured with
other sources of the product is measured again. To measure everything again, name another folder.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import grown_tables
import numpy as np
import optimum
from cell_tables import (
    Folder,
    K,
    Table,
    published_by_peer,
    published_by_us,
    read_table,
    shared_tables,
)
from independent_checks import Known, below, solvable_by_algebra, solvable_by_bounds
from measurements import HERE, Measurements, Options, digest
from numpy.typing import NDArray
from process_usage import Run

TABLES = ("t1k", "t5k", "t10k", "t10k_ov")
ZEROS = ("public", "protect")
# GaussSuppression 1.2.3 on one core, the start of R with it; not measured here.
PEER_CPU_SECONDS = {"t1k": 1.2, "t10k": 13.0, "t10k_ov": 23.0}
NOTHING = "-"
EXACT: Options = ("--inference-k", "0")
INFERENCE: Options = ("--inference-k", "10")
GROWTH: dict[str, Options] = {
    "exact, inference 0": EXACT,
    "rounded to 10, inference 10": ("--rounding", "10", "--inference-k", "10"),
    "exact, inference 10, least effort": (*INFERENCE, "--proof-work", "1"),
    "exact, inference 10": INFERENCE,
}
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Case:
    """A shared table with its empty cells public or protected."""

    folder: Folder
    table: Table
    zeros: str

    @property
    def names(self) -> tuple[str, str]:
        """The first two columns of every row."""
        return self.folder.path.name, self.zeros

    def ours(self, file: Path) -> Flags:
        """What the product published; nothing if it did not get that far."""
        return published_by_us(self.table, file)

    def peers(self) -> Flags | None:
        """What GaussSuppression published."""
        file = self.folder.peer(self.zeros)
        return None if file is None else published_by_peer(self.table, file)

    def known(self, published: Flags) -> Known:
        """What a reader of it knows."""
        table = self.table
        limits = table.least(self.zeros), table.most(self.zeros)
        return Known(table.inside, published, table.people, *limits)

    def loss(self, published: Flags | None) -> tuple[int, int] | None:
        """Segments that reach the threshold and are suppressed, and the people in them."""
        if published is None:
            return None
        totals = self.table.totals[~published & (self.table.totals >= K)]
        return len(totals), int(totals.sum())


def main() -> None:
    sections: dict[str, Callable[[Measurements, argparse.Namespace], None]] = {
        "exact": exact,
        "inference": inference,
        "optimum": optimal,
        "growth": growth,
        "auditor": auditor,
    }
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", nargs="+", choices=sections, default=list(sections))
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--bench", type=Path, help="folder of the shared tables")
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir(), "bench-cells"))
    parser.add_argument("--most-segments", type=int, default=300_000)
    parser.add_argument("--cpu-limit", type=int, default=900)
    parser.add_argument("--optimum-minutes", type=float, default=15)
    options = parser.parse_args()
    measurements = Measurements(options.results, options.cpu_limit)
    print(
        f"{datetime.now(tz=UTC):%d %B %Y}; {platform.machine()}, {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "highspy"))
    )
    for section in options.only:
        sections[section](measurements, options)


def exact(measurements: Measurements, options: argparse.Namespace) -> None:
    """Nobody can solve a small segment exactly: time, loss, and whether it is true."""
    cases = cases_of(options)
    heading(
        "Exact figures, inference 0",
        "table", "zeros", "CPU s", "peak MB", "suppressed", "people", "peer's suppressed", "people",
        "share of the peer's people", "peer's CPU s", "a tenth",
    )  # fmt: skip
    for case in cases:
        done, file = measurements.protect(case.folder, case.zeros, EXACT)
        ours, peers = case.loss(case.ours(file)), case.loss(case.peers())
        share = f"{ours[1] / peers[1]:.1%}" if ours and peers else NOTHING
        seconds = PEER_CPU_SECONDS.get(case.folder.path.name)
        tenth = None if seconds is None else seconds / 10
        row(*case.names, *usage(done), *pair(ours), *pair(peers), share, seconds, tenth)
    heading(
        "At the peer's promise: linear independence only",
        "table", "zeros", "CPU s", "peak MB", "suppressed", "people", "people when they are whole",
        "solvable by bounds",
    )  # fmt: skip
    for case in cases:
        done, file = measurements.linear(case.folder, case.zeros)
        whole = case.loss(case.ours(measurements.protect(case.folder, case.zeros, EXACT)[1]))
        published = case.ours(file)
        given_away = ask(measurements, case, published, solvable_by_bounds)
        row(*case.names, *usage(done), *pair(case.loss(published)), pair(whole)[1], given_away)
    heading(
        "Small segments that can be solved",
        "table", "zeros", "small", "ours: by algebra", "by bounds", "peer's: by algebra",
        "by bounds", "audit", "CPU s", "peak MB",
    )  # fmt: skip
    for case in cases:
        _, file = measurements.protect(case.folder, case.zeros, EXACT)
        judged = [solvable(measurements, case, of) for of in (case.ours(file), case.peers())]
        audit = measurements.audit(case.folder, case.zeros, EXACT)
        small = int(case.table.small(case.zeros).sum())
        row(*case.names, small, *judged[0], *judged[1], outcome(audit), *usage(audit))


def inference(measurements: Measurements, options: argparse.Namespace) -> None:
    """Nobody can show a segment to be below 10: time, loss, and whether it is true."""
    cases = cases_of(options)
    heading(
        "Exact figures, inference 10",
        "table", "zeros", "CPU s", "peak MB", "suppressed", "people", "people at inference 0",
        "audit", "CPU s", "peak MB",
    )  # fmt: skip
    for case in cases:
        done, file = measurements.protect(case.folder, case.zeros, INFERENCE)
        _, exactly = measurements.protect(case.folder, case.zeros, EXACT)
        audit = measurements.audit(case.folder, case.zeros, INFERENCE)
        losses = *pair(case.loss(case.ours(file))), pair(case.loss(case.ours(exactly)))[1]
        row(*case.names, *usage(done), *losses, outcome(audit), *usage(audit))
    heading(
        "Small segments that can be shown to be below 10",
        "table", "zeros", "small", "ours", "peer's",
    )  # fmt: skip
    for case in cases:
        _, file = measurements.protect(case.folder, case.zeros, INFERENCE)
        outcomes = case.ours(file), case.peers()
        small = int(case.table.small(case.zeros).sum())
        row(*case.names, small, *(shown_below(measurements, case, of) for of in outcomes))


def optimal(measurements: Measurements, options: argparse.Namespace) -> None:
    """The least loss that any suppressor could have, on the smallest table."""
    heading(
        "The optimum",
        "table", "zeros", "inference", "ours: people", "best found", "no less than", "gap",
        "CPU s",
    )  # fmt: skip
    script = digest([HERE / "optimum.py", HERE / "cell_tables.py"])
    for case in cases_of(options):
        if case.folder.path.name != TABLES[0]:
            continue
        for promise in (EXACT, INFERENCE):
            _, file = measurements.protect(case.folder, case.zeros, promise)
            ours = case.ours(file)
            question = optimum.Question(case.known(ours), K, int(promise[1]))
            name = f"optimum {case.names} {promise} {script} {options.optimum_minutes}"
            found = measurements.kept(
                name, partial(optimum.answer, question, options.optimum_minutes * 60)
            )
            gap = 1 - found["least"] / max(1, found["best"])
            bounds = found["best"], found["least"], f"{gap:.1%}", found["seconds"]
            row(*case.names, promise[1], pair(case.loss(ours))[1], *bounds)


def growth(measurements: Measurements, options: argparse.Namespace) -> None:
    """Time and memory against the number of segments, on tables made for it."""
    for name, promise in GROWTH.items():
        heading(
            f"Growth: {name}",
            "dimensions", "segments", "published", "suppressed", "CPU s", "ms a segment", "peak MB",
        )  # fmt: skip
        for shape, folder in grown(options):
            done, file = measurements.protect(folder, "protect", promise)
            counts: Sequence[object] = "stopped", NOTHING
            if not done.exit_code:
                text = file.read_text(encoding="utf-8")
                counts = text.count("published"), text.count("suppressed")
            seconds, peak = usage(done)
            each = f"{1000 * seconds / shape.segments:.2f}"
            row(shape.dimensions, shape.segments, *counts, seconds, each, peak)


def auditor(measurements: Measurements, options: argparse.Namespace) -> None:
    """Time and memory of the auditor on what was published of the same tables."""
    for name, promise in GROWTH.items():
        heading(
            f"Growth of the auditor: {name}",
            "dimensions", "segments", "outcome", "CPU s", "ms a segment", "peak MB",
        )  # fmt: skip
        for shape, folder in grown(options):
            done, _ = measurements.protect(folder, "protect", promise)
            if done.exit_code:
                continue
            audit = measurements.audit(folder, "protect", promise)
            seconds, peak = usage(audit)
            each = f"{1000 * seconds / shape.segments:.2f}"
            row(shape.dimensions, shape.segments, outcome(audit), seconds, each, peak)


def outcome(audit: Run) -> str:
    """What the auditor's exit code says."""
    return {0: "withstands", 1: "discloses"}.get(audit.exit_code, "stopped")


def grown(options: argparse.Namespace) -> Iterator[tuple[grown_tables.Shape, Folder]]:
    """Tables of the sizes asked for, the small ones first; made where they are missing."""
    for shape in sorted(grown_tables.SHAPES, key=lambda shape: shape.segments):
        if shape.segments <= options.most_segments:
            folder = Folder(options.results / shape.name)
            if not folder.cells.exists():
                grown_tables.write(shape, folder.path)
            yield shape, folder


def cases_of(options: argparse.Namespace) -> list[Case]:
    folders = [Folder(shared_tables(options.bench) / name) for name in options.tables]
    tables = [(folder, read_table(folder)) for folder in folders]
    return [Case(folder, table, zeros) for folder, table in tables for zeros in ZEROS]


def solvable(measurements: Measurements, case: Case, published: Flags | None) -> tuple[object, ...]:
    """How many small segments follow from what is published: by algebra, by bounds."""
    return tuple(
        ask(measurements, case, published, check)
        for check in (solvable_by_algebra, solvable_by_bounds)
    )


def shown_below(measurements: Measurements, case: Case, published: Flags | None) -> object:
    """How many small segments can be shown to be below 10."""
    return ask(measurements, case, published, below, K)


def ask(
    measurements: Measurements,
    case: Case,
    published: Flags | None,
    check: Callable[..., NDArray[np.intp]],
    *more: int,
) -> object:
    """How many small segments a check finds in what is published."""
    if published is None:
        return NOTHING
    small = np.flatnonzero(case.table.small(case.zeros))
    scripts = digest([HERE / "independent_checks.py", HERE / "cell_tables.py"])
    what = f"{check.__name__} {case.names} {published.nonzero()[0].tolist()} {scripts}"
    return measurements.kept(what, lambda: len(check(case.known(published), small, *more)))


def heading(title: str, *columns: str) -> None:
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")


def row(*values: object) -> None:
    print("| " + " | ".join(map(written, values)) + " |", flush=True)


def written(value: object) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def usage(done: Run) -> tuple[float, int]:
    """CPU seconds and the peak of memory in megabytes."""
    return done.cpu_seconds, round(done.peak_megabytes)


def pair(loss: tuple[int, int] | None) -> Sequence[object]:
    return loss or (NOTHING, NOTHING)


if __name__ == "__main__":
    main()
