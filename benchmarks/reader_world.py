"""A published folder as the portal reads it: many campaigns, a quarter of days, weeks and months.

Figures are made up; database, ledger and files are written by the product. The exports of the last
days, the last week and the last month have files; earlier ones are recorded and retired, as an
installation keeps them. Files of equal campaigns are links to the same bytes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow as pa
from finished_exports import catalogue, segments_of

from anonymizer.exports import export_folders
from anonymizer.exports.database import build_database
from anonymizer.exports.export_folders import MANIFEST
from anonymizer.exports.file_names import stems
from anonymizer.exports.file_seal import Sealer
from anonymizer.exports.recorded_files import EXPORTS, RETIREMENT
from anonymizer.model.periods import Period
from anonymizer.model.policy import Policy
from anonymizer.model.series import Series
from anonymizer.model.subjects import Campaign
from anonymizer.release import folder as release_folder
from anonymizer.release import release as releases
from anonymizer.release.ledger import Ledger
from anonymizer.release.public_ledger import write_public_ledger
from anonymizer.release.release import Release
from anonymizer.storage.files import sha256
from anonymizer.storage.home import Home
from anonymizer.storage.secret import Secret
from portal.account_store import AccountStore
from portal.passwords import hashed
from portal.user_accounts import UserAccount

FIRST = date(2026, 9, 1)
LAST = date(2026, 12, 31)
PASSWORD = "fifty readers at once"
LARGE = "large.csv"
_DAYS_WITH_FILES = 7
_LINE = 1_024  # bytes of a line of the large file
_SECRET = Secret(bytes(range(32)))


@dataclass(frozen=True)
class Size:
    """How much is made. The newest week of the first advertiser has a file of `large` bytes."""

    campaigns: int = 1_000
    advertisers: int = 50
    days: int = 90
    figures: int = 60
    large: int = 96 * 2**20


def make(home: Home, size: Size, accounts: Iterable[UserAccount]) -> None:
    """Publish all of it, and add the accounts."""
    home.root.mkdir(parents=True)
    for name in ("policy.yaml", "segments.yaml"):
        shutil.copy(Path(str(files("anonymizer") / "defaults" / name)), home.root / name)
    made = [*_releases(size)]
    build_database(made, home)
    _record(home, size, made)
    store, password = AccountStore(home.portal_accounts), hashed(PASSWORD)
    for account in accounts:
        store.add(account, password)


def _periods(size: Size) -> list[Period]:
    days = [FIRST + timedelta(days=number) for number in range(size.days)]
    found = [Period("day", day) for day in days]
    for kind in ("week", "month"):
        longer = dict.fromkeys(Period.of(kind, day) for day in days)
        found += [one for one in longer if days[0] <= one.start and one.end <= days[-1]]
    return sorted(found, key=lambda one: (one.end, one.start))


def _releases(size: Size) -> Iterator[Release]:
    known, random = catalogue(), np.random.default_rng(7)
    rows = np.arange(
        size.figures, dtype=np.int32
    )  # those that the catalogue prefers: provinces too
    segments = segments_of(known, rows)
    groups = release_folder._rows(release_folder._groups(known, rows), release_folder._GROUPS)
    campaigns = tuple(
        Campaign(
            f"cmp-{n:04d}",
            f"Campaign {n:04d}",
            advertiser(n % size.advertisers),
            f"PT {n % size.advertisers:02d}",
            FIRST,
            LAST,
        )
        for n in range(size.campaigns)
    )
    policy, ids = Policy(), list(segments)
    for number, period in enumerate(_periods(size), start=1):
        drawn = 50 + 10 * random.integers(0, 500, len(ids) * len(campaigns))
        missing = random.random(len(drawn)) < 0.1
        yield Release(
            id=Series("campaign", period.kind).release_id(period),
            number=number,
            kind="campaign",
            period=period,
            provider=policy.provider,
            timezone=policy.timing.timezone,
            promise=policy.promise,
            base=10,
            error=23,
            policy_digest=hashlib.sha256(b"policy").hexdigest(),
            catalogue_digest=known.digest,
            subjects=campaigns,
            segments=segments,
            groups=groups,
            figures=pa.table(
                {
                    "subject_id": np.repeat([one.id for one in campaigns], len(ids)),
                    "segment_id": ids * len(campaigns),
                    "status": np.where(missing, "suppressed", "published"),
                    "people": pa.array(drawn, mask=missing),
                },
                schema=release_folder._FIGURES,
            ),
            seal=releases._SEAL,
        )


def advertiser(number: int) -> str:
    """The id of an advertiser."""
    return f"adv-{number:02d}"


@dataclass(frozen=True)
class _Template:
    """A file that exports have copies of: where it is, its SHA-256 and its bytes."""

    path: Path
    digest: str
    size: int


def _templates(home: Home, release: Release) -> list[dict[str, _Template]]:
    """The files of each campaign of the first advertiser in every format, by the end of a name."""
    own = [one for one in release.campaigns if one.advertiser_id == advertiser(0)]
    folder = home.root / "templates"
    folder.mkdir()
    export_folders._fill(folder, own, Sealer(release, advertiser(0), _SECRET), None)
    return [
        {
            end: _template(folder / f"{stem}{end}")
            for end in (".csv", ".parquet", ".xlsx", "_id.xlsx")
        }
        for stem in stems(release, own).values()
    ]


def _template(path: Path) -> _Template:
    content = path.read_bytes()
    return _Template(path, hashlib.sha256(content).hexdigest(), len(content))


def _record(home: Home, size: Size, made: Sequence[Release]) -> None:
    """Write the files of the newest exports, and record all of them in the ledger."""
    templates, newest = _templates(home, made[0]), _with_files(made)
    ledger = Ledger.open(home.ledger)
    for release in made:
        digests: dict[str, str] = {}
        for number in range(size.advertisers):
            recipient = advertiser(number)
            named = _named(release, recipient, templates)
            if release.id in newest:
                large = size.large if number == 0 and release.period.kind == "week" else 0
                written = _written(home.exports / recipient / release.id, named, large)
            else:
                written = {name: one.digest for name, (_, one) in named.items()}
            digests |= {f"{recipient}/{name}": digest for name, digest in written.items()}
        ledger.append(EXPORTS, release.id, {"files": digests})
        if release.id not in newest:
            ledger.append(RETIREMENT, release.id, {"reason": "Older than the files that are kept"})
    write_public_ledger(ledger, home)
    shutil.rmtree(home.root / "templates")


def _with_files(made: Sequence[Release]) -> frozenset[str]:
    """The releases whose files are kept."""
    kept = {"day": _DAYS_WITH_FILES, "week": 1, "month": 1}
    return frozenset(
        one.id
        for kind, most in kept.items()
        for one in [release for release in made if release.period.kind == kind][-most:]
    )


def _named(
    release: Release, recipient: str, templates: Sequence[Mapping[str, _Template]]
) -> dict[str, tuple[str, _Template]]:
    """The files of an advertiser by name, with the campaign that each is about."""
    own = [one for one in release.campaigns if one.advertiser_id == recipient]
    names = stems(release, own)
    return {
        f"{names[campaign.id]}{end}": (campaign.id, template)
        for campaign, ends in zip(own, templates, strict=False)
        for end, template in ends.items()
    }


def _written(
    folder: Path, named: Mapping[str, tuple[str, _Template]], large: int
) -> dict[str, str]:
    """Link the files into a folder with their manifest; the digests of all."""
    folder.mkdir(parents=True)
    for name, (_, template) in named.items():
        os.link(template.path, folder / name)
    listed = {
        name: {"subject_id": subject, "sha256": one.digest, "bytes": one.size}
        for name, (subject, one) in named.items()
    }
    (folder / MANIFEST).write_text(json.dumps({"files": listed}, indent=2), encoding="utf-8")
    digests = {name: one.digest for name, (_, one) in named.items()}
    digests[MANIFEST] = sha256(folder / MANIFEST)
    if large:
        random = np.random.default_rng(7)
        with (folder / LARGE).open("w", encoding="ascii") as file:
            file.writelines(f"{random.bytes(_LINE // 2).hex()}\n" for _ in range(large // _LINE))
        digests[LARGE] = sha256(folder / LARGE)
    return digests
