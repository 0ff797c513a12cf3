"""Where the history of releases is kept."""

import os
from dataclasses import replace
from datetime import date

from anonymizer.audit.history.public_table import read_public_tables
from anonymizer.model.dimensions import age, gender, region
from anonymizer.model.errors import Held
from anonymizer.model.periods import Period
from anonymizer.model.segments import Catalogue
from anonymizer.model.series import CAMPAIGN_DAY, first_edition
from anonymizer.release.corrections import newest
from anonymizer.release.ledger import Entry, Ledger
from anonymizer.release.public_ledger import PublicLedger
from anonymizer.release.release import Release
from anonymizer.release.settings import SettingsTexts, read_meaning, revisions
from anonymizer.storage.home import Home


def open_ledger(home: Home) -> Ledger:
    """The ledger at `$AUDIENCE_LEDGER` (any SQLAlchemy URL), the home's SQLite file without it."""
    return Ledger.open(os.environ.get("AUDIENCE_LEDGER") or home.ledger)


def open_history(home: Home) -> Ledger:
    """The ledger for reading; its public part where there is no home, or no right to read it."""
    here = not os.environ.get("AUDIENCE_LEDGER") and home.ledger.exists()
    if not home.is_installed or (here and not os.access(home.ledger, os.R_OK)):
        return PublicLedger(home.public_ledger)
    return open_ledger(home)


def released_days(ledger: Ledger) -> frozenset[date]:
    """The local days whose campaign tables have been released. Raises LedgerBroken."""
    prefix = _release_of(date.min).removesuffix(date.min.isoformat())
    return frozenset(
        date.fromisoformat(first_edition(entry.subject).removeprefix(prefix))
        for entry in ledger.releases()
        if entry.subject.startswith(prefix)
    )


def release_of(ledger: Ledger, day: date) -> Entry | None:
    """The ledger's entry on the campaign tables of a day, the newest edition of them."""
    return newest(ledger, CAMPAIGN_DAY, Period("day", day))


def catalogue_of(home: Home, ledger: Ledger, release: Release) -> Catalogue:
    """The catalogue that a release was made with. Raises Held when nothing keeps it any more.

    Where only the published folder is at hand: the segments that the release speaks of.
    """
    if isinstance(ledger, PublicLedger):
        return _released_catalogue(release)
    for revision in revisions(ledger):
        if revision.digests["catalogue"] == release.catalogue_digest:
            return revision.meaning().catalogue
    catalogue = read_meaning(SettingsTexts.in_force(home)).catalogue
    if catalogue.digest != release.catalogue_digest:
        raise Held(
            "segments_changed",
            f"segments.yaml has changed since {release.id} was made; to ask about this release, "
            "use a home with the segments.yaml of that time",
        )
    return catalogue


def _released_catalogue(release: Release) -> Catalogue:
    subject = release.subjects[0].id
    public = read_public_tables(release, {subject: {}}, (gender(), age(), region()))[0].catalogue
    named = {
        row: public.named[row]
        for row, segment in enumerate(release.segments.values())
        if segment.named
    }
    return replace(public, named=named)


def _release_of(day: date) -> str:
    return CAMPAIGN_DAY.release_id(Period("day", day))
