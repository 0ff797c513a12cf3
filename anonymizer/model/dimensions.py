"""Demographic dimensions: the finest values (leaves) and the groups made of them.

Every person stands on exactly one leaf of each dimension; a combination of leaves is
an atom. A group is a set of leaves: one band, `under_40`, a province, Jabodetabek.
Groups may overlap. IAB ids are those of the IAB Audience Taxonomy 1.1.
"""

import csv
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ALL = "all"
NOT_STATED = "not_stated"
GENDERS = ("male", "female", NOT_STATED)
# Lower ends of the IAB age bands; the last is open.
AGE_BAND_STARTS = (18, 21, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75)
AGE_BANDS = (
    *(f"{a}-{b - 1}" for a, b in itertools.pairwise(AGE_BAND_STARTS)),
    "75+",
)
# Beside this package. By its name, `data_samples` could be a package of the working directory.
_REFERENCE = Path(__file__).parents[2] / "data_samples/reference/regions.csv"
_FIRST_IAB_AGE_ID = 3
_MOST_NAMES = 3  # of regions in the name of a union
_IAB_GENDER = {"male": ("50",), "female": ("49",), NOT_STATED: ("52",)}


@dataclass(frozen=True)
class Text:
    """The same words in both languages of the exports."""

    english: str
    indonesian: str


NO_TEXT = Text("", "")


@dataclass(frozen=True)
class Group:
    """A named set of leaves; `leaves` are positions in `Dimension.leaves`, ascending."""

    code: str
    level: str
    name: Text
    leaves: tuple[int, ...]
    iab_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dimension:
    """Leaves and groups of one demographic; `groups[0]` is `all`."""

    name: str
    leaves: tuple[str, ...]
    groups: tuple[Group, ...]

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Position of each group by its code."""
        return {group.code: position for position, group in enumerate(self.groups)}

    @cached_property
    def membership(self) -> NDArray[np.bool_]:
        """Shape (groups, leaves): which leaf is in which group."""
        matrix = np.zeros((len(self.groups), len(self.leaves)), dtype=bool)
        for position, group in enumerate(self.groups):
            matrix[position, list(group.leaves)] = True
        return matrix

    @cached_property
    def leaf_lists(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The leaves of all groups, group by group, and where each group's begin, with the end."""
        groups, leaves = np.nonzero(self.membership)
        return leaves, np.searchsorted(groups, np.arange(len(self.groups) + 1))

    def same_group(self, codes: Sequence[str]) -> Group | None:
        """The first group with exactly the leaves that these groups have together, if any."""
        wanted = tuple(
            sorted({x for code in codes for x in self.groups[self.positions[code]].leaves})
        )
        return self._by_leaves.get(wanted)

    @cached_property
    def _by_leaves(self) -> Mapping[tuple[int, ...], Group]:
        found: dict[tuple[int, ...], Group] = {}
        for group in self.groups:
            found.setdefault(group.leaves, group)
        return found

    def code_of(self, codes: Sequence[str]) -> str:
        """One code as it is; of several the code of the group that they are together.

        Raises KeyError without such a group.
        """
        if len(codes) == 1:
            return codes[0]
        group = self.same_group(codes)
        if group is None:
            raise KeyError("+".join(codes))
        return group.code

    def with_groups(self, added: Sequence[Group]) -> "Dimension":
        """The same dimension with more groups at the end."""
        return Dimension(self.name, self.leaves, (*self.groups, *added))


def gender() -> Dimension:
    """Male, female, not stated."""
    names = (Text("men", "pria"), Text("women", "wanita"))
    unstated = Text("people of unstated gender", "orang tanpa keterangan jenis kelamin")
    leaves = [
        Group(code, "gender", name, (leaf,), _IAB_GENDER[code])
        for leaf, (code, name) in enumerate(zip(GENDERS, (*names, unstated), strict=True))
    ]
    everyone = Group(ALL, ALL, Text("people", "orang"), (0, 1, 2))
    return Dimension("gender", GENDERS, (everyone, *leaves))


def age() -> Dimension:
    """The thirteen IAB bands from 18-20 to 75+."""
    bands = []
    for leaf, band in enumerate(AGE_BANDS):
        name = Text(f"aged {band}", f"berusia {band} tahun")
        if band.endswith("+"):
            name = Text("aged 75 or over", "berusia 75 tahun ke atas")
        bands.append(Group(band, "band", name, (leaf,), (str(_FIRST_IAB_AGE_ID + leaf),)))
    everyone = Group(ALL, ALL, NO_TEXT, tuple(range(len(AGE_BANDS))))
    return Dimension("age", AGE_BANDS, (everyone, *bands))


def age_group(code: str, bands: Sequence[str], name: Text) -> Group:
    """A union of bands; its IAB ids are those of its bands."""
    leaves = tuple(sorted(AGE_BANDS.index(band) for band in bands))
    return Group(code, "group", name, leaves, tuple(str(_FIRST_IAB_AGE_ID + x) for x in leaves))


def joined_ages(codes: Sequence[str], dimension: Dimension) -> Group:
    """A union of bands and age groups, called by its bands; adjacent bands are one range."""
    leaves = _union(codes, dimension)
    english, indonesian = [], []
    for first, last in _runs(leaves):
        start, end = AGE_BANDS[first], AGE_BANDS[last]
        if end.endswith("+"):
            least = start.rstrip("+").partition("-")[0]
            english.append(f"{least} or over")
            indonesian.append(f"{least} tahun ke atas")
        else:
            ages = f"{start.partition('-')[0]}-{end.partition('-')[2]}"
            english.append(ages)
            indonesian.append(f"{ages} tahun")
    name = Text(f"aged {' or '.join(english)}", f"berusia {' atau '.join(indonesian)}")
    return age_group("+".join(_bands(leaves)), _bands(leaves), name)


def age_ranges(codes: Sequence[str], dimension: Dimension) -> int:
    """How many ranges of ages these bands and age groups are together."""
    return len(_runs(_union(codes, dimension)))


def listed_regions(codes: Sequence[str], dimension: Dimension) -> Text:
    """The names of all of these regions and areas."""
    words = [dimension.groups[dimension.positions[code]].name for code in sorted(set(codes))]
    return Text(
        ", ".join(word.english.removeprefix("in ") for word in words),
        ", ".join(word.indonesian.removeprefix("di ") for word in words),
    )


def joined_regions(codes: Sequence[str], dimension: Dimension) -> Group:
    """A union of regions and areas, called by the first of them."""
    chosen = sorted(set(codes))
    words = [dimension.groups[dimension.positions[code]].name for code in chosen]
    english = [word.english.removeprefix("in ") for word in words]
    indonesian = [word.indonesian.removeprefix("di ") for word in words]
    name = Text(
        f"in {_listed(english, 'and', 'more regions')}",
        f"di {_listed(indonesian, 'dan', 'wilayah lain')}",
    )
    return Group("+".join(chosen), "area", name, _union(codes, dimension))


def _listed(names: Sequence[str], conjunction: str, others: str) -> str:
    """`A, B and C`; of more than three the first two, and how many others there are."""
    if len(names) > _MOST_NAMES:
        kept = _MOST_NAMES - 1
        names = [*names[:kept], f"{len(names) - kept} {others}"]
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}"


def _union(codes: Sequence[str], dimension: Dimension) -> tuple[int, ...]:
    groups = [dimension.groups[dimension.positions[code]] for code in codes]
    return tuple(sorted({leaf for group in groups for leaf in group.leaves}))


def _bands(leaves: Sequence[int]) -> tuple[str, ...]:
    return tuple(AGE_BANDS[leaf] for leaf in leaves)


def _runs(leaves: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run of adjacent leaves."""
    found: list[tuple[int, int]] = []
    for leaf in leaves:
        if found and found[-1][1] == leaf - 1:
            found[-1] = (found[-1][0], leaf)
        else:
            found.append((leaf, leaf))
    return found


@dataclass(frozen=True)
class Region:
    """A row of the regional reference (official code; level country, province or regency)."""

    code: str
    parent: str
    level: str
    name: str


@dataclass(frozen=True)
class RegionReference:
    """Whose codes regions have, and in which edition."""

    authority: str
    edition: str


REGION_REFERENCE = RegionReference(
    "Ministry of Home Affairs of Indonesia (Kementerian Dalam Negeri, Kemendagri)",
    "Decree 300.2.2-2138 of 2025 (Kepmendagri Nomor 300.2.2-2138 Tahun 2025)",
)


@cache
def reference_regions() -> tuple[Region, ...]:
    """Country, 38 provinces and 514 regencies, ordered by code within each level."""
    with _REFERENCE.open(encoding="utf-8", newline="") as file:
        return tuple(
            Region(row["code"], row["parent_code"], row["level"], " ".join(row["name"].split()))
            for row in csv.DictReader(file)
        )


def region(regions: Sequence[Region] | None = None) -> Dimension:
    """Regencies and a leaf for people whose region is not stated; provinces, the country."""
    return _reference_axis() if regions is None else _region_axis(regions)


@cache
def _reference_axis() -> Dimension:
    return _region_axis(reference_regions())


def _region_axis(known: Sequence[Region]) -> Dimension:
    regencies = [r for r in known if r.level == "regency"]
    leaves = (*(r.code for r in regencies), NOT_STATED)
    groups = [Group(ALL, ALL, NO_TEXT, tuple(range(len(leaves))))]
    of_part: dict[str, list[int]] = {}
    for leaf, regency in enumerate(regencies):
        for code in {regency.code, regency.parent}:
            of_part.setdefault(code, []).append(leaf)
    for place in known:
        country = place.level == "country"
        inside = tuple(range(len(regencies)) if country else of_part.get(place.code, ()))
        english, indonesian = _english_region(place), _short_region(place.name)
        name = Text(f"in {english}", f"di {indonesian}")
        groups.append(Group(place.code, place.level, name, inside))
    return Dimension("region", leaves, tuple(groups))


def area(code: str, members: Sequence[str], name: Text, dimension: Dimension) -> Group:
    """A named union of regencies and provinces, such as Jabodetabek."""
    leaves: set[int] = set()
    for member in members:
        leaves.update(dimension.groups[dimension.positions[member]].leaves)
    return Group(code, "area", name, tuple(sorted(leaves)))


def _short_region(name: str) -> str:
    """The everyday form of an official name."""
    for prefix in ("Kota Administrasi ", "Kabupaten Administrasi ", "Daerah Khusus Ibukota "):
        name = name.removeprefix(prefix)
    return name


_DIRECTIONS = {
    "Pusat": "Central",
    "Utara": "North",
    "Barat": "West",
    "Selatan": "South",
    "Timur": "East",
    "Tengah": "Central",
    "Tenggara": "Southeast",
    "Barat Daya": "Southwest",
}
_ISLANDS = {
    "Jawa": "Java",
    "Sumatera": "Sumatra",
    "Kalimantan": "Kalimantan",
    "Maluku": "Maluku",
    "Sulawesi": "Sulawesi",
    "Nusa Tenggara": "Nusa Tenggara",
    "Papua": "Papua",
    "Jakarta": "Jakarta",
}
_ENGLISH = {
    "Daerah Istimewa Yogyakarta": "the Special Region of Yogyakarta",
    "Kepulauan Riau": "the Riau Islands",
    "Kepulauan Bangka Belitung": "the Bangka Belitung Islands",
    "Papua Pegunungan": "Highland Papua",
    "Kepulauan Seribu": "the Thousand Islands",
}


def _english_region(place: Region) -> str:
    """An English name: directions and kinds translated, proper names kept."""
    name = _short_region(place.name)
    if name in _ENGLISH:
        return _ENGLISH[name]
    for local, english in _ISLANDS.items():
        direction = name.removeprefix(local + " ")
        if name.startswith(local + " ") and direction in _DIRECTIONS:
            return f"{_DIRECTIONS[direction]} {english}"
    if name.startswith("Kabupaten "):
        return f"{name.removeprefix('Kabupaten ')} Regency"
    if name.startswith("Kota "):
        return f"{name.removeprefix('Kota ')} City"
    return name
