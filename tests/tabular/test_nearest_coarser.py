"""The nearest coarser published segment, held against trying all of them."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.model.coarser_segments import NONE, nearest_coarser
from anonymizer.model.dimensions import Dimension, Group, Text
from anonymizer.model.segments import Catalogue


@st.composite
def dimensions(draw: st.DrawFn) -> Dimension:
    leaves = draw(st.integers(1, 4))
    sets = draw(st.lists(st.sets(st.integers(0, leaves - 1), min_size=1), max_size=5))
    groups = [set(range(leaves)), *sets]
    return Dimension(
        "d",
        tuple(map(str, range(leaves))),
        tuple(Group(str(n), "x", Text("", ""), tuple(sorted(g))) for n, g in enumerate(groups)),
    )


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Some of the segments of two or three dimensions, in any order."""
    axes = draw(st.lists(dimensions(), min_size=2, max_size=3))
    cells = list(itertools.product(*(range(len(axis.groups)) for axis in axes)))
    kept = draw(st.lists(st.sampled_from(cells), min_size=1, max_size=40, unique=True))
    return Catalogue(tuple(axes), np.array(kept, dtype=np.int32), {})


def cells_of(catalogue: Catalogue, segment: int) -> set[tuple[int, ...]]:
    return set(itertools.product(*(group.leaves for group in catalogue.groups(segment))))


@given(st.data())
def test_it_is_the_smallest_that_contains_the_segment(data: st.DataObject) -> None:
    catalogue = data.draw(catalogues())
    rows = st.integers(0, len(catalogue) - 1)
    published = sorted(data.draw(st.sets(rows)))
    found = nearest_coarser(catalogue, np.array(published, dtype=np.intp))

    for segment in range(len(catalogue)):
        around = [
            (len(cells_of(catalogue, row)), row)
            for row in published
            if cells_of(catalogue, segment) <= cells_of(catalogue, row)
        ]
        assert found[segment] == (min(around)[1] if around else NONE)


def test_an_empty_release_has_none() -> None:
    group = Group("all", "all", Text("", ""), (0,))
    axis = Dimension("d", ("x",), (group,))
    catalogue = Catalogue((axis,), np.zeros((1, 1), dtype=np.int32), {})

    assert nearest_coarser(catalogue, np.array([], dtype=np.intp)).tolist() == [NONE]
