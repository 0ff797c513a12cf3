"""What steps are given: the installation to work on."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from pydantic import Field

from anonymizer.model.codings import Codings, read_codings
from anonymizer.model.errors import Busy
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.segments import Catalogue
from anonymizer.release.ledger import Ledger
from anonymizer.release.settings import (
    SettingsTexts,
    applying,
    read_meaning,
    revisions,
)
from anonymizer.release.settings_change import record_settings, require_approved
from anonymizer.storage.engine import Engine
from anonymizer.storage.home import VARIABLE, Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.secret import Secret
from pipelines import run_limits
from pipelines.resources.engines import opened_engine
from pipelines.resources.release_history import open_ledger


@dataclass(frozen=True)
class PeriodTerms:
    """What the figures of a period are made under: the policy, the catalogue and the secret."""

    policy: Policy
    catalogue: Catalogue
    secret: Secret


class Installation(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A home directory, read when a step asks.

    Building one touches nothing, so definitions load without home, secret and data.
    """

    folder: str | None = Field(
        default=None,
        description="The home directory, relative to the working directory of the run. Without "
        "it, $AUDIENCE_HOME, else ./home.",
    )

    @classmethod
    def of(cls, home: Home) -> "Installation":
        """The installation in a home."""
        return cls(folder=str(home.root))

    @classmethod
    def from_environment(cls) -> "Installation":
        """The one that `$AUDIENCE_HOME` names when a run begins, `./home` without it."""
        return cls(folder=dg.EnvVar(VARIABLE)) if VARIABLE in os.environ else cls()

    @property
    def home(self) -> Home:
        """Every path."""
        return Home(Path(self.folder).absolute()) if self.folder else Home.from_environment()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of the home: one run writes at a time. Raises Busy after waiting."""
        deadline = time.monotonic() + run_limits.PATIENCE_SECONDS
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(exclusive(self.home))
                    break
                except Busy:
                    if time.monotonic() >= deadline:
                        raise
                time.sleep(run_limits.LOCK_PAUSE_SECONDS)
            yield

    def policy(self) -> Policy:
        """The file in force: what the runs of today go by, and the periods that begin from now."""
        return Policy.load(self.home.policy)

    def secret(self) -> Secret:
        """The key; refuses one that others can read."""
        return Secret.of(self.home)

    def codings(self) -> Codings:
        """What codes of the raw files mean, by the file in force. Raises ConfigurationError."""
        return read_codings(self.policy().codings, self.home.root)

    def record_settings(self) -> None:
        """Write the files in force into the ledger if they have changed; a run begins with this.

        Raises ConfigurationError with all mistakes of both files, Held while they make the promise
        weaker and nobody has approved that.
        """
        record_settings(self.home, self.ledger(), self.secret())

    def require_approved_settings(self) -> Policy:
        """The policy in force, as it was read; Held while it is weaker unapproved.

        What is decided after that goes by this policy: the file can change in between.
        """
        return require_approved(self.home, self.ledger().entries()).after.policy

    def terms(self, period: Period) -> PeriodTerms:
        """What applies to a period, by the day on which it begins.

        Effort, retention and intake limits are those of the file in force. In a ledger that
        keeps no settings yet, everything is.
        """
        revision = applying(revisions(self.ledger()), period.start)
        meaning = (
            revision.meaning() if revision else read_meaning(SettingsTexts.in_force(self.home))
        )
        return PeriodTerms(
            meaning.policy.running_as(self.policy()), meaning.catalogue, self.secret()
        )

    def ledger(self) -> Ledger:
        """The history of releases."""
        return open_ledger(self.home)

    @contextmanager
    def engine(self, *, spill: bool) -> Iterator[Engine]:
        """An engine of its own for one step; without `spill` nothing of it reaches a disk."""
        with opened_engine(self.home, self.policy().effort, spill=spill) as engine:
            yield engine
