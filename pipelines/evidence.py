"""What the auditor found against a release, kept for the privileged role alone.

The explanations quote figures that were not published. They go into `private/findings/`, never
into a message, a log or Dagster's event storage.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from anonymizer.audit.findings import Finding
from anonymizer.errors import Disclosure
from anonymizer.files import write_bytes
from anonymizer.home import Home


@contextmanager
def evidence_kept(home: Home, day: date) -> Iterator[None]:
    """Write the findings of a Disclosure down and let it pass on; forget those of before."""
    path = findings_file(home, day)
    path.unlink(missing_ok=True)
    try:
        yield
    except Disclosure as refusal:
        findings = [f.to_json() for f in refusal.findings if isinstance(f, Finding)]
        write_bytes((json.dumps(findings, indent=1) + "\n").encode(), path)
        raise


def findings_file(home: Home, day: date) -> Path:
    """Where the findings against the release of a day are kept."""
    return home.private / "findings" / f"day={day.isoformat()}.json"
