"""Of a release that is accepted, nothing can be changed unnoticed: one random change at a time.

Where a changed proof may still prove the figures, plain loops over cells and pairs decide.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from checker_worlds import SECRET, findings_of, may_be_believed
from scipy import sparse
from small_releases import CELLS, shown, small_release, too_small

from anonymizer.audit.checker import check_state
from anonymizer.model.proofs import NO_ONE, SUPPRESSED, Representatives, Witnesses

SEEDS = range(1, 9)
CHANGES = 6


def releases(seed):
    """An accepted release with figures, a source of random changes, and its number of tables."""
    release = small_release(seed)
    assert not findings_of(release)
    return release, np.random.default_rng(seed), len(release.claims)


def with_entry(array, position, value):
    """A copy with another number in one place."""
    changed = array.copy()
    changed.reshape(-1)[position] = value
    return changed


def other_number(random, number, low, high):
    """A number of a range, but not this one."""
    return random.choice([n for n in range(low, high) if n != number])


@pytest.mark.parametrize("seed", SEEDS)
def test_another_figure_is_refused(seed):
    release, random, tables = releases(seed)
    for _ in range(CHANGES):
        number = int(random.integers(tables))
        figures = release.figures(number)
        for code in random.permutation(list(figures))[:1].tolist():
            wrong = other_number(random, figures[code], SUPPRESSED, figures[code] + 12)
            changed = release.with_figures({**figures, code: int(wrong)}, number)
            found = {f.kind for f in findings_of(changed) if code in f.segments}
            assert found & {"floor", "rounding", "rule"}, (number, code, wrong)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_figure_of_a_suppressed_group_is_refused(seed):
    """Of a group below the threshold, and of one whose leader is suppressed, whatever it says."""
    release, _, tables = releases(seed)
    for number in range(tables):
        claim, figures = release.claims[number], release.figures(number)
        for segment in claim.sharing.segments.tolist():
            code = release.catalogue.id(segment)
            if code not in figures and _people(release, number, segment) < release.promise.k:
                for figure in {release.promise.k, *figures.values()}:
                    changed = release.with_figures({**figures, code: figure}, number)
                    assert "floor" in {finding.kind for finding in findings_of(changed)}


def _people(release, number, segment):
    groups = release.catalogue.groups(segment)
    return release.claims[number].counted.people[np.ix_(*(g.leaves for g in groups))].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_fewer_figures_are_accepted_only_if_no_cell_is_shown_to_be_small(seed):
    release, random, tables = releases(seed)
    for number in range(tables):
        figures = release.figures(number)
        for _ in range(2):
            kept = {code: people for code, people in figures.items() if random.random() < 0.7}
            changed = release.with_figures(kept, number)
            if not findings_of(changed):
                assert not too_small(changed, number)


@pytest.mark.parametrize("seed", SEEDS)
def test_following_anybody_else_is_refused(seed):
    release, random, tables = releases(seed)
    outcomes = {NO_ONE, SUPPRESSED, *release.state.figures.tolist(), 7}
    choices = {
        "earlier": sorted(outcomes),
        "rounding": range(5),
        "leader_table": range(-1, tables + 1),
        "leader": range(-1, 12),
    }
    for _ in range(CHANGES):
        number = int(random.integers(tables))
        sharing = release.claims[number].sharing
        for part in choices if len(sharing.segments) else ():
            array = getattr(sharing, part)
            position = random.integers(len(array))
            value = random.choice([n for n in choices[part] if n != array[position]])
            changed = replace(sharing, **{part: with_entry(array, position, value)})
            assert findings_of(release.with_claim(number, sharing=changed)), (part, position, value)


@pytest.mark.parametrize("seed", SEEDS)
def test_another_state_is_refused(seed):
    release, random, tables = releases(seed)
    state, arguments = release.state, (release.claims, release.catalogue, release.promise)
    assert not check_state(state, *arguments)
    for _ in range(CHANGES):
        row = int(random.integers(len(state)))
        names = (*state.tables[:-1], "campaign other day=2026-11-22")
        wrong = [
            replace(state, step=state.step - 1),
            replace(state, rounding=state.rounding + 1),
            replace(state, figures=with_entry(state.figures, row, state.figures[row] + 1)),
            replace(
                state,
                table=with_entry(state.table, row, other_number(random, state.table[row], -1, 4)),
            ),
            with_rows(state, np.delete(np.arange(len(state)), row)),
            with_rows(state, np.insert(np.arange(len(state)), row, row)),
        ]
        if tables - 1 in state.table:
            wrong.append(replace(state, tables=names))
        for part in ("people", "fine", "keys"):
            array = getattr(state.sketches, part)
            position = random.integers(array.size)
            entry = array.reshape(-1)[position]
            entries = with_entry(array, position, entry ^ type(entry)(1))
            wrong.append(replace(state, sketches=replace(state.sketches, **{part: entries})))
        other = int(random.integers(len(state)))
        order = np.arange(len(state))
        order[[row, other]] = order[[other, row]]
        if row_of(state, row) != row_of(state, other):
            wrong.append(with_rows(state, order))
        for number, changed in enumerate(wrong):
            assert check_state(changed, *arguments), (number, row)


def row_of(state, row):
    """All that the state says of one group."""
    known = state.sketches
    parts = (state.table, state.figures, known.people, known.fine, known.keys)
    return [part[row].tolist() for part in parts]


def with_rows(state, rows) -> Representatives:
    """The state with these rows, in this order."""
    known = state.sketches
    sketches = replace(
        known, people=known.people[rows], fine=known.fine[rows], keys=known.keys[rows]
    )
    return replace(state, sketches=sketches, table=state.table[rows], figures=state.figures[rows])


@pytest.mark.parametrize("seed", SEEDS)
def test_a_changed_proof_is_accepted_only_if_it_proves_the_figures(seed):
    release, random, tables = releases(seed)
    refused = 0
    for _ in range(3 * CHANGES):
        number = int(random.integers(tables))
        witnesses = release.claims[number].witnesses
        if not len(release.claims[number].figures.segments):
            continue
        assert proves(release, number)
        changed = release.witnesses(number, **vars(changed_proof(witnesses, random)))
        good = not findings_of(changed)
        assert good == proves(changed, number), (number, changed.claims[number].witnesses)
        refused += not good
    assert refused or not any(len(claim.figures.segments) for claim in release.claims)


def changed_proof(witnesses: Witnesses, random) -> Witnesses:
    """People more or less or elsewhere, a witness left out, or a cell in another class."""
    rows, classes = witnesses.changes.shape
    person = int(random.choice([-3, -1, 1, 3]))
    kinds = [field.name for field in fields(Witnesses)]
    kind = random.choice([*kinds, "missing", "elsewhere", "elsewhere", "elsewhere"])
    if kind == "class_of":
        cell = int(random.integers(CELLS))
        value = other_number(random, witnesses.class_of[cell], -1, classes)
        return replace(witnesses, class_of=with_entry(witnesses.class_of, cell, value))
    if kind == "starts" or not rows:
        position = random.integers(witnesses.starts.size)
        value = witnesses.starts.reshape(-1)[position] + person
        return replace(witnesses, starts=with_entry(witnesses.starts, position, value))
    row = int(random.integers(rows))
    if kind == "start_of":
        value = random.integers(len(witnesses.starts))
        return replace(witnesses, start_of=with_entry(witnesses.start_of, row, value))
    if kind == "changes":
        dense = witnesses.changes.toarray()
        dense[row, random.integers(classes)] += person
        return replace(witnesses, changes=sparse.csr_array(dense))
    if kind == "elsewhere":
        dense = witnesses.changes.toarray()
        dense[row, random.integers(classes, size=2)] += [3 * person, -3 * person]
        return replace(witnesses, changes=sparse.csr_array(dense))
    kept = np.delete(np.arange(rows), row)
    return replace(witnesses, start_of=witnesses.start_of[kept], changes=witnesses.changes[kept])


def proves(release, number):
    """Whether the witnesses of a table prove its figures, cell by cell and table by table."""
    claim, rules = release.claims[number], release.promise
    groups, figures, leaders = shown(release, number)
    witnesses, possible = claim.witnesses, claim.counted.possible.ravel()
    class_of, classes = witnesses.class_of.tolist(), witnesses.starts.shape[1]
    members = [[c for c in range(CELLS) if class_of[c] == number] for number in range(classes)]
    lists = [frozenset(n for n, group in enumerate(groups) if c in group) for c in range(CELLS)]
    if any(lists[c] or not possible[c] for c in range(CELLS) if class_of[c] < 0 and lists[c]):
        return False
    if any(not cells or len({lists[c] for c in cells}) > 1 for cells in members):
        return False
    if any(class_of[c] >= 0 and not possible[c] for c in range(CELLS)):
        return False
    changed = witnesses.starts[witnesses.start_of] + witnesses.changes.toarray()
    people = np.concatenate([witnesses.starts, changed])
    least = int(claim.counted.occupied)
    tables = np.zeros((len(people), CELLS), dtype=np.int64)
    most = np.zeros(CELLS, dtype=np.int64)
    for position, cells in enumerate(members):
        tables[:, cells] = least
        tables[:, cells[0]] += people[:, position] - least * len(cells)
        if (tables[:, cells[0]] < least).any():
            return False
        most[cells] = tables[:, cells[0]].max()
    name = str(claim.counted.key)
    step = rules.step + SECRET.draw("near", f"{name}|{name}") % (rules.near_jitter + 1)
    inside = sorted(set().union(*groups))
    return bool(
        may_be_believed(tables, groups, (figures, leaders, rules, step)).all()
        and (most[inside] >= rules.inference_floor).all()
    )
