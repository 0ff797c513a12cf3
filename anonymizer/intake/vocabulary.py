"""The words and numbers that intake judges rows by, and the relations that hold them."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa

from anonymizer.dimensions import reference_regions
from anonymizer.engines.duckdb import DuckDB
from anonymizer.segments import Interest

# Earlier and later times are faults of a clock, a unit or a default value.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
OLDEST_AGE = 130
LONGEST_NAME = 200

_GENDERS = {
    "male": ("male", "m", "man", "l", "lk", "pria", "laki-laki", "laki laki", "lakilaki"),
    "female": ("female", "f", "woman", "p", "pr", "w", "wanita", "perempuan"),
    # Said in so many words: nothing to warn about.
    "not_stated": ("not_stated", "not stated", "unknown", "n/a", "-", "tidak disebutkan"),
}


def load_vocabulary(
    engine: DuckDB, program_words: Iterable[str], interests: Iterable[Interest]
) -> None:
    """Load `gender_words`, `regencies`, `region_codes`, `program_words`, `interest_words`."""
    genders = [(word, gender) for gender, words in _GENDERS.items() for word in words]
    engine.load(
        "gender_words",
        pa.table({"word": [word for word, _ in genders], "gender": [g for _, g in genders]}),
    )
    regions = reference_regions()
    regencies = [region.code for region in regions if region.level == "regency"]
    engine.load("regencies", pa.table({"code": regencies}))
    engine.load("region_codes", pa.table({"code": [region.code for region in regions]}))
    words = [word.lower() for word in program_words if word]
    engine.load("program_words", pa.table({"word": pa.array(words, pa.string())}))
    of_interest = [(word, each.code) for each in interests for word in each.categories]
    engine.load(
        "interest_words",
        pa.table(
            {
                "word": pa.array([word for word, _ in of_interest], pa.string()),
                "interest": pa.array([code for _, code in of_interest], pa.string()),
            }
        ),
    )
