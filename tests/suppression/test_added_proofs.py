"""Tables with an added dimension: nothing denied can be inferred, by trying all tables that fit."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rotation import examples
from small_tables import EFFORT, SECRET, Reader, counted, dimension, full_catalogue, promise, tables

from anonymizer.model.added_dimensions import DEVICE
from anonymizer.model.dimensions import ALL, NO_TEXT, Dimension, Group
from anonymizer.model.segments import AddedTables, Catalogue
from anonymizer.suppression import single_table
from anonymizer.suppression.single_table import suppress_alone

RULES = [(3, 2, 1, 0), (3, 3, 2, 1), (4, 2, 1, 1), (4, 4, 4, 0)]
PEOPLE = full_catalogue(
    dimension("gender", ["men", "women"], {}), dimension("age", ["young", "old"], {})
)
DEVICES = Dimension(
    DEVICE,
    ("mobile", "other"),
    (
        Group(ALL, ALL, NO_TEXT, (0, 1)),
        Group("mobile", DEVICE, NO_TEXT, (0,)),
        Group("other", DEVICE, NO_TEXT, (1,)),
    ),
)


def with_devices(*crossed: tuple[int, int]) -> Catalogue:
    """The segments of gender and age, and each device in these cells of gender and age."""
    cells = tuple((*cell, device) for cell in crossed for device in (1, 2))
    added = AddedTables(frozenset({"campaign-day"}), DEVICES, cells, ())
    whole = Catalogue(PEOPLE.dimensions, PEOPLE.cells, {}, added=(added,))
    return whole.of_series("campaign-day")


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_denied_can_be_inferred_with_devices(data):
    cells = [tuple(cell) for cell in PEOPLE.cells.tolist()]
    crossed = data.draw(st.sets(st.sampled_from(cells), min_size=1))
    catalogue = with_devices(*sorted(crossed))
    rules = promise(*data.draw(st.sampled_from(RULES)))
    table = data.draw(tables(catalogue, most=4))
    result = suppress_alone(table, catalogue, rules, SECRET, EFFORT)
    assert Reader(result.figures, catalogue, rules, table.possible).breaches() == []


def test_a_device_that_all_but_two_people_use_is_not_published_beside_everyone():
    """58 people, 56 of them on mobile phones: the others are the two that are left."""
    catalogue = with_devices((0, 0))
    people = np.zeros(catalogue.shape, dtype=np.int64)
    people[0, 0] = [56, 2]
    result = suppress_alone(counted(people), catalogue, promise(50, 10, 1), SECRET, EFFORT)
    assert [catalogue.id(row) for row in result.figures.segments.tolist()] == ["all:all"]
    people[0, 0] = [56, 20]
    result = suppress_alone(counted(people), catalogue, promise(50, 10, 1), SECRET, EFFORT)
    named = [catalogue.id(row) for row in result.figures.segments.tolist()]
    assert named == ["all:all", "all:all:device=mobile"]


def test_the_enumeration_notices_a_prover_that_forgets_devices(monkeypatch):
    """With bounds wider than a reader's, figures would pass that the enumeration breaks."""
    own = single_table.possible_counts

    def generous(figures, rules):
        lower, upper = own(figures, rules)
        return lower - 3, upper + 3

    monkeypatch.setattr(single_table, "possible_counts", generous)
    catalogue = with_devices((0, 0))
    people = np.zeros(catalogue.shape, dtype=np.int64)
    people[0, 0] = [4, 1]
    rules = promise(3, 3, 1)
    result = suppress_alone(counted(people), catalogue, rules, SECRET, EFFORT)
    assert Reader(result.figures, catalogue, rules, np.ones(catalogue.shape, dtype=bool)).breaches()
