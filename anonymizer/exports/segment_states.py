"""What was decided on requested segments, as the published ledger says: for who serves exports."""

from collections.abc import Mapping

from anonymizer.model.request_state import SegmentState
from anonymizer.release.public_ledger import PublicLedger
from anonymizer.release.segment_decisions import segment_states
from anonymizer.storage.home import Home


def published_states(published: Home) -> Mapping[str, SegmentState]:
    """The requests on which something was decided, by their ids. Raises LedgerBroken."""
    if not published.public_ledger.exists():
        return {}
    return segment_states(PublicLedger(published.public_ledger).entries())
