"""What recorded consent means: the rules of a source, applied to the values of a batch."""

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from anonymizer.sources.source_settings import ConsentFlags, ConsentString

# Words by which Google Consent Mode, and exports of it, say that consent was given.
_GRANTED = pa.array(["granted", "yes", "true", "1"])


def decoded_consent(
    rows: pa.RecordBatch, rule: ConsentString | ConsentFlags, leaves: Mapping[str, str]
) -> pa.Array:
    """`true` or `false` for each row; what is missing or unknown is `false`."""
    assert isinstance(rule, ConsentFlags), "TC strings have a rule of their own"
    granted = pa.array([True]).take(pa.array([0] * rows.num_rows, pa.int64()))
    for path in rule.paths:
        words = pc.utf8_lower(pc.utf8_trim_whitespace(rows.column(leaves[path])))
        granted = pc.and_(granted, pc.fill_null(pc.is_in(words, _GRANTED), False))  # noqa: FBT003
    return pc.if_else(granted, "true", "false")
