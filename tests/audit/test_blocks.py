"""Programs that fall into blocks give the optimum and the multipliers of one over everything."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from anonymizer.feasible import search_limits
from anonymizer.feasible.blocks import BlockProgram, blocks
from anonymizer.feasible.solver import Program

CLOSE = 1e-6


def a_table(random, sizes):
    """Sums of random people, in blocks, with rows and columns in any order."""
    parts = [random.integers(0, 2, (random.integers(1, 4), size)) for size in sizes]
    matrix = sparse.block_diag(parts, format="csr", dtype=np.int64)
    rows, columns = map(random.permutation, matrix.shape)
    matrix = sparse.csc_array(matrix[rows][:, columns])
    matrix.eliminate_zeros()
    people = matrix @ random.integers(0, 9, matrix.shape[1])
    room = random.integers(0, 3, len(people))
    return matrix, people - room, people + room


@pytest.fixture(scope="module", params=["small", "large"])
def size(request):
    """What is large starts with an interior point."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "large":
            patch.setattr(search_limits, "LARGE_PROGRAM", 0)
        yield


@pytest.mark.usefixtures("size")
@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), min_size=1, max_size=7))
def test_the_optimum_is_that_of_one_program_over_everything(seed, sizes):
    random = np.random.default_rng(seed)
    matrix, lowest, highest = a_table(random, sizes)
    limits = np.full(matrix.shape[1], 30.0)
    ours = BlockProgram(matrix, lowest, highest, limits)
    theirs = Program(matrix, lowest, highest, limits)
    for _ in range(4):
        cost = random.integers(-2, 3, matrix.shape[1]) * (random.random(matrix.shape[1]) < 0.3)
        mine, other = (program.minimise(cost.astype(float)) for program in (ours, theirs))
        assert mine.status == other.status == "optimal"
        assert mine.values @ cost == pytest.approx(other.values @ cost, abs=CLOSE)
        assert (mine.values >= -CLOSE).all()
        assert (mine.values <= limits + CLOSE).all()
        totals = matrix @ mine.values
        assert ((lowest - CLOSE <= totals) & (totals <= highest + CLOSE)).all()


@pytest.mark.usefixtures("size")
@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 5), min_size=2, max_size=7))
def test_the_multipliers_prove_the_optimum(seed, sizes):
    """Each column counts in the sum of rows as often as it is wanted; the sum is the optimum."""
    random = np.random.default_rng(seed)
    matrix, lowest, highest = a_table(random, sizes)
    covered = np.flatnonzero(np.diff(matrix.indptr))
    if not len(covered):
        return
    wanted = np.zeros(matrix.shape[1])
    wanted[random.choice(covered)] = 1
    limits = np.full(matrix.shape[1], np.inf)
    found = BlockProgram(matrix, lowest, highest, limits).minimise(-wanted)
    assert (matrix.T @ found.multipliers >= wanted - CLOSE).all()
    ends = np.where(found.multipliers > 0, highest, lowest)
    assert ends @ found.multipliers == pytest.approx(wanted @ found.values, abs=CLOSE)


def test_what_cannot_be_in_one_block_is_seen_from_another():
    matrix = sparse.csc_array(np.array([[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 1]]))
    people = np.array([3, 5, 4])  # a part of 3 is 5
    program = BlockProgram(matrix, people, people, np.full(4, np.inf))
    assert not program.minimise(np.array([0.0, 0.0, 1.0, 0.0])).found


def test_blocks_are_found_without_holding_each_column_against_each():
    columns = 30_000
    matrix = sparse.csc_array(np.ones((1, columns), dtype=np.int64))
    tracemalloc.start()
    of_row, of_column = blocks(matrix)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert {*of_row.tolist(), *of_column.tolist()} == {0}
    assert peak < 10 * 2**20
