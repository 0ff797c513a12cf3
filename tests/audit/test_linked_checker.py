"""Linked tables are published only with families that prove them, and every fault is seen."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from joined_worlds import enumerated, is_broken, random_join, shared, with_shared_figures
from linked_worlds import as_campaign, links_of
from rotation import cases
from scipy import sparse
from test_nested_tables import FLOOR, SHOPS, published, shops

from anonymizer.audit.history.join import Containment, Join
from anonymizer.audit.history.linked_suppression import withhold_joined
from anonymizer.audit.linked_checker import check_linked
from anonymizer.model.proofs import Shortage


def cleared(join, floor, old=frozenset()):
    """What is left of a join, and the same as the checker reads it."""
    new = [table for number, table in enumerate(join.tables) if number not in old]
    left = withhold_joined([join], new, floor)
    after = {table.key: table for table in left.tables}
    tables = [after.get(table.key, table) for table in join.tables]
    return left, replace(join, tables=tuple(tables)), links_of(tables, join.containments, old)


def families(proof):
    """Every family: people by table and cell, all people of a class in its first cell."""
    witnesses, kinds = proof.witnesses, len(proof.kinds)
    class_of = witnesses.class_of.reshape(-1, kinds)
    shape = [len(leaves) for leaves in proof.leaves]
    rows = [*witnesses.starts]
    for number, change in zip(witnesses.start_of, witnesses.changes.toarray(), strict=True):
        rows.append(witnesses.starts[number] + change)
    for row in rows:
        people = np.zeros((len(proof.tables), np.prod(shape)), dtype=np.int64)
        for column, count in enumerate(row):
            cell, kind = np.argwhere(class_of == column)[0]
            for table in proof.kinds[kind]:
                people[table, cell] += count
        yield people


def check(seed):
    """Each family fits all tables as enumeration finds them; what is accepted is not broken."""
    join, rules = random_join(seed)
    join, floor = as_campaign(join), rules.inference_floor
    left, after, links = cleared(join, floor)
    assert check_linked(links, left.proofs, floor) == (), seed
    if left.figures:
        assert check_linked(links_of(join.tables, join.containments), left.proofs, floor), seed
    broken = is_broken(after, floor)
    assert not broken, seed
    if broken is None or not left.proofs:
        return "no proof"
    tables = enumerated(after, floor)
    positions = after.positions()
    for proof in left.proofs:
        chosen = [positions[key] for key in proof.tables]
        known = set(map(bytes, np.hstack([tables[number] for number in chosen])))
        most = max(int(table.max(initial=0)) for table in tables)
        for people in families(proof):
            if people.max() <= most:  # enumeration ends there
                assert people.ravel().tobytes() in known, seed
    return "proved"


def aimed(seed):
    """A campaign aimed at some regions that reaches many of the people of one for everybody."""
    rng = np.random.default_rng(seed)
    chances = np.multiply.outer(np.multiply.outer([5, 4], [4, 3, 2, 1]), 1 / np.arange(1, 9))
    outer = rng.poisson(chances * rng.choice([10, 20, 40]))
    possible = np.ones(SHOPS.shape, dtype=bool)
    possible[..., rng.choice(8, rng.integers(1, 5), replace=False)] = False
    inner = np.where(possible, rng.binomial(outer, rng.choice([0.5, 0.8, 0.95])), 0)
    tables = replace(published("in", inner, rng), possible=possible), published("out", outer, rng)
    return Join(tables, (Containment(tables[0].key, tables[1].key),))


@pytest.mark.alternate("linked tables")
def test_proofs_of_aimed_campaigns_place_nobody_outside_the_target():
    """Nine of all these worlds were refused when they did."""
    for seed in cases(range(60), 20):
        join = aimed(seed)
        left = withhold_joined([join], join.tables, FLOOR)
        found = check_linked(links_of(left.tables, join.containments), left.proofs, FLOOR)
        assert found == (), seed


@pytest.mark.slow
def test_every_family_fits_and_what_is_accepted_is_safe():
    counted = Counter(check(seed) for seed in range(60))
    assert counted["proved"] > 20, counted


@pytest.mark.slow
def test_figures_that_may_be_shared_are_proved_too():
    seen = 0
    for seed in range(40):
        join, rules = random_join(seed)
        join = as_campaign(with_shared_figures(join, seed))
        left, after, links = cleared(join, rules.inference_floor)
        assert check_linked(links, left.proofs, rules.inference_floor) == (), seed
        assert is_broken(after, rules.inference_floor, shared) in (False, None), seed
        seen += any(proof.wide for proof in left.proofs)
    assert seen > 5


@pytest.mark.alternate("linked tables")
def test_what_earlier_figures_tell_alone_needs_no_proof_and_nothing_else_does():
    excused = 0
    for seed in range(60):
        join, rules = random_join(seed)
        join, floor = as_campaign(join), rules.inference_floor
        left, _, links = cleared(join, floor, old=frozenset({0, 1}))
        assert check_linked(links, left.proofs, floor) == (), seed
        if not any(proof.shortages for proof in left.proofs):
            continue
        bare = [replace(proof, shortages=(), aside=()) for proof in left.proofs]
        excused += bool(check_linked(links, bare, floor))
    assert excused >= 2


@pytest.mark.alternate("linked tables")
def test_no_cell_is_taken_to_have_a_person_more_than_it_can_have():
    """Of tables that all have figures; what a table tells alone is not asked here."""
    tight = 0
    for seed in range(40):
        join, rules = random_join(seed)
        join, more = as_campaign(join), rules.inference_floor + 1
        left, after, links = cleared(join, rules.inference_floor)
        linked = all(len(table.figures.segments) for table in after.tables)
        if left.proofs and linked and is_broken(after, more):
            assert check_linked(links, left.proofs, more), seed
            tight += 1
    assert tight > 3


@pytest.mark.alternate("linked tables")
def test_earlier_figures_that_leave_enough_people_excuse_nothing():
    """Each earlier figure by itself counts more people than are asked for."""
    refused = 0
    for seed in range(24):
        join, rules = random_join(seed)
        join, floor = as_campaign(join), rules.inference_floor
        left, _, links = cleared(join, floor, old=frozenset({0, 1}))
        earlier = {table.key: table.ids for table in links.tables if not table.new}
        bare = [replace(without_witnesses(proof), shortages=(), aside=()) for proof in left.proofs]
        if not (found := check_linked(links, bare, floor)):
            continue
        excused = [
            replace(
                proof,
                shortages=tuple(
                    Shortage(((number, name),), (1,), 1)
                    for number, key in enumerate(proof.tables)
                    for name in earlier.get(key, ())
                ),
            )
            for proof in bare
        ]
        assert check_linked(links, excused, floor) == found, seed
        refused += any(proof.shortages for proof in excused)
    assert refused > 2


def without_witnesses(proof):
    witnesses = proof.witnesses
    return replace(
        proof,
        witnesses=replace(
            witnesses,
            starts=witnesses.starts[:0],
            start_of=witnesses.start_of[:0],
            changes=witnesses.changes[:0],
        ),
    )


def week_of_shops(tables):
    """Three days in a week, all of one release, with proofs and the checker's reading."""
    *days, week = tables
    within = tuple(Containment(day.key, week.key) for day in days)
    joins = [Join((day, week), (pair,)) for day, pair in zip(days, within, strict=True)]
    left = withhold_joined(joins, tables, FLOOR)
    return left.proofs, links_of(left.tables, within)


@pytest.fixture(scope="module")
def proved():
    return week_of_shops(shops(1))


def faults(proved, change):
    proofs, links = proved
    return check_linked(links, change(proofs), FLOOR)


def with_witnesses(**parts):
    def change(proofs):
        first, *others = proofs
        found = {name: make(first.witnesses) for name, make in parts.items()}
        return [replace(first, witnesses=replace(first.witnesses, **found)), *others]

    return change


def with_first(**parts):
    return lambda proofs: [
        replace(proofs[0], **{name: make(proofs[0]) for name, make in parts.items()}),
        *proofs[1:],
    ]


def test_proofs_as_they_are_handed_out_are_accepted(proved):
    assert len(proved[0]) == 3
    assert faults(proved, list) == ()


def test_linked_tables_without_proofs_are_refused(proved):
    found = faults(proved, lambda _: [])
    assert {finding.kind for finding in found} == {"unproved"}
    assert len({str(finding.table) for finding in found}) == 4


def less(people):
    """The first person found is missing, from the smallest class."""
    changed = people.copy()
    changed[0, np.flatnonzero(changed[0])[0]] -= 1
    return changed


def one_kind_fewer(proof):
    class_of = proof.witnesses.class_of.reshape(-1, len(proof.kinds)).copy()
    class_of[:, 1] = -1
    return replace(proof.witnesses, class_of=class_of.ravel())


MUTATIONS = {
    "one proof is missing": lambda proofs: proofs[1:],
    "all witnesses but the starts are missing": with_witnesses(
        changes=lambda w: sparse.csr_array((0, w.changes.shape[1]), dtype=np.int64),
        start_of=lambda w: w.start_of[:0],
    ),
    "one witness is missing": with_witnesses(
        changes=lambda w: w.changes[:-1], start_of=lambda w: w.start_of[:-1]
    ),
    "a start has ten people fewer than nobody": with_witnesses(starts=lambda w: w.starts - 10),
    "a start has many people more": with_witnesses(starts=lambda w: w.starts + 1),
    "changes are twice as large": with_witnesses(changes=lambda w: w.changes * 2),
    "changes go the other way": with_witnesses(changes=lambda w: -w.changes),
    "people are not whole": with_witnesses(starts=lambda w: w.starts.astype(float)),
    "classes are mixed up": with_witnesses(class_of=lambda w: np.roll(w.class_of, 3)),
    "cells are in no class": with_first(witnesses=one_kind_fewer),
    "inner and outer are exchanged": with_first(tables=lambda p: p.tables[::-1]),
    "a table is there twice": with_first(tables=lambda p: (p.tables[0], p.tables[0])),
    "another table is meant": with_first(
        tables=lambda p: (replace(p.tables[0], subject_id="none"), p.tables[1])
    ),
    "a kind counts outside of the outer table": with_first(
        kinds=lambda p: (frozenset({0}), *p.kinds[1:-1], frozenset({0, 1}))
    ),
    "a kind is another one": with_first(kinds=lambda p: (p.kinds[1], *p.kinds[1:])),
    "leaves are others": with_first(leaves=lambda p: (("x", "y"), *p.leaves[1:])),
    "a leaf is missing": with_first(leaves=lambda p: (*p.leaves[:-1], p.leaves[-1][:-1])),
    "a leaf is there twice": with_first(
        leaves=lambda p: (*p.leaves[:-1], (*p.leaves[-1], p.leaves[-1][0]))
    ),
    "a new figure is left aside": with_first(aside=lambda p: ((0, "all:all:all"),)),
}
NOT_FITTING = "a witness does not fit the figures"
SAID = {  # the others prove too little, and nothing wrong
    "a start has ten people fewer than nobody": "a witness has an impossible number of people",
    "a start has many people more": NOT_FITTING,
    "changes are twice as large": f"a witness has too few people in a class; {NOT_FITTING}",
    "changes go the other way": f"a witness has too few people in a class; {NOT_FITTING}",
    "people are not whole": "the witnesses are not whole numbers",
    "classes are mixed up": NOT_FITTING,
    "cells are in no class": "the classes do not match the published figures",
    "inner and outer are exchanged": "a structural zero is in a class",
    "a table is there twice": NOT_FITTING,
    "another table is meant": "a proof covers tables that are not linked",
    "a kind counts outside of the outer table": "a structural zero is in a class",
    "a kind is another one": NOT_FITTING,
    "leaves are others": "a proof does not cover the cells of its tables",
    "a leaf is missing": "a proof does not cover the cells of its tables",
    "a leaf is there twice": "a proof does not cover the cells of its tables",
    "a new figure is left aside": "a figure is left out although no earlier figures contradict it",
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_every_fault_of_a_proof_is_seen(proved, mutation):
    found = faults(proved, MUTATIONS[mutation])
    assert any(finding.kind == "unproved" for finding in found)
    said = {finding.explanation for finding in found if finding.kind == "structure"}
    assert said == ({SAID[mutation]} if mutation in SAID else set())


def test_a_faulty_proof_is_seen_where_others_prove_everything(proved):
    faulty = MUTATIONS["people are not whole"](proved[0])[0]
    (found,) = faults(proved, lambda proofs: [*proofs, faulty])
    assert (found.kind, found.explanation) == ("structure", SAID["people are not whole"])


def test_cells_that_figures_tell_apart_are_in_no_class_together():
    """Figures of everybody and of women: the last cell of each class moves to another class."""
    few = [table.without(about_men(table)) for table in shops(1)]
    proofs, links = week_of_shops(few)
    proofs = [genders_reversed(proof) for proof in proofs]
    assert check_linked(links, proofs, FLOOR) == ()
    witnesses, kinds = proofs[0].witnesses, len(proofs[0].kinds)
    moved = 0
    for chosen in range(witnesses.starts.shape[1]):
        class_of = witnesses.class_of.reshape(-1, kinds).copy()
        cells, kind = np.argwhere(class_of == chosen)[:, 0], np.argwhere(class_of == chosen)[0, 1]
        before = [c for c in class_of[: cells[-1], kind].tolist() if c not in (-1, chosen)]
        if len(cells) < 2 or not before:
            continue
        class_of[cells[-1], kind] = before[0]
        wrong = replace(proofs[0], witnesses=replace(witnesses, class_of=class_of.ravel()))
        found = check_linked(links, [wrong, *proofs[1:]], FLOOR)
        assert any(one.explanation.startswith("the classes do not match") for one in found)
        moved += 1
    assert moved > 1


def test_people_of_one_table_and_of_both_are_in_no_class_together():
    """A cell of people of both tables has the class of those of the outer one, or the reverse."""
    few = [table.without(about_men(table)) for table in shops(1)]
    proofs, links = week_of_shops(few)
    witnesses, kinds = proofs[0].witnesses, len(proofs[0].kinds)
    moved = 0
    for one, other in ((0, 1), (1, 0)):
        class_of = witnesses.class_of.reshape(-1, kinds)
        for cell in np.flatnonzero((class_of[:, :2] >= 0).all(axis=1)).tolist():
            if np.count_nonzero(class_of == class_of[cell, one]) < 2:
                continue
            wrong = class_of.copy()
            wrong[cell, one] = class_of[cell, other]
            wrong = replace(proofs[0], witnesses=replace(witnesses, class_of=wrong.ravel()))
            found = check_linked(links, [wrong, *proofs[1:]], FLOOR)
            assert "match the published figures" in found[0].explanation
            moved += 1
    assert moved > 1


@pytest.mark.parametrize("axis", range(3))
def test_neighbours_that_figures_tell_apart_are_in_no_class_together(axis):
    """A cell has the class of one that differs from it in one dimension alone."""
    few = [table.without(finer_figures(table, axis)) for table in shops(1)]
    proofs, links = week_of_shops(few)
    witnesses, kinds = proofs[0].witnesses, len(proofs[0].kinds)
    shape = [len(leaves) for leaves in proofs[0].leaves]
    cells = np.arange(np.prod(shape)).reshape(shape)
    class_of, moved = witnesses.class_of.reshape(-1, kinds), 0
    pairs = zip(cells.ravel().tolist(), np.roll(cells, 1, axis).ravel().tolist(), strict=True)
    for cell, neighbour in pairs:
        own, other = class_of[cell, 0], class_of[neighbour, 0]
        if own == other or min(own, other) < 0 or np.count_nonzero(class_of == own) < 2:
            continue
        wrong = class_of.copy()
        wrong[cell, 0] = other
        wrong = replace(proofs[0], witnesses=replace(witnesses, class_of=wrong.ravel()))
        found = check_linked(links, [wrong, *proofs[1:]], FLOOR)
        assert "match the published figures" in found[0].explanation
        moved += 1
    assert moved > 1


def genders_reversed(proof):
    """The same proof with the leaves of the first dimension the other way round."""
    first, *others = proof.leaves
    class_of = proof.witnesses.class_of.reshape(len(first), -1)[::-1]
    witnesses = replace(proof.witnesses, class_of=class_of.ravel())
    return replace(proof, leaves=(first[::-1], *others), witnesses=witnesses)


def finer_figures(table, axis):
    """Figures to be taken away so that several leaves of a dimension are in the same figures."""
    if not axis:
        return about_men(table)
    codes = {int(row): table.catalogue.id(int(row)).split(":") for row in table.figures.segments}
    coarse = {"all", "young", "north"}
    return np.array([row for row, code in codes.items() if code[axis] not in coarse])


def about_men(table):
    """Segments of men, or of people of both genders in some part of a dimension."""
    names = {int(row): table.catalogue.id(int(row)) for row in table.figures.segments}
    women = {row for row, name in names.items() if name == "all:all:all" or name[0] == "f"}
    return np.array(sorted(names.keys() - women), dtype=np.int64)


@pytest.mark.slow
def test_one_person_more_or_less_is_seen_where_figures_leave_no_room():
    """Exact figures: every person counts."""
    exact = 0
    for seed in range(0, 200, 4):
        join, rules = random_join(seed)
        if rules.rounding > 1:
            continue
        floor = rules.inference_floor
        left, _, links = cleared(join, floor)
        for number, proof in enumerate(left.proofs):
            lists = figures_of(proof, links)
            for column in np.flatnonzero(lists):
                for off in (-1, 1):
                    starts = proof.witnesses.starts.copy()
                    starts[0, column] += off
                    wrong = replace(proof, witnesses=replace(proof.witnesses, starts=starts))
                    proofs = [*left.proofs[:number], wrong, *left.proofs[number + 1 :]]
                    assert check_linked(links, proofs, floor), seed
                    exact += 1
    assert exact > 30


def figures_of(proof, links):
    """The classes that some figure counts."""
    counted = np.zeros(proof.witnesses.starts.shape[1], dtype=bool)
    class_of = proof.witnesses.class_of.reshape(-1, len(proof.kinds))
    tables = {table.key: table for table in links.tables}
    for position, key in enumerate(proof.tables):
        covered = tables[key].covered.ravel()
        for kind, members in enumerate(proof.kinds):
            if position in members:
                classes = class_of[covered, kind]
                counted[classes[classes >= 0]] = True
    return counted
