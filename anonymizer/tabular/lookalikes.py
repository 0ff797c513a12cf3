"""Codes that a reader takes for one, and codes that are totals of the others.

Either would count people twice: a group that is spelled in two ways is published as two, and a row
with the total of the others doubles every sum above it.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

# Cyrillic and Greek letters, folded, that look like Latin ones (Unicode TR 39, confusables).
_LETTERS = str.maketrans(
    "\u0430\u0432\u0435\u0451\u0456\u0458\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445"
    "\u0455\u0501\u04bb\u051b\u051d\u04cf\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4"
    "\u03c5\u03c7\u03b3\u03b6\u03b7\u03bc\u03c9\u0131\u0261",
    "abeeijkmhopctyxsdhqwlabeikvoptuxyznmwig",
)
_TOTALS = frozenset(
    {
        *("total", "totals", "subtotal", "sub total", "sub-total", "grand total", "sum", "all"),
        *("overall", "any", "everyone", "everybody", "both", "both sexes", "all ages"),
        *("semua", "jumlah", "jumlah total", "total keseluruhan", "keseluruhan", "seluruh"),
        *("seluruhnya", "semuanya", "nasional", "*", "**", "_total", "_all", "#total", "gesamt"),
    }
)

_FEWEST = 3


def seen_as(code: str) -> str:
    """What a reader sees, whatever the case, the composition and look-alike letters."""
    folded = unicodedata.normalize("NFKC", code).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).translate(_LETTERS).split())


def is_total(code: str) -> bool:
    """Whether a code is a word for all others together."""
    return seen_as(code).strip("()[]-:. ") in _TOTALS or seen_as(code) in _TOTALS


def alike(codes: Iterable[str]) -> list[list[str]]:
    """Codes that a reader takes for one, those of each such group together."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code in codes:
        found[seen_as(code)].append(code)
    return [group for group in found.values() if len(group) > 1]


def totals_of_the_others(people: NDArray[np.int64], axis: int) -> list[int]:
    """Positions along an axis whose counts are everywhere the sums of all others.

    Of two, one is the sum of the others by chance; of more hardly.
    """
    along = np.moveaxis(people, axis, 0).reshape(people.shape[axis], -1)
    if len(along) < _FEWEST:
        return []
    equal = (2 * along == along.sum(axis=0)).all(axis=1)
    return np.flatnonzero(equal & (along.sum(axis=1) > 0)).tolist()


def named(codes: Sequence[str]) -> str:
    """Codes so that they can be told apart."""
    return " and ".join(map(ascii, codes))
