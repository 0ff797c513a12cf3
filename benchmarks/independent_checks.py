"""What a published table gives away, judged by nothing of the product: algebra and programs.

`solvable_by_algebra` asks whether a segment is a linear combination of published ones, by
elimination modulo the prime 2^31 - 1: nobody needs to know that people are not negative. A wrong
answer needs a minor of the table, an integer, to be a multiple of that prime by chance.
`solvable_by_bounds` and `below` use that counts are not negative, by linear programs (HiGHS):
people may be fractions there, so that what they find is disclosed for certain.
"""

from dataclasses import dataclass

import highspy
import numpy as np
from highspy._core import _Highs
from numpy.typing import NDArray
from scipy import sparse

PRIME = 2**31 - 1
# Counts are whole numbers; programs are solved to 1e-7.
TOLERANCE = 1e-5
ROUNDS = 30
# Programs for many segments at once go on while they lift this share of those left.
WORTHWHILE = 0.05
Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """Which rows of `inside` are published, the true people of the cells and their limits."""

    inside: sparse.csr_array
    published: Flags
    people: NDArray[np.int64]
    least: NDArray[np.int64]
    most: NDArray[np.int64]


def solvable_by_algebra(known: Known, segments: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of the segments that are linear combinations of what is published."""
    free = known.most > known.least
    rows = known.inside[:, np.flatnonzero(free)]
    order = np.argsort(np.diff(rows.indptr), kind="stable")
    order = order[known.published[order]]
    matrix = np.vstack([rows[order].toarray(), rows[segments].toarray()])
    wanted = _eliminate(matrix, len(order))[len(order) :]
    return segments[~wanted.any(axis=1)]


def _eliminate(matrix: NDArray[np.int64], pivots: int) -> NDArray[np.int64]:
    """Every row less multiples of the first so many rows before it, modulo the prime."""
    for number in range(pivots):
        row = matrix[number]
        positions = np.flatnonzero(row)
        if not len(positions):
            continue
        first = positions[0]
        below = number + 1 + np.flatnonzero(matrix[number + 1 :, first])
        if not len(below):
            continue
        inverse = pow(int(row[first]), PRIME - 2, PRIME)
        factors = matrix[below, first] * inverse % PRIME
        block = np.ix_(below, positions)
        matrix[block] = (matrix[block] - np.multiply.outer(factors, row[positions]) % PRIME) % PRIME
    return matrix


def solvable_by_bounds(known: Known, segments: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of the segments whose smallest and largest value are the same.

    Many at once first: a table that is as far as possible in random directions shows that all
    segments in which it differs from the true one are not solvable. The rest one by one.
    """
    program, random = Program(known), np.random.default_rng(1)
    rows, truth = known.inside[segments], known.inside[segments] @ known.people
    left = np.arange(len(segments))
    for _ in range(ROUNDS):
        direction = random.choice([-1.0, 1.0], len(left)) * random.uniform(0.5, 1, len(left))
        found = program.most(rows[left].T @ direction)
        stays = np.abs(rows[left] @ found - truth[left]) < TOLERANCE
        progress = not stays.all()
        left = left[stays]
        if not progress or not len(left):
            break

    def differs(position: int) -> bool:
        row = rows[[position]].toarray()[0].astype(float)
        return any(
            abs(float(row @ program.most(sign * row)) - truth[position]) > TOLERANCE
            for sign in (1, -1)
        )

    return segments[[position for position in left.tolist() if not differs(position)]]


def below(known: Known, segments: NDArray[np.intp], k: int) -> NDArray[np.intp]:
    """Those of the segments that can be shown to have fewer than k people.

    Programs lift as many as possible at once, as long as that gets on; then each goes by itself,
    and takes along what its largest value lifts.
    """
    rows = known.inside[segments]
    low = np.ones(len(segments), dtype=bool)
    lifted = len(segments)
    while lifted > low.sum() * WORTHWHILE and low.any():
        found = rows @ _together(known, rows[np.flatnonzero(low)], k) >= k - TOLERANCE
        lifted = int((low & found).sum())
        low &= ~found
    program, proved = Program(known), np.zeros(len(segments), dtype=bool)
    for position in np.flatnonzero(low).tolist():
        if not low[position]:
            continue
        found = rows @ program.most(rows[[position]].toarray()[0].astype(float)) >= k - TOLERANCE
        proved[position] = not found[position]
        low &= ~found
    return segments[proved]


def _together(known: Known, rows: sparse.csr_array, k: int) -> Numbers:
    """A fitting table with the largest sum of min(k, people) over the segments."""
    cells, count = rows.shape[1], rows.shape[0]
    program = Program(known, extra=(rows, k))
    return program.most(np.concatenate([np.zeros(cells), np.ones(count)]))[:cells]


class Program:
    """All tables that fit what is published, people being fractions. Each question starts from
    the answer to the last. With `extra`, a column for each extra row: at most k, and at most
    the people of the row.
    """

    def __init__(self, known: Known, extra: tuple[sparse.csr_array, int] | None = None) -> None:
        rows = sparse.csr_array(known.inside[np.flatnonzero(known.published)], dtype=float)
        lower = upper = (rows @ known.people).astype(float)
        least, most = known.least.astype(float), known.most.astype(float)
        if extra is not None:
            more, k = extra
            width = more.shape[0]
            rows = sparse.block_array(
                [[rows, None], [more.astype(float), -sparse.eye_array(width)]], format="csr"
            )
            lower = np.concatenate([lower, np.zeros(width)])
            upper = np.concatenate([upper, np.full(width, highspy.kHighsInf)])
            least = np.concatenate([least, np.zeros(width)])
            most = np.concatenate([most, np.full(width, float(k))])
        self._highs = quiet_solver()
        self._highs.passModel(model(rows, (lower, upper), (least, most)))
        self._columns = np.arange(rows.shape[1], dtype=np.int32)

    def most(self, objective: Numbers) -> Numbers:
        """The table that is farthest in this direction."""
        highs = self._highs
        highs.changeColsCost(len(self._columns), self._columns, -objective)
        highs.run()
        status = highs.getModelStatus()
        assert status in (highspy.HighsModelStatus.kOptimal,), status
        return np.array(highs.getSolution().col_value)


def quiet_solver() -> _Highs:
    solver = _Highs()  # the wrapper around it prints a banner when it is built
    for option, value in (("output_flag", False), ("threads", 1)):
        solver.setOptionValue(option, value)
    return solver


def model(
    rows: sparse.csr_array, row_limits: tuple[Numbers, Numbers], limits: tuple[Numbers, Numbers]
) -> highspy.HighsLp:
    """Columns within `limits` whose rows are within `row_limits`; no objective yet."""
    program = highspy.HighsLp()
    program.num_row_, program.num_col_ = rows.shape
    program.row_lower_, program.row_upper_ = row_limits
    program.col_lower_, program.col_upper_ = limits
    program.col_cost_ = np.zeros(rows.shape[1])
    program.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    program.a_matrix_.start_ = rows.indptr
    program.a_matrix_.index_ = rows.indices
    program.a_matrix_.value_ = rows.data
    return program
