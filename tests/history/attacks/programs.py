"""E1 and E2: linear programs over all figures that bear on each other.

Every figure is an interval around a sum of unknown numbers of people. Bands and regions of all
tables are refined into the coarsest parts that no figure divides; a program asks how many people
a part can have at most. A part that cannot have `inference_k` is proved to be small.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import highspy
import numpy as np
from scipy.sparse import coo_array, csr_array, vstack

from attacks.published import Group, Seen, Table
from attacks.verdicts import Proof, Suspicion, Verdict

_NEARLY = 1e-6
# A period of many figures is put together with its largest part alone, which leaves least room:
# programs of all its tables take minutes each. Of the other parts, and of what the days add up to,
# single figures are asked then (A3).
_FEW_FIGURES = 12
_SINGLE_QUESTIONS = 40
# In steps of the simplex method; an attacker who has used them up says nothing about what is open.
_STEPS_OF_A_QUESTION = 20_000
_STEPS_OF_A_JOIN = 100_000


@dataclass
class Effort:
    """The steps that are left for one join, and whether a question was given up."""

    left: int = _STEPS_OF_A_JOIN
    gave_up: bool = False


@dataclass(frozen=True)
class Join:
    """Tables with one thing in common: everybody of `inner` is in `outer`, by position."""

    tables: tuple[Table, ...]
    nested: tuple[tuple[int, int], ...] = ()
    covered: tuple[tuple[int, tuple[int, ...]], ...] = ()

    def __str__(self) -> str:
        return f"{self.tables[0]} with {len(self.tables) - 1} other table(s)"


def refinement(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E1: all overlapping groups of one table together."""
    joins = [Join((table,)) for table in seen.tables if table.figures]
    return _solved("E1", joins, suspicion)


def pooled(seen: Seen, suspicion: Suspicion) -> Verdict:
    """E2: a period with all shorter ones in it, and campaigns in others, of all advertisers."""
    return _solved("E2", list(joins_of(seen)), suspicion)


def joins_of(seen: Seen) -> Iterator[Join]:
    """Each longer period with its parts, campaigns in others, reach within the audience."""
    filled = [table for table in seen.tables if table.figures]
    for whole in filled:
        if whole.series in {"campaign-week", "campaign-month"}:
            parts = sorted((p for p in filled if _is_part(p, whole)), key=lambda p: p.start)
            if len(whole.figures) > _FEW_FIGURES:
                parts = sorted(parts, key=lambda p: sum(p.figures.values()))[-1:]
            if parts:
                yield _period(whole, parts)
        outers = [o for o in filled if seen.lies_in(whole, o) and not seen.lies_in(o, whole)]
        if outers:
            nested = tuple((position, 0) for position in range(1, len(outers) + 1))
            yield Join((whole, *outers), nested)
        audience = next((a for a in filled if _is_audience_of(a, whole)), None)
        if audience and whole.series != "campaign-day":
            yield Join((audience, whole), ((0, 1),))


def _is_part(part: Table, whole: Table) -> bool:
    return (
        part.subject == whole.subject
        and part is not whole
        and whole.start <= part.start
        and part.end <= whole.end
    )


def _is_audience_of(audience: Table, table: Table) -> bool:
    month = audience.series == "audience-month" and audience is not table
    return month and audience.start <= table.end <= audience.end


def _period(whole: Table, parts: Sequence[Table]) -> Join:
    first, last = max(whole.start, whole.runs[0]), min(whole.end, whole.runs[1])
    days = tuple(n for n, part in enumerate(parts, start=1) if part.series == "campaign-day")
    complete = len(days) == (last - first).days + 1 > 1
    nested = tuple((0, position) for position in range(1, len(parts) + 1))
    return Join((whole, *parts), nested, ((0, days),) if complete else ())


def _solved(attack: str, joins: Sequence[Join], suspicion: Suspicion) -> Verdict:
    efforts = [Effort() for _ in joins]
    proofs = tuple(
        proof
        for join, effort in zip(joins, efforts, strict=True)
        for proof in small_groups(attack, join, effort)
    )
    present = None
    for proof in proofs:
        at_home = proof.where.startswith(f"campaign-day-{suspicion.day}/{suspicion.campaign}")
        if at_home and proof.group == str(suspicion.atom) and (proof.most == 0 or proof.fewest):
            present = proof.most > 0
    return Verdict(proofs, present, sum(effort.gave_up for effort in efforts))


def small_groups(attack: str, join: Join, effort: Effort) -> list[Proof]:
    """Every part of which the tables together prove that it has fewer than `inference_k`.

    Figures that contradict each other prove that some are shared, and are read so.
    """
    parts = _Parts(join)
    program = _Program(parts, effort, shared=False)
    if not program.fits():
        program = _Program(parts, effort, shared=True)
        if not program.fits():
            return [Proof(attack, str(join), "the figures contradict each other", 0, 0)]
    least = min(table.inference_k for table in join.tables)
    requirements = list(parts.requirements())
    open_ = program.not_yet_reached(requirements, least)
    proofs = []
    for requirement in open_[:_SINGLE_QUESTIONS]:
        most = program.most(requirement)
        if most < least - _NEARLY:
            fewest = max(0.0, -program.most([(column, -sign) for column, sign in requirement]))
            proofs.append(
                Proof(
                    attack,
                    str(join),
                    parts.name(requirement),
                    int(np.ceil(fewest - _NEARLY)),
                    int(np.floor(most + _NEARLY)),
                )
            )
    return proofs


Goal = list[tuple[int, int]]


class _Parts:
    """The coarsest groups of atoms that no figure of any table divides; a column for each."""

    def __init__(self, join: Join) -> None:
        self.join = join
        self.blocks = [self._blocks(axis) for axis in range(3)]
        shape = tuple(len(blocks) for blocks in self.blocks)
        self.rows: list[list[np.ndarray]] = []
        patterns = []
        for table in join.tables:
            masks = [self._inside(group, shape) for group in table.figures]
            possible = self._inside(table.whole, shape)
            patterns += [*masks, possible]
            self.rows.append([*masks, possible])
        stacked = np.array(patterns, dtype=bool).reshape(len(patterns), -1)
        packed = np.packbits(stacked, axis=0)
        _, first, inverse = np.unique(packed, axis=1, return_index=True, return_inverse=True)
        self.first, self.count, self.shape = first, len(first), shape
        self.inverse = inverse.reshape(-1)
        self.members = [
            [mask.reshape(-1)[first] for mask in rows] for rows in self.rows
        ]  # by table and figure: which parts

    def column(self, table: int, part: int) -> int:
        return table * self.count + part

    def possible(self, table: int) -> np.ndarray:
        return self.members[table][-1]

    def requirements(self) -> Iterator[Goal]:
        """What must be able to have enough people."""
        for position in range(len(self.join.tables)):
            for part in np.flatnonzero(self.possible(position)).tolist():
                yield [(self.column(position, part), 1)]
        for outer, inner in self.join.nested:
            for part in np.flatnonzero(self.possible(outer)).tolist():
                yield [(self.column(outer, part), 1), (self.column(inner, part), -1)]
        for whole, days in self.join.covered:
            for part in np.flatnonzero(self.possible(whole)).tolist():
                yield [
                    *((self.column(day, part), 1) for day in days),
                    (self.column(whole, part), -1),
                ]

    def name(self, requirement: Goal) -> str:
        part = requirement[0][0] % self.count
        position = np.unravel_index(self.first[part], self.shape)
        several = int((self.inverse == part).sum()) > 1
        box = Group(*(blocks[n] for blocks, n in zip(self.blocks, position, strict=True)))
        words = f"{box} and others alike" if several else str(box)
        return words if len(requirement) == 1 else f"{words} (difference)"

    def _blocks(self, axis: int) -> list[frozenset[str]]:
        """Leaves of a dimension that every group has together or not at all."""
        sets = {group[axis] for table in self.join.tables for group in table.figures}
        sets |= {table.whole[axis] for table in self.join.tables}
        leaves = sorted(frozenset().union(*sets))
        ordered = sorted(sets, key=sorted)
        by_pattern: dict[tuple[bool, ...], list[str]] = {}
        for leaf in leaves:
            by_pattern.setdefault(tuple(leaf in s for s in ordered), []).append(leaf)
        return [frozenset(block) for block in by_pattern.values()]

    def _inside(self, group: Group, shape: tuple[int, ...]) -> np.ndarray:
        axes = [
            np.array([block <= leaves for block in blocks])
            for blocks, leaves in zip(self.blocks, group, strict=True)
        ]
        mask = axes[0][:, None, None] & axes[1][None, :, None] & axes[2][None, None, :]
        assert mask.shape == shape
        return mask


class _Program:
    """Numbers of people that fit all figures; the goal changes from one question to the next."""

    def __init__(self, parts: _Parts, effort: Effort, *, shared: bool) -> None:
        self._effort = effort
        self._columns = parts.count * len(parts.join.tables)
        self._upper = np.full(self._columns, highspy.kHighsInf)
        rows, low, high = [], [], []
        for position, table in enumerate(parts.join.tables):
            at = position * parts.count
            self._upper[at : at + parts.count][~parts.possible(position)] = 0
            for group, mask in zip(table.figures, parts.members[position], strict=False):
                rows.append(at + np.flatnonzero(mask & parts.possible(position)))
                low.append(float(table.low(group, shared=shared)))
                high.append(float(table.high(group, shared=shared)))
        figures = _matrix(rows, self._columns)
        order = [list(requirement) for requirement in parts.requirements() if len(requirement) > 1]
        others = _signed(order, self._columns)
        self._matrix = vstack([figures, others], format="csr")
        self._low = np.array(low + [0.0] * len(order))
        self._high = np.array(high + [highspy.kHighsInf] * len(order))

    def not_yet_reached(self, requirements: Sequence[Goal], least: int) -> list[Goal]:
        """Goals that no program of several goals at once has shown to be possible."""
        open_ = list(requirements)
        while open_:
            reached = self._together(open_, least)
            if not reached.any():
                break
            open_ = [
                requirement for requirement, done in zip(open_, reached, strict=True) if not done
            ]
        return open_

    def fits(self) -> bool:
        """Whether any numbers of people fit."""
        solution = _solve(
            self._effort, self._matrix, self._low, self._high, self._upper, np.zeros(self._columns)
        )
        return solution is not None

    def most(self, requirement: Goal) -> float:
        """The largest value; without end where no program tells."""
        cost = np.zeros(self._columns)
        for column, sign in requirement:
            cost[column] += sign
        solution = _solve(self._effort, self._matrix, self._low, self._high, self._upper, cost)
        return highspy.kHighsInf if solution is None else float(cost @ solution)

    def _together(self, requirements: Sequence[Goal], least: int) -> np.ndarray:
        """Which goals have `least` where the sum of all, each counted up to `least`, is largest."""
        extra = len(requirements)
        size = self._matrix.shape[0]
        wide = csr_array(
            (self._matrix.data, self._matrix.indices, self._matrix.indptr),
            shape=(size, self._columns + extra),
        )
        counted = [
            [*requirement, (self._columns + n, -1)] for n, requirement in enumerate(requirements)
        ]
        matrix = vstack([wide, _signed(counted, self._columns + extra)], format="csr")
        low = np.concatenate([self._low, np.zeros(extra)])
        high = np.concatenate([self._high, np.full(extra, highspy.kHighsInf)])
        upper = np.concatenate([self._upper, np.full(extra, float(least))])
        cost = np.concatenate([np.zeros(self._columns), np.ones(extra)])
        solution = _solve(self._effort, matrix, low, high, upper, cost)
        if solution is None:
            return np.zeros(extra, dtype=bool)
        return solution[self._columns :] >= least - _NEARLY


def _solve(
    effort: Effort,
    matrix: csr_array,
    low: np.ndarray,
    high: np.ndarray,
    upper: np.ndarray,
    cost: np.ndarray,
) -> np.ndarray | None:
    """The best point, infinite where nothing bounds it or the effort ends; None if none fits."""
    endless = np.where(cost > 0, highspy.kHighsInf, 0.0)
    if effort.left <= 0:
        effort.gave_up = True
        return endless
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(len(cost)), upper
    model.row_lower_, model.row_upper_ = low, high
    model.sense_ = highspy.ObjSense.kMaximize
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = matrix.indptr
    model.a_matrix_.index_ = matrix.indices
    model.a_matrix_.value_ = matrix.data
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("solver", "simplex")
    steps = min(effort.left, _STEPS_OF_A_QUESTION)
    solver.setOptionValue("simplex_iteration_limit", steps)
    solver.passModel(model)
    solver.run()
    effort.left -= max(1, solver.getInfo().simplex_iteration_count)
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kUnbounded:
        return endless
    if status == highspy.HighsModelStatus.kIterationLimit:
        effort.gave_up = True
        return endless
    if status != highspy.HighsModelStatus.kOptimal:
        return None
    return np.array(solver.getSolution().col_value)


def _matrix(rows: Sequence[np.ndarray], columns: int) -> csr_array:
    return _signed([[(int(c), 1) for c in row] for row in rows], columns)


def _signed(rows: Sequence[Goal], columns: int) -> csr_array:
    positions = [(n, column, sign) for n, row in enumerate(rows) for column, sign in row]
    if not positions:
        return csr_array((len(rows), columns))
    at, column, sign = (np.array(values) for values in zip(*positions, strict=True))
    return coo_array((sign.astype(float), (at, column)), shape=(len(rows), columns)).tocsr()
