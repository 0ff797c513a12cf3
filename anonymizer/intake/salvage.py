"""Takes the user id from a row with too many or too few fields, where it is certain.

An objection in such a row must not be lost. Neither may it act against somebody else: a comma too
many to the left of the user id moves every field after it, and what stands under `user_id` is then
something else. So the id is taken only if a column to its right reads as what belongs there.
"""

import csv
import re
from collections.abc import Sequence

import pyarrow as pa

from anonymizer.intake.contract import RawTable
from anonymizer.intake.vocabulary import PURPOSE_WORDS, REQUEST_WORDS, plain_words

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")
_WORDS = {
    column: frozenset(word for spellings in words.values() for word in spellings)
    for column, words in (("kind", REQUEST_WORDS), ("purpose", PURPOSE_WORDS))
}


def read_misfit(table: RawTable, names: Sequence[str], text: str) -> str | None:
    """The user id of a CSV row that does not fit the columns `names`; None where it is doubtful."""
    try:
        (fields,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        return None
    place = names.index("user_id")
    following = zip(names[place + 1 :], fields[place + 1 :], strict=False)
    if any(_belongs(table, name, field) for name, field in following):
        return fields[place]
    return None


def _belongs(table: RawTable, name: str, field: str) -> bool:
    """Whether a field reads as one of its column, and as hardly anything else."""
    if table.columns.get(name) == "instant":
        return bool(_TIME.fullmatch(field.strip()))
    if name not in _WORDS:
        return False
    (word,) = plain_words(pa.array([field])).to_pylist()
    return word in _WORDS[name]
