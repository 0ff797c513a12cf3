"""Where everything lies: the home directory, `$AUDIENCE_HOME`."""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

VARIABLE = "AUDIENCE_HOME"


@dataclass(frozen=True)
class Home:
    """The folders and files of one installation. Building one touches no disk."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """The home named by `$AUDIENCE_HOME`, `./home` without it."""
        return cls(Path(os.environ.get(VARIABLE, "home")).absolute())

    @property
    def policy(self) -> Path:
        """The promise and its numbers."""
        return self.root / "policy.yaml"

    @property
    def segments(self) -> Path:
        """The segment catalogue."""
        return self.root / "segments.yaml"

    @property
    def sources(self) -> Path:
        """How raw files of other systems are read, for installations that have some."""
        return self.root / "sources.yaml"

    @property
    def deliveries(self) -> Path:
        """Where released figures are announced and delivered, for installations that do."""
        return self.root / "deliveries.yaml"

    @property
    def secret(self) -> Path:
        """The key of pseudonyms, rounding and floor offsets; mode 0600."""
        return self.root / "secret.key"

    @property
    def ledger(self) -> Path:
        """The default ledger, an SQLite file."""
        return self.root / "ledger.sqlite"

    @property
    def raw(self) -> Path:
        """Landing zone; only `rights` requests are ever written there."""
        return self.root / "raw"

    @property
    def private(self) -> Path:
        """Pseudonymous working data and the quarantine; restricted."""
        return self.root / "private"

    @property
    def published(self) -> Path:
        """Safe for anyone: releases, exports, the analysts' database."""
        return self.root / "published"

    @property
    def releases(self) -> Path:
        """One folder a release."""
        return self.published / "releases"

    @property
    def exports(self) -> Path:
        """One folder an advertiser, in it one a release."""
        return self.published / "exports"

    @property
    def database(self) -> Path:
        """The analysts' DuckDB file."""
        return self.published / "segments.duckdb"

    @property
    def figures(self) -> Path:
        """The figures of the analysts' database as Parquet, where the policy has it so."""
        return self.published / "figures"

    @property
    def public_ledger(self) -> Path:
        """What anyone may see of the ledger: enough to prove every published byte."""
        return self.published / "ledger.jsonl"

    @property
    def sign_in(self) -> Path:
        """How readers sign in to the portal, if not all of them with passwords."""
        return self.root / "sign_in.yaml"

    @property
    def portal(self) -> Path:
        """The portal's accounts, sessions and access log; its owner's alone."""
        return self.root / "portal"

    @property
    def portal_accounts(self) -> Path:
        """Accounts and sessions of the portal, an SQLite file."""
        return self.portal / "accounts.sqlite"

    @property
    def portal_log(self) -> Path:
        """Who signed in to the portal and downloaded what, as JSON lines."""
        return self.portal / "access.jsonl"

    @property
    def segment_requests(self) -> Path:
        """Segments that readers of the portal have requested, as JSON lines."""
        return self.portal / "segment_requests.jsonl"

    @property
    def trials(self) -> Path:
        """Stored results of `audience whatif`, from private counts: for officers alone."""
        return self.private / "trials"

    @property
    def officer_log(self) -> Path:
        """Who signed in to the officer's page and read which trials, as JSON lines."""
        return self.private / "officer_access.jsonl"

    @property
    def delivery(self) -> Path:
        """What was delivered, and the lock of whoever delivers; its owner's alone."""
        return self.root / "delivery"

    @property
    def delivery_log(self) -> Path:
        """Every delivery and what became of it, as JSON lines."""
        return self.delivery / "deliveries.jsonl"

    @property
    def dagster(self) -> Path:
        """Dagster's own storage (run history, event log)."""
        return self.root / "dagster"

    @property
    def lock(self) -> Path:
        """Held by the one process that writes."""
        return self.root / "run.lock"

    @property
    def is_installed(self) -> bool:
        """Whether this is a home in which runs are made."""
        return self.policy.exists()

    def working_file(self, stage: str, day: date) -> Path:
        """The private Parquet partition of one stage and day."""
        return self.private / stage / f"day={day.isoformat()}.parquet"


class PublishedCopy(Home):
    """A published folder without its home, for commands that only read what is published."""

    @property
    def published(self) -> Path:
        """The folder itself."""
        return self.root

    @property
    def is_installed(self) -> bool:
        """Never."""
        return False
