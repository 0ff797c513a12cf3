"""A segment that somebody composes of a gender, ages and regions; the catalogue may lack it.

It says which group is wanted and nothing of people. Added to the settings it is one named segment,
with a code and words that follow from its groups alone.
"""

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from anonymizer.model.dimensions import (
    ALL,
    NOT_STATED,
    Dimension,
    Group,
    Text,
    age_ranges,
    joined_ages,
    joined_regions,
    listed_regions,
)
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.segments import (
    LONGEST_WORDS,
    MOST_JOINED,
    Catalogue,
    Named,
    SegmentSettings,
)

_GENDER_CODES = {ALL: "people", "male": "men", "female": "women", NOT_STATED: "unstated"}
_OPEN_BAND = re.compile(r"(?<![^+])75\+")
_LONGEST_CODE, _MARK, _DIMENSIONS = 32, 6, 3


@dataclass(frozen=True)
class ComposedSegment:
    """Codes of groups; no ages or no regions mean all of them. Codes are in order, none twice."""

    gender: str = ALL
    ages: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @classmethod
    def of(cls, gender: str, ages: Collection[str], regions: Collection[str]) -> "ComposedSegment":
        """The segment of these codes, in any order; `25-29+30-34` is two codes."""
        return cls(gender or ALL, _ordered_ages(ages), _ordered(regions))

    @classmethod
    def parse(cls, text: str, place: str) -> "ComposedSegment":
        """`female:25-29+30-34:31.71`; `all` or nothing stands for everyone of a dimension.

        Raises ConfigurationError for another form.
        """
        parts = text.split(":")
        if len(parts) != _DIMENSIONS:
            remedy = "write GENDER:AGES:REGIONS, for example female:25-29+30-34:31.71"
            raise ConfigurationError([Fault(place, f"{text!r} is not a composed segment", remedy)])
        gender, ages, regions = parts
        return cls.of(gender, [ages], [regions])

    def __str__(self) -> str:
        """As `parse` reads it."""
        return ":".join((self.gender, "+".join(self.ages) or ALL, "+".join(self.regions) or ALL))

    def faults(self, dimensions: Sequence[Dimension], place: str) -> list[Fault]:
        """What is wrong with its codes."""
        chosen = ((self.gender,), self.ages, self.regions)
        faults = [
            Fault(place, f"{code!r} is not a group of {axis.name}", "see: audience segments")
            for axis, codes in zip(dimensions, chosen, strict=True)
            for code in codes
            if code not in axis.positions
        ]
        faults += [
            Fault(place, f"more than {MOST_JOINED} {axis.name} codes", "choose larger groups")
            for axis, codes in zip(dimensions, chosen, strict=True)
            if len(codes) > MOST_JOINED
        ]
        return faults

    def words(self, dimensions: Sequence[Dimension], taken: Collection[str] = ()) -> Text:
        """`women aged 25-34 in Central Jakarta`, with 80 characters or fewer in each language.

        Longer words count the regions, then the ages. With words that are `taken` in a language, a
        mark follows that says which segment it is.
        """
        found = next(words for words in self._wordings(dimensions) if _fits(words))
        if {found.english, found.indonesian}.isdisjoint(taken):
            return found
        return next(
            marked
            for mark in self._marks()
            for words in self._wordings(dimensions)
            if _fits(marked := Text(f"{words.english} #{mark}", f"{words.indonesian} #{mark}"))
            and {marked.english, marked.indonesian}.isdisjoint(taken)
        )

    def members(self, dimensions: Sequence[Dimension]) -> Text:
        """Every age and every region that it joins; empty where it joins none."""
        _, age, region = dimensions
        found = []
        if len(self.ages) > 1:
            found.append(joined_ages(self.ages, age).name)
        if len(self.regions) > 1:
            found.append(listed_regions(self.regions, region))
        return Text(
            "; ".join(words.english for words in found),
            "; ".join(words.indonesian for words in found),
        )

    def code(self, dimensions: Sequence[Dimension], taken: Collection[str] = ()) -> str:
        """`women_25_34_in_31_71`; with a mark where that does not say which segment it is."""
        age = self._groups(dimensions)[1]
        parts = [_GENDER_CODES[self.gender]]
        if self.ages:
            parts.append(age.name.english.removeprefix("aged "))
        if self.regions:
            several = len(self.regions) > 1
            parts.append(f"in {len(self.regions)} regions" if several else f"in {self.regions[0]}")
        code = "_".join(_plain(" ".join(parts)).split())
        if len(self.regions) > 1 or len(code) > _LONGEST_CODE or code in taken:
            start = code[:_LONGEST_CODE].rstrip("_")
            codes = (f"{start}_{mark}" for mark in self._marks())
            code = next(one for one in codes if one not in taken)
        return code

    def find(self, catalogue: Catalogue) -> str | None:
        """The id of the catalogue's segment of the same people; None where it has none."""
        leaves = tuple(group.leaves for group in self._groups(catalogue.dimensions))
        rows = (
            row
            for row in range(len(catalogue))
            if tuple(group.leaves for group in catalogue.groups(row)) == leaves
        )
        row = next(rows, None)
        return None if row is None else catalogue.id(row)

    def added_to(self, settings: SegmentSettings, catalogue: Catalogue) -> SegmentSettings:
        """The settings with this segment at the end of the named ones."""
        code = self.code(catalogue.dimensions, settings.named)
        names = [catalogue.name(row) for row in range(len(catalogue))]
        words = self.words(
            catalogue.dimensions,
            {text for name in names for text in (name.english, name.indonesian)},
        )
        return settings.model_copy(update={"named": {**settings.named, code: self._named(words)}})

    def _named(self, words: Text) -> Named:
        return Named(
            english=words.english,
            indonesian=words.indonesian,
            gender=self.gender,
            age=self.ages or (ALL,),
            region=self.regions or (ALL,),
        )

    def _wordings(self, dimensions: Sequence[Dimension]) -> Iterator[Text]:
        """Its words, from all that they can say to the shortest."""
        gender, age, region = (group.name for group in self._groups(dimensions))
        ages, regions = [age], [region]
        if self.ages:
            ranges = age_ranges(self.ages, dimensions[1])
            ages.append(
                Text(f"in {ranges} age groups", f"dalam {ranges} kelompok umur")
                if ranges > 1
                else joined_ages(self.ages, dimensions[1]).name
            )
        if self.regions:
            regions += _shorter(self.regions)
        if len(self.regions) == 1:  # its name says more than ages do
            wordings = ((one, other) for other in regions for one in ages)
        else:
            wordings = ((one, other) for one in ages for other in regions)
        for one, other in wordings:
            yield _phrase((gender, one, other))

    def _marks(self) -> Iterator[str]:
        """Characters that follow from the segment alone; more than one mark if one is taken."""
        for number in itertools.count():
            text = f"{self}#{number}" if number else str(self)
            yield hashlib.sha256(text.encode()).hexdigest()[:_MARK]

    def _groups(self, dimensions: Sequence[Dimension]) -> tuple[Group, Group, Group]:
        gender, age, region = dimensions
        return (
            gender.groups[gender.positions[self.gender]],
            _group(self.ages, age) or joined_ages(self.ages, age),
            _group(self.regions, region) or joined_regions(self.regions, region),
        )


def _ordered(codes: Iterable[str]) -> tuple[str, ...]:
    chosen = {part for code in codes for part in code.split("+") if part}
    return () if ALL in chosen else tuple(sorted(chosen))


def _ordered_ages(codes: Iterable[str]) -> tuple[str, ...]:
    # 75+ ends in the sign that joins codes.
    marked = (_OPEN_BAND.sub("75~", code) for code in codes)
    return tuple(code.replace("~", "+") for code in _ordered(marked))


def _group(codes: tuple[str, ...], axis: Dimension) -> Group | None:
    """The group that these codes are together, if the dimension has it."""
    return (
        axis.groups[axis.positions[codes[0]]]
        if len(codes) == 1
        else axis.same_group(codes or (ALL,))
    )


def _shorter(regions: Sequence[str]) -> list[Text]:
    """Words for regions without their names."""
    number, code = len(regions), regions[0]
    if number > 1:
        return [Text(f"in {number} regions", f"di {number} wilayah")]
    return [Text(f"in {code}", f"di {code}"), Text("in 1 area", "di 1 wilayah")]


def _phrase(parts: Sequence[Text]) -> Text:
    return Text(
        " ".join(part.english for part in parts if part.english),
        " ".join(part.indonesian for part in parts if part.indonesian),
    )


def _fits(words: Text) -> bool:
    return max(len(words.english), len(words.indonesian)) <= LONGEST_WORDS


def _plain(text: str) -> str:
    """Lower case with spaces for all but a-z and 0-9; accents are left out."""
    letters = unicodedata.normalize("NFKD", text.lower())
    kept = (one for one in letters if not unicodedata.combining(one))
    return "".join(one if one.isascii() and one.isalnum() else " " for one in kept)
