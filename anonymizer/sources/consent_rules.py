"""What recorded consent means: the rules of a source, applied to the values of a batch.

Missing, malformed, contradictory: no consent. Of a TC string it is also said when it was updated,
and from when until when it is valid, which the statement compares with the time of the decision.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.sources.source_settings import ConsentFlags, ConsentString
from anonymizer.sources.tc_strings import MalformedConsentError, decode_consent

# Words by which Google Consent Mode, and exports of it, say that consent was given.
_GRANTED = ("granted", "yes", "true", "1")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT = pa.timestamp("us", "UTC")


def with_decoded(
    rows: pa.RecordBatch,
    decoded: Mapping[str, ConsentString | ConsentFlags],
    leaves: Mapping[str, str],
) -> pa.RecordBatch:
    """The rows with a column `true` or `false` for each rule, and the validity of strings."""
    for column, rule in decoded.items():
        if isinstance(rule, ConsentFlags):
            rows = rows.append_column(column, _flags(rows, rule, leaves))
            continue
        for name, values in _strings(_texts(rows.column(leaves[rule.path])), rule).items():
            rows = rows.append_column(f"{column}{name}", values)
    return rows


def _flags(rows: pa.RecordBatch, rule: ConsentFlags, leaves: Mapping[str, str]) -> pa.Array:
    granted = pa.repeat(pa.scalar(True), rows.num_rows)  # noqa: FBT003
    words_of_consent = pa.array(_GRANTED)  # not before it is needed: PyArrow imports pandas for it
    for path in rule.paths:
        words = pc.utf8_lower(pc.utf8_trim_whitespace(_texts(rows.column(leaves[path]))))
        granted = pc.and_(granted, pc.fill_null(pc.is_in(words, words_of_consent), False))  # noqa: FBT003
    return pc.if_else(granted, "true", "false")


def _texts(column: pa.Array) -> pa.Array:
    """Numbers and moments of Parquet as text, which grants what the same text does in CSV."""
    return column.cast(pa.string())


def _strings(texts: pa.Array, rule: ConsentString) -> dict[str, pa.Array]:
    """Each distinct string is decoded once."""
    encoded = texts.dictionary_encode()
    meanings = [_meaning(text, rule) for text in encoded.dictionary.to_pylist()]
    granted, begin, end, updated = zip(*meanings, strict=True) if meanings else ((),) * 4
    return {
        "": pc.fill_null(pa.array(granted, pa.string()).take(encoded.indices), "false"),
        "_from": pa.array(begin, _INSTANT).take(encoded.indices),
        "_until": pa.array(end, _INSTANT).take(encoded.indices),
        "_updated": pa.array(updated, _INSTANT).take(encoded.indices),
    }


def _meaning(text: str, rule: ConsentString) -> tuple[str, datetime, datetime, datetime]:
    try:
        consent = decode_consent(text.strip())
    except (MalformedConsentError, OverflowError):
        return "false", _NEVER, _NEVER, _NEVER
    granted = consent.consents(frozenset(rule.purposes), rule.vendor)
    begin, end = consent.validity(rule.valid_days)
    return "true" if granted else "false", begin, end, consent.last_updated
