"""A segment that somebody composes of a gender, ages and regions; the catalogue may lack it.

It says which group is wanted and nothing of people. Added to the settings it is one named segment,
with a code and words that follow from its groups alone.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from anonymizer.model.dimensions import (
    ALL,
    NOT_STATED,
    Dimension,
    Group,
    Text,
    joined_ages,
    joined_regions,
)
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.segments import (
    MOST_JOINED,
    Catalogue,
    Named,
    SegmentSettings,
)

_GENDER_CODES = {ALL: "people", "male": "men", "female": "women", NOT_STATED: "unstated"}
_LONGEST_CODE, _LONGEST_WORDS, _MARK, _DIMENSIONS = 32, 80, 6, 3


@dataclass(frozen=True)
class ComposedSegment:
    """Codes of groups; no ages or no regions mean all of them. Codes are in order, none twice."""

    gender: str = ALL
    ages: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    @classmethod
    def of(cls, gender: str, ages: Collection[str], regions: Collection[str]) -> "ComposedSegment":
        """The segment of these codes, in whatever order they are."""
        return cls(gender or ALL, _ordered(ages), _ordered(regions))

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
        # 75+ ends in the sign that joins codes.
        bands = ages.replace("75+", "75~").split("+")
        return cls.of(gender, [band.replace("~", "+") for band in bands], regions.split("+"))

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

    def words(self, dimensions: Sequence[Dimension]) -> Text:
        """`women aged 25-34 in Central Jakarta`, with 80 characters or fewer."""
        groups = self._groups(dimensions)
        long = any(len(text) > _LONGEST_WORDS for text in _phrases(groups))
        if long and self.regions:
            number = len(self.regions)
            place = Text(f"in {number} regions", f"di {number} wilayah")
            return Text(*_phrases((*groups[:2], Group("", "", place, ()))))
        return Text(*_phrases(groups))

    def code(self, dimensions: Sequence[Dimension], taken: Collection[str] = ()) -> str:
        """`women_25_34_in_31_71`; with a mark where that does not say which segment it is."""
        age = self._groups(dimensions)[1]
        parts = [_GENDER_CODES[self.gender]]
        if self.ages:
            parts.append(age.name.english.removeprefix("aged "))
        if self.regions:
            several = len(self.regions) > 1
            parts.append(f"in {len(self.regions)} regions" if several else f"in {self.regions[0]}")
        letters = (letter if letter.isalnum() else " " for letter in " ".join(parts).lower())
        code = "_".join("".join(letters).split())
        if len(self.regions) > 1 or len(code) > _LONGEST_CODE or code in taken:
            mark = hashlib.sha256(str(self).encode()).hexdigest()[:_MARK]
            code = f"{code[:_LONGEST_CODE].rstrip('_')}_{mark}"
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
        named = {**settings.named, code: self.named(catalogue.dimensions)}
        return settings.model_copy(update={"named": named})

    def named(self, dimensions: Sequence[Dimension]) -> Named:
        """The segment as the settings have it."""
        words = self.words(dimensions)
        return Named(
            english=words.english,
            indonesian=words.indonesian,
            gender=self.gender,
            age=self.ages or (ALL,),
            region=self.regions or (ALL,),
        )

    def _groups(self, dimensions: Sequence[Dimension]) -> tuple[Group, Group, Group]:
        gender, age, region = dimensions
        return (
            gender.groups[gender.positions[self.gender]],
            _group(self.ages, age) or joined_ages(self.ages, age),
            _group(self.regions, region) or joined_regions(self.regions, region),
        )


def _ordered(codes: Collection[str]) -> tuple[str, ...]:
    chosen = {code for code in codes if code}
    return () if ALL in chosen else tuple(sorted(chosen))


def _group(codes: tuple[str, ...], axis: Dimension) -> Group | None:
    """The group that these codes are together, if the dimension has it."""
    return (
        axis.groups[axis.positions[codes[0]]]
        if len(codes) == 1
        else axis.same_group(codes or (ALL,))
    )


def _phrases(groups: Sequence[Group]) -> tuple[str, str]:
    english = " ".join(group.name.english for group in groups if group.name.english)
    indonesian = " ".join(group.name.indonesian for group in groups if group.name.indonesian)
    return english, indonesian
