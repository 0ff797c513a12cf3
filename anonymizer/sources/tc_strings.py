"""Decodes TC strings of the IAB Transparency and Consent Framework, and GPP strings that have one.

By the specifications "Consent string and vendor list formats v2" and "Global Privacy Platform".
What does not fit them exactly is malformed, and a malformed string is no consent: characters,
lengths, bits that are left, segments that stand twice. A string has no checksum, so a changed bit
of consent itself is another valid string. A string that is damaged elsewhere mostly has fields that
no string of today has: those are no consent either.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from anonymizer.sources import source_limits

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LETTERS = 26
_MOST_PADDING = 24  # bits; encoders fill up to whole bytes and characters
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DISCLOSED, _ALLOWED, _PUBLISHER = 1, 2, 3
_HIGHEST_SECTION = (1 << 16) - 1  # far above any that is assigned
_GPP_TYPE, _GPP_VERSION, _TCF_EU = 3, 1, 2
_NOT_ALLOWED, _LEGITIMATE_INTEREST = 0, 2
_TCF_2_2, _TCF_2_3 = 4, 5  # versions of the policies; since 2.3 the vendors have to be disclosed
_PURPOSES = frozenset(range(1, 12))
_SPECIAL_FEATURES = frozenset({1, 2})
_STORAGE = 1  # the purpose of storing something on a device
_NEVER_INTERESTS = frozenset({1, 3, 4, 5, 6})  # purposes that need consent in any case
_FIRST = datetime(2023, 5, 16, tzinfo=UTC)  # when the policies of TCF 2.2 were published
_LAST = datetime(2100, 1, 1, tzinfo=UTC)
_CLOCKS_DIFFER = timedelta(days=1)


class MalformedConsentError(ValueError):
    """The text is no string of the framework."""


@dataclass(frozen=True)
class Vendors:
    """Numbers of vendors, as ranges."""

    ranges: tuple[tuple[int, int], ...] = ()

    def __contains__(self, vendor: int) -> bool:
        return any(first <= vendor <= last for first, last in self.ranges)


@dataclass(frozen=True)
class Restriction:
    """What a publisher forbids some vendors for a purpose."""

    purpose: int
    kind: int
    vendors: Vendors


@dataclass(frozen=True)
class TransparencyConsent:
    """A decoded string. `disclosed` is None without that segment, `publisher` without its own."""

    created: datetime
    last_updated: datetime
    cmp_id: int
    vendor_list: int
    policy: int
    language: str
    service_specific: bool
    special_features: frozenset[int]
    purposes: frozenset[int]
    legitimate_interests: frozenset[int]
    vendors: Vendors
    vendor_interests: Vendors
    restrictions: tuple[Restriction, ...]
    hides_purpose_1: bool = False
    disclosed: Vendors | None = None
    publisher: frozenset[int] | None = None

    def consents(self, purposes: frozenset[int], vendor: int | None) -> bool:
        """Whether all of these purposes have consent, for the vendor if one is named.

        Legitimate interest is never consent. Contradictions are no consent: a vendor that has
        consent but was not disclosed, a purpose that the publisher restricts, other own purposes,
        purpose 1 where people were not asked about it.
        """
        if not self._is_plausible() or not purposes or not purposes <= self.purposes:
            return False
        if self.hides_purpose_1 and _STORAGE in purposes:
            return False
        if vendor is None:
            return self.publisher is None or purposes <= self.publisher
        if vendor not in self.vendors or (self.disclosed and vendor not in self.disclosed):
            return False
        return not any(
            restriction.purpose in purposes
            and restriction.kind in (_NOT_ALLOWED, _LEGITIMATE_INTEREST)
            and vendor in restriction.vendors
            for restriction in self.restrictions
        )

    def _is_plausible(self) -> bool:
        """Whether it is as a string of TCF 2.2 or 2.3 has to be, apart from what it grants."""
        return (
            self.policy in (_TCF_2_2, _TCF_2_3)
            and (self.policy == _TCF_2_2 or self.disclosed is not None)
            and _FIRST <= self.created <= self.last_updated < _LAST
            and self.service_specific
            and self.cmp_id > 1
            and self.vendor_list > 0
            and self.special_features <= _SPECIAL_FEATURES
            and self.purposes | self.legitimate_interests <= _PURPOSES
            and not self.legitimate_interests & _NEVER_INTERESTS
        )

    def validity(self, days: int) -> tuple[datetime, datetime]:
        """From when until when the string says anything: a moment between these."""
        return self.last_updated - _CLOCKS_DIFFER, self.last_updated + timedelta(days=days)


@lru_cache(maxsize=source_limits.CONSENTS_REMEMBERED)
def decode_consent(text: str) -> TransparencyConsent:
    """The consent in a TC string, or in the section for Europe of a GPP string.

    Raises MalformedConsentError.
    """
    if len(text) > source_limits.LONGEST_CONSENT:
        raise MalformedConsentError
    if "~" in text:
        text = _section(text)
    core, *others = text.split(".")
    disclosed, publisher, seen = None, None, set[int]()
    for part in others:
        bits = _Bits(part)
        kind = bits.number(3)
        if kind in seen or kind not in (_DISCLOSED, _ALLOWED, _PUBLISHER):
            raise MalformedConsentError
        seen.add(kind)
        if kind == _PUBLISHER:
            publisher = _own_purposes(bits)
        else:
            vendors = _vendors(bits)
            disclosed = vendors if kind == _DISCLOSED else disclosed
        bits.end()
    return _core(_Bits(core), disclosed, publisher)


def _core(
    bits: "_Bits", disclosed: Vendors | None, publisher: frozenset[int] | None
) -> TransparencyConsent:
    if bits.number(6) != 2:  # noqa: PLR2004  version 2, of which TCF 2.2 and 2.3 are
        raise MalformedConsentError
    created, updated = bits.moment(), bits.moment()
    cmp_id, _, _ = bits.number(12), bits.number(12), bits.number(6)
    language, vendor_list, policy = bits.letters(), bits.number(12), bits.number(6)
    service_specific = bool(bits.number(1))
    bits.number(1)  # texts of the publisher's own
    special_features = bits.members(12)
    purposes, interests = bits.members(24), bits.members(24)
    hides_purpose_1 = bool(bits.number(1))
    bits.letters()
    found = TransparencyConsent(
        created,
        updated,
        cmp_id,
        vendor_list,
        policy,
        language,
        service_specific,
        special_features,
        purposes,
        interests,
        _vendors(bits),
        _vendors(bits),
        tuple(_restrictions(bits)),
        hides_purpose_1,
        disclosed,
        publisher,
    )
    bits.end()
    return found


def _vendors(bits: "_Bits") -> Vendors:
    most = bits.number(16)
    if bits.number(1):
        return _ranges(bits, most)
    return Vendors(tuple((vendor, vendor) for vendor in sorted(bits.members(most))))


def _ranges(bits: "_Bits", most: int) -> Vendors:
    found: list[tuple[int, int]] = []
    for _ in range(bits.number(12)):
        is_range = bits.number(1)
        first = bits.number(16)
        last = bits.number(16) if is_range else first
        if not (found[-1][1] if found else 0) < first <= last <= most:
            raise MalformedConsentError
        found.append((first, last))
    return Vendors(tuple(found))


def _restrictions(bits: "_Bits") -> Iterator[Restriction]:
    for _ in range(bits.number(12)):
        purpose, kind = bits.number(6), bits.number(2)
        yield Restriction(purpose, kind, _ranges(bits, (1 << 16) - 1))


def _own_purposes(bits: "_Bits") -> frozenset[int]:
    """The publisher's purposes with consent; its other ones are passed over."""
    purposes = bits.members(24)
    bits.members(24)
    own = bits.number(6)
    bits.members(own)
    bits.members(own)
    return purposes


def _section(text: str) -> str:
    """The TC string in a GPP string."""
    header, *sections = text.split("~")
    bits = _Bits(header)
    if bits.number(6) != _GPP_TYPE or bits.number(6) != _GPP_VERSION:
        raise MalformedConsentError
    ids: list[int] = []
    for _ in range(bits.number(12)):
        is_range = bits.number(1)
        first = (ids[-1] if ids else 0) + bits.fibonacci()
        last = first + bits.fibonacci() if is_range else first
        # Before anything is listed: a range of a few characters can have any length.
        if len(ids) + last - first >= len(sections):
            raise MalformedConsentError
        ids += range(first, last + 1)
    bits.end()
    if len(ids) != len(sections) or ids.count(_TCF_EU) != 1:
        raise MalformedConsentError
    return sections[ids.index(_TCF_EU)]


class _Bits:
    """The bits of one segment, taken one field after the other."""

    def __init__(self, text: str) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", text):
            raise MalformedConsentError
        self._left = "".join(f"{_VALUES[character]:06b}" for character in text)
        self._place = 0

    def number(self, width: int) -> int:
        """The next bits as a number."""
        end = self._place + width
        if end > len(self._left):
            raise MalformedConsentError
        field, self._place = self._left[self._place : end], end
        return int(field, 2) if field else 0

    def members(self, width: int) -> frozenset[int]:
        """Which of the next bits are set, counted from 1."""
        field = f"{self.number(width):0{width}b}" if width else ""
        return frozenset(place for place, bit in enumerate(field, start=1) if bit == "1")

    def moment(self) -> datetime:
        """Tenths of a second since 1970."""
        return _EPOCH + timedelta(seconds=self.number(36) / 10)

    def letters(self) -> str:
        """Two letters."""
        numbers = self.number(6), self.number(6)
        if max(numbers) >= _LETTERS:
            raise MalformedConsentError
        return "".join(chr(ord("A") + number) for number in numbers)

    def fibonacci(self) -> int:
        """A number as a sum of Fibonacci numbers, which ends with two bits that are set."""
        total, this, following, before = 0, 1, 2, 0
        while True:
            bit = self.number(1)
            if bit and before:
                return total
            if this > _HIGHEST_SECTION:
                raise MalformedConsentError
            total += this * bit
            this, following, before = following, this + following, bit

    def end(self) -> None:
        """Nothing is left but what fills the last character. Raises MalformedConsentError."""
        rest = self._left[self._place :]
        if len(rest) >= _MOST_PADDING or "1" in rest:
            raise MalformedConsentError
