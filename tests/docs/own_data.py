"""The files of somebody who tries the tutorial: 500 people and 3,000 visits of two days, as CSV."""

import csv
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

DAYS = (date(2026, 11, 2), date(2026, 11, 3))
_PEOPLE, _VISITS = 500, 3_000
_REGENCIES = ("31.71", "31.71", "31.74", "32.73")
_PAGES = ("https://shop.example/promo", "https://shop.example/promo", "https://shop.example/")


def write_files(folder: Path) -> None:
    """profiles.csv, consents.csv, campaigns.csv and a file of visits for each day."""
    draw = random.Random(1)
    people = [f"u{number:04d}" for number in range(_PEOPLE)]
    registered = "2024-05-01T08:00:00+07:00"
    _write(
        folder / "profiles.csv",
        ("user_id", "gender", "birth_date", "region_code", "registered_at"),
        (
            (
                person,
                draw.choice(("male", "female")),
                date(1960, 1, 1) + timedelta(days=draw.randrange(16_000)),
                draw.choice(_REGENCIES),
                registered,
            )
            for person in people
        ),
    )
    _write(
        folder / "consents.csv",
        ("user_id", "purpose", "granted", "decided_at"),
        (
            (person, purpose, "true", registered)
            for person in people
            for purpose in ("use", "disclosure")
        ),
    )
    _write(
        folder / "campaigns.csv",
        (
            *("campaign_id", "advertiser_id", "advertiser_name", "campaign_name"),
            *("link_url", "starts_on", "ends_on"),
        ),
        [("promo", "shop", "PT Shop", "Promo", _PAGES[0], "2026-11-01", "2026-11-30")],
    )
    for day in DAYS:
        rows = sorted(
            (
                f"{day}T{draw.randrange(24):02d}:{draw.randrange(60):02d}:00+07:00",
                draw.choice(people),
                draw.choice(_PAGES),
            )
            for _ in range(_VISITS // len(DAYS))
        )
        _write(
            folder / f"visits-{day}.csv",
            ("visit_id", "user_id", "occurred_at", "url"),
            (
                (f"v{day:%d}-{number:05d}", person, moment, url)
                for number, (moment, person, url) in enumerate(rows)
            ),
        )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
