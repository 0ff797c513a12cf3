"""CPU seconds and peak memory of `audience audit`, whole process, on the peers' outcomes.

python benchmarks/audit.py FOLDER [FOLDER ...]

Each folder has `hier_<dimension>.csv` and `gs_pzF.csv` or `gs_pzT.csv`: dimension columns, freq,
primary, suppressed (zeros public or protected).
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

OUTCOMES = {"gs_pzF.csv": "public", "gs_pzT.csv": "protect"}


def as_published(outcome: Path, target: Path) -> list[str]:
    """Write the peer's outcome as a published file; its dimensions."""
    with outcome.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    dimensions = [name for name in rows[0] if name not in ("freq", "primary", "suppressed")]
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*dimensions, "status", "people"])
        for row in rows:
            withheld = row["suppressed"] == "1"
            shown = ("withheld", "") if withheld else ("published", row["freq"])
            writer.writerow([*(row[name] for name in dimensions), *shown])
    return dimensions


def measured(command: list[str]) -> tuple[float, float, str]:
    """CPU seconds, peak megabytes and the verdict as it is printed."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        lines = output.read().splitlines()
    said = next(x for x in lines if x.startswith(("WITHSTOOD", "DISCLOSES", "UNDECIDED")))
    verdict = " ".join([said.split(".")[0], *(x for x in lines if "provably" in x)])
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    print("| table | zeros | inference | intervals | CPU s | MB | outcome |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as position:
        published, intervals = Path(position) / "published.csv", Path(position) / "intervals.csv"
        for folder in parser.parse_args().folders:
            for name, zeros in OUTCOMES.items():
                if not (folder / name).exists():
                    continue
                command = [sys.executable, "-m", "cli.main", "audit", str(published)]
                command += ["--zeros", zeros]
                for axis in as_published(folder / name, published):
                    command += ["--hierarchy", f"{axis}={folder / f'hier_{axis}.csv'}"]
                for floor in ("10", "0"):
                    for more in ([], ["--intervals", str(intervals)]):
                        seconds, peak, verdict = measured([*command, "--inference-k", floor, *more])
                        all_ends = "yes" if more else "no"
                        print(
                            f"| {folder.name} | {zeros} | {floor} | {all_ends} | {seconds:.1f} "
                            f"| {peak:.0f} | {verdict} |",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
