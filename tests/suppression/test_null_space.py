"""The basis of moves against linear algebra by fractions, after any sequence of eliminations."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from rationals import dot, rank, spans
from rotation import examples

from anonymizer.suppression.null_space import UNLIMITED, Elimination, NullSpaceBasis, proportional

FAR = 60  # more than any class here has to lose


@st.composite
def worlds(draw):
    """What each class may lose, and published rows: sets of classes, some of them dependent."""
    width = draw(st.integers(2, 8))
    spare = draw(st.lists(st.integers(0, 6), min_size=width, max_size=width))
    classes = st.sets(st.integers(0, width - 1), min_size=1).map(sorted)
    return spare, draw(st.lists(classes, min_size=1, max_size=7))


@dataclass
class Followed:
    """A basis whose rows are published one by one, with what an observer knows of it."""

    basis: NullSpaceBasis
    published: list[list[int]] = field(default_factory=list)

    @property
    def width(self):
        return len(self.basis.spare)

    def indicator(self, classes):
        return [int(position in classes) for position in range(self.width)]

    def vector(self, q):
        return self.whole(self.basis.columns[q])

    def whole(self, column):
        return [column.get(position, 0) for position in range(self.width)]

    def true_reach(self, q):
        vector = self.vector(q)
        return steps(vector, self.basis.spare), steps(vector, self.basis.spare, -1)


def steps(vector, spare, sense=1):
    """How often a vector can be added before a class has too few, by trying."""
    if all(sense * number >= 0 for number in vector):
        return UNLIMITED
    times = 0
    while all(has + (times + 1) * sense * n >= 0 for has, n in zip(spare, vector, strict=True)):
        times += 1
        assert times < FAR
    return times


def eliminate(data, followed, row, enough, before_commit=lambda elimination, balance: None):
    """Publish a row with any pivot, after looking at the reach of any columns; what was reduced."""
    basis = followed.basis
    balance = basis.balance(row)
    followed.published.append(row)
    if not balance:
        return []
    elimination = Elimination(basis, balance, data.draw(st.sampled_from(sorted(balance))), enough)
    before_commit(elimination, balance)
    return elimination.commit()


def look_at_some(data, basis):
    for q in data.draw(st.sets(st.sampled_from(sorted(basis.columns)))) if basis.columns else ():
        basis.reach(q)


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.data())
def test_the_columns_are_a_basis_of_all_moves(world, data):
    spare, rows = world
    followed = Followed(NullSpaceBasis(spare))
    for row in rows:
        eliminate(data, followed, row, enough=1)
        published = [followed.indicator(row) for row in followed.published]
        columns = [followed.vector(q) for q in followed.basis.columns]
        assert all(dot(column, row) == 0 for column in columns for row in published)
        assert rank(columns) == len(columns) == len(spare) - rank(published)
        for position, through in enumerate(followed.basis.through):
            assert through == {q for q in followed.basis.columns if followed.vector(q)[position]}


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.data())
def test_sums_that_are_added_and_dropped_leave_columns_that_span(world, data):
    """Whatever the pivots, sums among them, and whenever the sums are dropped."""
    spare, rows = world
    followed = Followed(NullSpaceBasis(spare))
    basis, added = followed.basis, []
    for row in rows:
        if len(basis.columns) > 1:
            one, other = data.draw(st.permutations(sorted(basis.columns)))[:2]
            total = [
                a + b for a, b in zip(followed.vector(one), followed.vector(other), strict=True)
            ]
            if any(total):
                added.append(basis.add({position: n for position, n in enumerate(total) if n}))
        eliminate(data, followed, row, enough=1)
        if added and data.draw(st.booleans()):
            basis.drop(added.pop(0))
        known = [followed.indicator(row) for row in followed.published]
        columns = [followed.vector(q) for q in basis.columns]
        assert all(dot(column, row) == 0 for column in columns for row in known)
        assert rank(columns) == len(spare) - rank(known)
        assert basis.entries == sum(map(len, basis.columns.values()))
        for position, through in enumerate(basis.through):
            assert through == {q for q in basis.columns if followed.vector(q)[position]}


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.data())
def test_the_balance_is_what_each_column_changes_in_a_sum(world, data):
    spare, rows = world
    followed = Followed(NullSpaceBasis(spare))
    for row in rows:
        eliminate(data, followed, row, enough=1)
        classes = sorted(data.draw(st.sets(st.integers(0, len(spare) - 1), min_size=1)))
        changes = {
            q: dot(followed.vector(q), followed.indicator(classes)) for q in followed.basis.columns
        }
        assert followed.basis.balance(classes) == {q: c for q, c in changes.items() if c}


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.integers(1, 5), st.data())
def test_the_reach_is_never_more_than_the_true_one(world, enough, data):
    spare, rows = world
    followed = Followed(NullSpaceBasis(spare))
    basis = followed.basis

    def look(elimination, balance):
        for q in data.draw(st.sets(st.sampled_from(sorted(balance)))) - {elimination.pivot}:
            elimination.reach(q)

    for row in rows:
        eliminate(data, followed, row, enough, look)
        for q, found in basis.reaches.items():
            assert all(a <= b for a, b in zip(found, followed.true_reach(q), strict=True))
        look_at_some(data, basis)
    basis.reaches.clear()
    for q in basis.columns:
        assert basis.reach(q) == followed.true_reach(q)


@settings(max_examples=examples(100), deadline=None)
@given(worlds(), st.integers(1, 5), st.data())
def test_what_an_elimination_foretells_comes_true(world, enough, data):
    """New columns by their factors, and no more reach than they have, before and after division.

    A reach that is far enough may be told a little short; a short one never falls below what is
    there, or a row would be refused that could be published.
    """
    spare, rows = world
    followed = Followed(NullSpaceBasis(spare))
    foretold = {}

    def look(elimination, balance):
        foretold.clear()
        pivot = followed.whole(elimination.column)
        for q in sorted(set(balance) - {elimination.pivot}):
            first, second = elimination.factors(q)
            assert first > 0
            vector = [
                first * number - second * other
                for number, other in zip(followed.vector(q), pivot, strict=True)
            ]
            true = steps(vector, spare), steps(vector, spare, -1)
            told = elimination.reach(q)
            assert all(a <= b for a, b in zip(told, true, strict=True))
            assert told == true or max(told) >= enough
            foretold[q] = vector, told

    for row in rows:
        reduced = eliminate(data, followed, row, enough, look)
        for q, (vector, told) in foretold.items():
            after = followed.vector(q)
            divisor = next(n for n in vector if n) // next(n for n in after if n)
            assert vector == [divisor * number for number in after]
            assert (divisor > 1) == (q in reduced)
            now = followed.basis.reach(q)
            assert all(a <= b for a, b in zip(told, now, strict=True))
        foretold.clear()


@settings(max_examples=examples(100), deadline=None)
@given(st.data())
def test_proportional_vectors_are_told_from_others(data):
    numbers = st.dictionaries(st.integers(0, 3), st.integers(-3, 3).filter(bool), min_size=1)
    one = data.draw(numbers)
    times = data.draw(st.sampled_from([-2, -1, 1, 3]))
    other = data.draw(st.one_of(numbers, st.just({q: times * n for q, n in one.items()})))
    vectors = [[vector.get(position, 0) for position in range(4)] for vector in (one, other)]
    assert proportional(one, other) == spans(vectors[:1], vectors[1])
