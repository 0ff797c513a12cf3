"""The pages on which readers request a segment and see what was decided.

An answer depends on released figures, on requests and on the published ledger, and on nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from starlette.responses import RedirectResponse, Response

from anonymizer.exports.segment_states import published_states
from anonymizer.model import dimensions
from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.dimensions import ALL, NO_TEXT, Dimension, Group, Text
from anonymizer.model.request_state import SegmentState
from portal import portal_limits
from portal.published_tables import KnownGroup, KnownGroups
from portal.segment_requests import SegmentRequest
from portal.site import NotFound, PageRequest, Site
from portal.user_accounts import UserAccount

_SEE_OTHER, _TOO_MANY = 303, 429
_OPEN = ("waiting", "approved_once")
Atoms = tuple[frozenset[str], ...]  # of each dimension


@dataclass(frozen=True)
class ListedRequest:
    """A request as the page shows it."""

    id: str
    segment: str
    name: Text
    members: Text
    asked_on: date
    login: str
    state: SegmentState


def requests_page(site: Site, asked: PageRequest) -> Response:
    """The requests that who asks may see, newest first, with what was decided."""
    return site.page(
        "segment_requests.html",
        asked,
        found=_visible(site, asked),
        unreadable=site.segment_requests.read().unreadable,
    )


def request_segment(site: Site, asked: PageRequest) -> Response:
    """Keep a request for a composed segment, once: to the page with all of them."""
    form, account = asked.form, asked.signed_in.account
    if not site.tables.exist:
        raise NotFound
    segment = ComposedSegment.of(
        form.get("gender", ""), form.get("ages", "").split(), form.get("regions", "").split()
    )
    if segment.faults(known_dimensions(site.tables.groups()), "segment"):
        raise NotFound
    waiting = [one for one in _visible(site, asked) if one.state.public_standing in _OPEN]
    if not any(one.segment == str(segment) for one in waiting):
        if sum(one.login == account.login for one in waiting) >= portal_limits.OPEN_REQUESTS:
            return site.message(asked, "too_many_segments", _TOO_MANY)
        request = site.segment_requests.add(account, segment)
        site.note("segment_requested", asked, request=request.id)
    return RedirectResponse("/segment-requests", _SEE_OTHER)


def known_dimensions(groups: KnownGroups) -> tuple[Dimension, ...]:
    """The dimensions with the age groups and areas that releases speak of."""
    reference = (dimensions.gender(), dimensions.age(), dimensions.region())
    return tuple(
        axis.with_groups(
            [
                _group(one, axis)
                for one in known.values()
                if one.code not in axis.positions and one.atoms <= set(axis.leaves)
            ]
        )
        for axis, known in zip(reference, groups.dimensions, strict=True)
    )


def _group(known: KnownGroup, axis: Dimension) -> Group:
    words = known.name
    if axis.name == "region":
        words = Text(f"in {words.english}", f"di {words.indonesian}")
    leaves = tuple(place for place, leaf in enumerate(axis.leaves) if leaf in known.atoms)
    return Group(known.code, known.level, words, leaves)


def _visible(site: Site, asked: PageRequest) -> list[ListedRequest]:
    account = asked.signed_in.account
    states = published_states(site.published)
    axes = known_dimensions(site.tables.groups()) if site.tables.exist else ()
    since = _since(site, account) if axes else {}
    return [
        ListedRequest(
            one.id,
            one.segment,
            *_words(one, axes),
            date.fromisoformat(one.time[:10]),
            one.login,
            _derived(states.get(one.id, SegmentState()), one, axes, since),
        )
        for one in reversed(site.segment_requests.read().requests)
        if one.is_for(account)
    ]


def _since(site: Site, account: UserAccount) -> Mapping[Atoms, date]:
    """The named segments of tables that an account may see, and the first day of each."""
    known = site.tables.groups().dimensions
    named = site.tables.named_since(account.scope)
    return {
        tuple(groups[code].atoms for groups, code in zip(known, codes, strict=True)): day
        for codes, day in named.items()
    }


def _derived(
    state: SegmentState,
    request: SegmentRequest,
    axes: tuple[Dimension, ...],
    since: Mapping[Atoms, date],
) -> SegmentState:
    """The decision; where there is none, that tables have the segment, whoever asked for it."""
    if state.public_standing not in _OPEN or not axes or request.composed.faults(axes, "segment"):
        return state
    day = since.get(_atoms(request.composed, axes))
    return state if day is None else SegmentState("in_catalogue", (), day)


def _atoms(segment: ComposedSegment, axes: tuple[Dimension, ...]) -> Atoms:
    chosen = ((segment.gender,), segment.ages or (ALL,), segment.regions or (ALL,))
    return tuple(
        frozenset(
            axis.leaves[leaf] for code in codes for leaf in axis.groups[axis.positions[code]].leaves
        )
        for axis, codes in zip(axes, chosen, strict=True)
    )


def _words(request: SegmentRequest, axes: tuple[Dimension, ...]) -> tuple[Text, Text]:
    """Its name and members; its codes where a group is in no release any more."""
    segment = request.composed
    if not axes or segment.faults(axes, "segment"):
        return Text(request.segment, request.segment), NO_TEXT
    return segment.words(axes), segment.members(axes)
