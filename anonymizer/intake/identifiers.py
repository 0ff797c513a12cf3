"""The one form of a user id, so that one person is one person however the id is written.

An objection that spells an id in another way than the profile must find the person. Everything
that compares user ids compares this form:

    Unicode NFKC and case folding; no white space at the ends; no apostrophe in front, which
    marks text in spreadsheets; a UUID in lower case with hyphens, whether it came with braces,
    with `urn:uuid:` or without hyphens; digits alone without leading zeros.

Refused, because the number that was meant is lost: `7001.0`, `8.001E+15`. Refused, because two
ids could look the same: control, zero-width and other format characters.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

NO_USER = "no_user"
PLACEHOLDER = "placeholder_user"
HIDDEN = "hidden_character"
NOT_AN_ID = "not_an_id"

# Writers of CSV mean null by these: Spark, Snowflake and everything that quotes all fields.
_NULLS = ("", r"\N")
_SPACES = " \t\r\n\v\f"
# In its one form already once white space and capitals are gone. Not so: what may be a number
# with a fraction or an exponent, zeros in front of digits, and 32 characters (a UUID without
# hyphens). Those, and all that is rare, are read one by one.
_PLAIN = (
    "^(?:[1-9][0-9a-z_|=/]*|0[0-9]*[a-z_|][0-9a-z_|]*|[a-z][0-9a-z_.@|+=/-]*"
    "|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$"
)
_BARE_UUID = 32
_PADDED = "^0+[1-9][0-9]*$"  # a number of a fixed width
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]\d*|\d*[.,]\d+)(?:e[+-]?\d+)?|[+-]?\d+e[+-]\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{3})+(?:[.,]\d*)?")
_IN_FRONT = re.compile(r"^[\s']+")
_UUID = re.compile(
    r"(?:urn:uuid:)?(\{)?([0-9a-f]{8})(-?)([0-9a-f]{4})\3([0-9a-f]{4})\3([0-9a-f]{4})\3"
    r"([0-9a-f]{12})(?(1)\})"
)
_PLACEHOLDERS = frozenset(
    {
        *("0", "-1", "unknown", "null", "none", "nan", "nil", "undefined", "anonymous"),
        *("n/a", "na", "(null)", "<null>", r"\n", "00000000-0000-0000-0000-000000000000"),
    }
)
# Cc control, Cf format (zero-width, soft hyphen, direction), Cs half of a surrogate pair,
# Zl and Zp separators of lines; and letters that are shown as nothing.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5")
_VARIANTS = re.compile("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")


class NotAUserError(ValueError):
    """The text is no user id; `reason` is the code under which its row is quarantined."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def canonical_id(text: str) -> str:
    """The one form of a user id. Raises NotAUserError."""
    spelled = text.strip(_SPACES)
    if _hides_something(spelled):
        raise NotAUserError(HIDDEN)
    # Folding can bring forth what is not normal, and the other way round.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", spelled).casefold())
    bare = _IN_FRONT.sub("", folded).rstrip()
    if not bare:
        raise NotAUserError(NO_USER)
    if bare in _PLACEHOLDERS or not bare.removeprefix("urn:uuid:").strip("0-{}"):
        raise NotAUserError(PLACEHOLDER)
    if _NUMBER.fullmatch(bare) or _GROUPED.fullmatch(bare):
        raise NotAUserError(NOT_AN_ID)
    if uuid := _UUID.fullmatch(bare):
        return "-".join(uuid.group(2, 4, 5, 6, 7))
    return bare.lstrip("0") if bare.isdecimal() and bare.isascii() else bare


def canonical_ids(column: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The one form of each id in a column of text, and why it has none (a code).

    An absent id, empty text and `\\N` have neither form nor code.
    """
    absent = pc.is_in(column, value_set=_words(_NULLS))
    lowered = pc.ascii_lower(pc.ascii_trim(column, characters=_SPACES))
    short = pc.not_equal(pc.binary_length(lowered), _BARE_UUID)
    plain = pc.and_(pc.match_substring_regex(lowered, _PLAIN), short)
    plain = pc.and_not(plain, pc.is_in(lowered, value_set=_words(_PLACEHOLDERS)))
    padded = pc.and_(pc.match_substring_regex(lowered, _PADDED), short)
    ids = pc.if_else(plain, lowered, None)
    ids = pc.if_else(padded, pc.ascii_ltrim(lowered, characters="0"), ids)
    odd = pc.and_not(pc.invert(pc.or_(plain, padded)), absent)
    faults = pa.nulls(len(column), pa.string())
    if not pc.any(odd).as_py():
        return ids, faults
    spelled = pc.filter(column, odd).dictionary_encode()
    judged = [_judge(text) for text in spelled.dictionary.to_pylist()]
    forms = pa.array([form for form, _ in judged], pa.string()).take(spelled.indices)
    reasons = pa.array([reason for _, reason in judged], pa.string()).take(spelled.indices)
    mask = pc.fill_null(odd, False)  # noqa: FBT003
    return pc.replace_with_mask(ids, mask, forms), pc.replace_with_mask(faults, mask, reasons)


@cache
def _words(words: Collection[str]) -> pa.Array:
    """Words to be found in columns. Built when they are needed: PyArrow imports pandas for it."""
    return pa.array(sorted(words))


def _judge(text: str) -> tuple[str | None, str | None]:
    try:
        return canonical_id(text), None
    except NotAUserError as error:
        return None, error.reason


def _hides_something(text: str) -> bool:
    if text.isascii() and text.isprintable():
        return False
    return (
        any(unicodedata.category(character) in _UNSEEN for character in text)
        or not _FILLERS.isdisjoint(text)
        or bool(_VARIANTS.search(text))
    )
