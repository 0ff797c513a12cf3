"""Published tables with provinces: rows of segments added to the database of the portal's world."""

from collections.abc import Mapping

import duckdb
from published_world import WEEK

from anonymizer.storage.home import Home

# People of spring in its week. Jakarta and West Java have the same figure; all others have none.
PROVINCES: Mapping[str, int] = {
    "31": 1210,
    "32": 1210,
    "33": 60,
    "35": 430,
    "73": 80,
    "94": 150,
    "21": 2400,
}


def add_provinces(home: Home, provinces: Mapping[str, int] = PROVINCES) -> None:
    """Give spring's week a figure of each of these provinces."""
    with duckdb.connect(str(home.database)) as connection:
        for code, people in provinces.items():
            segment = f"all:all:{code}"
            connection.execute(
                "INSERT INTO segments SELECT $segment, 'people in ' || region, "
                "'orang di ' || region_indonesian, false, 'all', 'all', region_code, [], "
                "'province', true FROM regions WHERE region_code = $code",
                {"segment": segment, "code": code},
            )
            connection.execute(
                "INSERT INTO figures SELECT release_id, subject_kind, subject_id, subject, "
                "advertiser_id, period_kind, period, period_start, period_end, $segment, "
                "'published', $people, $people - 9, $people + 9, rounding FROM figures "
                "WHERE release_id = $release AND subject_id = 'spring' LIMIT 1",
                {"segment": segment, "people": people, "release": WEEK},
            )
