"""What was found against a release, kept for the privileged role alone.

Explanations quote figures that were not published, or say how few people a group has. They go into
`private/findings/` (of the gate) and `private/intruder_findings/` (of the attack on what was
published), never into a message, a log or Dagster's event storage.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from anonymizer.audit.findings import Finding
from anonymizer.model.errors import Disclosure
from anonymizer.model.series import CAMPAIGN_DAY, Series
from anonymizer.storage.files import write_bytes
from anonymizer.storage.home import Home


@contextmanager
def evidence_kept(home: Home, series: Series, day: date) -> Iterator[None]:
    """Write the findings of a Disclosure down and let it pass on; forget those of before."""
    findings_file(home, day, series).unlink(missing_ok=True)
    try:
        yield
    except Disclosure as refusal:
        found = [finding for finding in refusal.findings if isinstance(finding, Finding)]
        keep_evidence(home, series, day, found)
        raise


def keep_evidence(home: Home, series: Series, day: date, findings: Sequence[Finding]) -> None:
    """Write the gate's findings down for the privileged role; nothing when there are none."""
    write_findings(findings, findings_file(home, day, series))


def write_findings(findings: Sequence[Finding], path: Path) -> None:
    """Write findings as JSON; nothing is written when there are none."""
    if findings:
        content = json.dumps([finding.to_json() for finding in findings], indent=1) + "\n"
        write_bytes(content.encode(), path)


def findings_file(
    home: Home, day: date, series: Series = CAMPAIGN_DAY, stage: str = "findings"
) -> Path:
    """Where findings against the release of a period with that last day are kept."""
    return home.private / series.stage(stage) / f"day={day.isoformat()}.json"
