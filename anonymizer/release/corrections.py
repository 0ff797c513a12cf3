"""Corrections: a period that is released again from right input, beside the first release.

The ledger links the two. An order (`correction`) stands in it before anything is computed: it
names the release that is corrected, why, and the id of the one that corrects it. As long as that
one is not released, every run of the period goes on with it, unless a `cancellation` takes the
order back; its id is not used again. The entry of the correction names the corrected release once
more, and a `pointer` records the notices in the export folders of that release. More than one
correction of a period needs an `approval` of a privacy officer, who is not the one who orders it.

Nothing of the corrected release changes: its figures are known to the world.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from anonymizer.model.errors import ConfigurationError, Fault, Held
from anonymizer.model.periods import Period
from anonymizer.model.reasons import require_fit
from anonymizer.model.roles import Role, Roles
from anonymizer.model.series import SERIES, Series, edition_id, edition_of, first_edition
from anonymizer.release.ledger import RELEASE, Entry, Ledger
from anonymizer.release.near_state import is_forgotten, state_file
from anonymizer.release.public_ledger import check_public_ledger, write_public_ledger
from anonymizer.storage.home import Home
from anonymizer.storage.lock import exclusive
from anonymizer.storage.permissions import account_name
from anonymizer.storage.secret import Secret

CORRECTION = "correction"
APPROVAL = "approval"
CANCELLATION = "cancellation"
_APPROVER: Role = "privacy_officer"
_PUBLIC = "everyone can read the reason: leave this out"


@dataclass(frozen=True)
class CorrectionOrder:
    """A correction that is recorded: `release` is to correct `corrects`, for a public reason."""

    release: str
    corrects: str
    reason: str

    @classmethod
    def of(cls, entry: Entry) -> "CorrectionOrder":
        """The order that a ledger entry of kind `correction` records."""
        return cls(entry.subject, entry.body["corrects"], entry.body["reason"])


@dataclass(frozen=True)
class Who:
    """Who decides: the login that the system names, and the roles that the policy gives."""

    roles: Roles
    login: str

    @classmethod
    def runs(cls, roles: Roles) -> "Who":
        """The account that runs this process."""
        return cls(roles, account_name())


def period_of(release_id: str) -> tuple[Series, Period]:
    """The series and period of a release id. Raises ConfigurationError for any other text."""
    first = first_edition(release_id)
    for series in SERIES:
        if first.startswith(f"{series.id}-"):
            try:
                period = Period.from_id(first.removeprefix(f"{series.id}-"))
                if series.release_id(period, edition_of(release_id)) == release_id:
                    return series, period
            except ValueError:
                break
    raise _mistake("release", f"{release_id!r} is not the id of a release")


def editions(entries: Iterable[Entry], series: Series, period: Period) -> tuple[Entry, ...]:
    """The releases of a period in order: the first, and its corrections."""
    first = series.release_id(period)
    return tuple(e for e in entries if e.kind == RELEASE and first_edition(e.subject) == first)


def newest(ledger: Ledger, series: Series, period: Period) -> Entry | None:
    """The release of a period that is in force; None where it has none."""
    found = editions(ledger.entries(), series, period)
    return found[-1] if found else None


def open_order(ledger: Ledger, series: Series, period: Period) -> CorrectionOrder | None:
    """The correction of a period that is ordered, not released yet and not cancelled."""
    return _open_order(ledger.entries(), series.release_id(period))


def open_orders(ledger: Ledger) -> tuple[CorrectionOrder, ...]:
    """Every correction that is ordered, not released and not cancelled. Raises LedgerBroken."""
    return _open_orders(ledger.entries())


def _open_order(entries: Sequence[Entry], first: str) -> CorrectionOrder | None:
    return next((o for o in _open_orders(entries) if first_edition(o.release) == first), None)


def _open_orders(entries: Sequence[Entry]) -> tuple[CorrectionOrder, ...]:
    finished = {entry.subject for entry in entries if entry.kind in {RELEASE, CANCELLATION}}
    return tuple(
        CorrectionOrder.of(entry)
        for entry in entries
        if entry.kind == CORRECTION and entry.subject not in finished
    )


def find_order(ledger: Ledger, release_id: str) -> CorrectionOrder | None:
    """The order of a correction; None for a first release."""
    entry = ledger.find(CORRECTION, release_id)
    return CorrectionOrder.of(entry) if entry else None


def corrected(entries: Iterable[Entry]) -> dict[str, str]:
    """The release that corrects it, of each release that was corrected."""
    return {
        entry.body["corrects"]: entry.subject
        for entry in entries
        if entry.kind == RELEASE and "corrects" in entry.body
    }


def circulates(release_id: str, corrections: Mapping[str, str], gone: Collection[str]) -> bool:
    """Whether a release is shown: not withdrawn, nor corrected by one that was (`gone`)."""
    while release_id not in gone:
        if release_id not in corrections:
            return True
        release_id = corrections[release_id]
    return False


def record_order(
    release_id: str, reason: str, home: Home, ledger: Ledger, secret: Secret, who: Who
) -> CorrectionOrder:
    """Record that a release is to be corrected; an order that stands already is returned.

    Raises ConfigurationError for a release that there is not or that is corrected already, for a
    reason that cannot stand in public or differs from the recorded one, and where an approval is
    lacking; Held when nothing can be compared with the release any more or its exports were never
    finished; LedgerBroken, Busy.
    """
    require_fit(reason, _PUBLIC)
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        last = _last_edition(entries, release_id)
        if order := _open_order(entries, first_edition(release_id)):
            if order.reason != reason:
                problem = f"{order.release} is already ordered, for another reason"
                raise _mistake("--reason", problem, f"audience ledger show {order.release}")
            return order
        _refuse_forgotten(ledger, last)
        wanted = _next_edition(entries, last)
        approved = _approved(entries, last, wanted, who)
        public = {"corrects": last.subject, "reason": reason, **approved}
        # The digest of what is kept is public: without a salt, a login could be guessed from it.
        salt = secret.salt(f"{CORRECTION} {wanted}")
        entry = ledger.append(CORRECTION, wanted, public, {"by": who.login, "salt": salt})
        write_public_ledger(ledger, home)
    return CorrectionOrder.of(entry)


def approve(
    release_id: str, reason: str, home: Home, ledger: Ledger, secret: Secret, who: Who
) -> str:
    """Record that a privacy officer approves one more correction of a release; returns its id.

    Raises ConfigurationError for a login without the role, a release that there is not or that is
    corrected already, one that needs no approval, and an approval that stands already.
    """
    require_fit(reason, _PUBLIC)
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        last = _last_edition(entries, release_id)
        wanted = _next_edition(entries, last)
        if not _needs_approval(last):
            command = f'audience correct-release {release_id} --reason "..."'
            raise _mistake("--approve", "a first correction needs no approval", command)
        _require_officer(who)
        if any((entry.kind, entry.subject) == (APPROVAL, wanted) for entry in entries):
            raise _mistake("--approve", f"{wanted} is already approved", "audience ledger list")
        public = {"corrects": last.subject, "reason": reason, "role": _APPROVER}
        salt = secret.salt(f"{APPROVAL} {wanted}")
        ledger.append(APPROVAL, wanted, public, {"by": who.login, "salt": salt})
        write_public_ledger(ledger, home)
    return wanted


def cancel(
    release_id: str, reason: str, home: Home, ledger: Ledger, secret: Secret, login: str
) -> CorrectionOrder:
    """Record that a correction which is ordered and not released is not to be made.

    `release_id` is the release that it was to correct, or its own. Raises ConfigurationError where
    no correction is ordered and for a reason that cannot stand in public, LedgerBroken, Busy.
    """
    require_fit(reason, _PUBLIC)
    with exclusive(home):
        entries = ledger.entries()
        check_public_ledger(home, [entry.link for entry in entries])
        period_of(release_id)
        order = _open_order(entries, first_edition(release_id))
        if order is None or release_id not in {order.release, order.corrects}:
            problem = f"{release_id} has no ordered correction that is not released yet"
            raise _mistake("--cancel", problem)
        public = {"corrects": order.corrects, "reason": reason}
        salt = secret.salt(f"{CANCELLATION} {order.release}")
        ledger.append(CANCELLATION, order.release, public, {"by": login, "salt": salt})
        write_public_ledger(ledger, home)
        state_file(home, order.release).unlink(missing_ok=True)  # of a run that was killed
    return order


def _last_edition(entries: Sequence[Entry], release_id: str) -> Entry:
    """The entry of a release that has not been corrected."""
    found = editions(entries, *period_of(release_id))
    if release_id not in {entry.subject for entry in found}:
        problem = f"{release_id} was never released, so there is nothing to correct"
        raise _mistake("release", problem, "audience ledger list")
    if found[-1].subject != release_id:
        problem = f"{release_id} is already corrected by {found[-1].subject}"
        raise _mistake("release", problem, f"to correct that release, name {found[-1].subject}")
    return found[-1]


def _refuse_forgotten(ledger: Ledger, entry: Entry) -> None:
    if is_forgotten(ledger, entry):
        raise Held(
            "too_old",
            f"the groups of {entry.subject} are no longer kept (near_days), so a correction could "
            "not be compared with them; a release as old as that can only be withdrawn: audience "
            "withdraw-release",
        )


def _next_edition(entries: Sequence[Entry], last: Entry) -> str:
    """The id of the next correction; that of an order that was cancelled is not used again."""
    first = first_edition(last.subject)
    used = (e.subject for e in entries if e.kind in {RELEASE, CORRECTION})
    return edition_id(first, 1 + max(edition_of(s) for s in used if first_edition(s) == first))


def _needs_approval(last: Entry) -> bool:
    """Whether the release is a correction itself, so that another one is one more."""
    return edition_of(last.subject) > 1


def _approved(entries: Sequence[Entry], last: Entry, wanted: str, who: Who) -> dict[str, int]:
    """The approval of a correction by its number in the ledger, where one is needed."""
    if not _needs_approval(last):
        return {}
    found = [e for e in entries if (e.kind, e.subject) == (APPROVAL, wanted)]
    command = f'audience correct-release --approve {last.subject} --reason "..."'
    if not found:
        problem = f"{wanted} is not the first correction of its period and is not approved"
        remedy = f"a privacy officer approves it with: {command}"
        if not who.roles.logins.get(_APPROVER):
            remedy = f"list the logins in roles: {_APPROVER} of policy.yaml; then {remedy}"
        raise ConfigurationError([Fault("release", problem, remedy)])
    if found[0].body["by"] == who.login:
        problem = "this login approved the correction; another login must order it"
        raise ConfigurationError(
            [Fault("release", problem, "run the command under another account")]
        )
    return {"approval": found[0].sequence}


def _require_officer(who: Who) -> None:
    if _APPROVER not in who.roles.of(who.login):
        problem = f"this login does not have the role {_APPROVER}"
        remedy = f"list the logins that have it in roles: {_APPROVER} of policy.yaml"
        raise ConfigurationError([Fault("--approve", problem, remedy)])


def _mistake(place: str, problem: str, remedy: str = "audience ledger list") -> ConfigurationError:
    return ConfigurationError([Fault(place, problem, f"see: {remedy}")])
