"""One line for each command, as `audience --help` lists them: the first of its own help.

By itself, so that the list needs none of the modules of the commands.
"""

from collections.abc import Mapping

SUMMARIES: Mapping[str, str] = {
    "init": ("Make a home: commented policy, segments, sources, deliveries, and a new secret key."),
    "migrate": "Update the policy.yaml of an older home to this version.",
    "ui": "Open Dagster's pages on this machine (127.0.0.1): runs, assets, schedule, sensors.",
    "segments": "List the named segments and the groups that segments are made of.",
    "sample": "Write a sample world into the raw zone: people, campaigns, visits, and faulty rows.",
    "demo": "Create a home and a sample world if there is none, release its days, show the result.",
    "run": "Run all days from the first to the last, as one Dagster run in this process.",
    "backfill": (
        "Run what is missing: landed days without a release, exports or a place in the database."
    ),
    "portal": (
        "Serve the portal on this machine (127.0.0.1): figures, statements, downloads, "
        "certificates."
    ),
    "user": "The accounts of the portal.",
    "check-input": (
        "Check the files of a day without writing anything; list all problems and warnings."
    ),
    "source": "Logs and messages of other systems: check, propose a mapping, file.",
    "accept": "Accept a day that is held as implausible; without --reason, list such days.",
    "health": "Report whether all due days are released, and whether the ledger can be trusted.",
    "quarantine": (
        "List the quarantined rows of a day: file, row number, column and reason, never a value."
    ),
    "statements": (
        "Print published figures as sentences (default: of the newest release that has any)."
    ),
    "figures": "List released figures; a suppressed segment has no number.",
    "exports": "List export folders; `notice` says which were withdrawn or corrected.",
    "verify": (
        "Prove every published byte against the ledger's public part, offline, without the home."
    ),
    "check": (
        "Verify an export by its certificate, or a file by its certificate or the seal inside it."
    ),
    "package": "Write all files of an advertiser and period into one ZIP file, checked before.",
    "deliver": (
        "Announce and deliver what was released, corrected or withdrawn, as deliveries.yaml says."
    ),
    "deliveries": (
        "List destinations with what they have, what waits for them, and what failed last."
    ),
    "suppressed": (
        "List suppressed segments, each with the nearest coarser segment that is published."
    ),
    "withdraw-release": (
        "Permanently remove a release from exports and database, and leave a notice in its place."
    ),
    "correct-release": "Release a period again from corrected input, beside the first release.",
    "protect": "Suppress a table so that no small group can be inferred.",
    "audit": "Attack a published table with what anyone can know, and report what it discloses.",
    "compare-naive": (
        "Compare the releases with HAVING count(distinct person) >= k over the same people."
    ),
    "policy": "Check policy.yaml and segments.yaml, and explain what they promise.",
    "whatif": (
        "Suppress released periods again under other settings, in memory, and compare the outcomes."
    ),
    "officer": (
        "Serve the officer's page on this machine (127.0.0.1): settings tried, requests, held days."
    ),
    "segment-request": "Decide on segments that readers of the portal have requested.",
    "rights": "A person's rights: file requests and follow them up.",
    "retention": (
        "Show which working data each run removed, and what the next one removes; change nothing."
    ),
    "retire-exports": (
        "Remove old exports from published/. Releases, the database and the ledger stay."
    ),
    "evidence": (
        "Write the record of processing, an impact assessment and a breach run-book as Markdown."
    ),
    "ledger": "The history of releases.",
    "change-key": (
        "Draw and seal with a new key from the next release on; what is released stays as it is."
    ),
    "backup": (
        "Copy ledger, releases, judged groups and settings, between two runs, and prove the copy."
    ),
    "restore": (
        "Prove a backup and put it into a new home; the ledger goes to $AUDIENCE_LEDGER if it "
        "is set."
    ),
}
