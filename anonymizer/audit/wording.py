"""Groups, figures and arithmetic in words that a reader of the exports understands."""

from collections.abc import Sequence

import numpy as np

from anonymizer.audit.bounds import FINE, Proof
from anonymizer.audit.knowledge import Knowledge
from anonymizer.dimensions import Dimension
from anonymizer.feasible.system import Flags, Integers

_PARTS_NAMED = 3
_FIGURES_NAMED = 8


def name_group(knowledge: Knowledge, classes: Integers) -> str:
    """The people of some classes: `women aged 25-29 in Central Jakarta`."""
    atoms = knowledge.atoms(classes)
    spans = [_span(atoms, axis) for axis in range(atoms.ndim)]
    if (knowledge.possible[np.ix_(*spans)] <= atoms[np.ix_(*spans)]).all():
        return _name_box(knowledge, spans)
    first = np.argwhere(atoms)[0]
    atom = [np.arange(len(span)) == leaf for span, leaf in zip(spans, first, strict=True)]
    dimensions = ", ".join(d.name for d in knowledge.catalogue.dimensions)
    example = _name_box(knowledge, atom)
    return f"people in {atoms.sum()} combinations of {dimensions}, such as {example}"


def name_rest(knowledge: Knowledge, outer: int, inner: int, classes: Integers) -> str:
    """The people of the first figure who are not in the second."""
    group = name_group(knowledge, classes)
    if "combinations of" not in group:
        return group
    return f"{name_figure(knowledge, outer)} except {name_figure(knowledge, inner)}"


def name_figure(knowledge: Knowledge, figure: int) -> str:
    """The people whom a figure counts."""
    return knowledge.catalogue.name(int(knowledge.segments[figure])).english


def figure_ids(knowledge: Knowledge, figures: Integers | Sequence[int]) -> tuple[str, ...]:
    """The segment ids of figures."""
    return tuple(knowledge.catalogue.id(int(knowledge.segments[f])) for f in figures)


def cite(knowledge: Knowledge, figure: int, *, upper: bool) -> str:
    """A figure with the bound that it gives: `'men under 40' (500, so at most 509)`."""
    name, people = f"'{name_figure(knowledge, figure)}'", int(knowledge.people[figure])
    bound = f"so at {'most' if upper else 'least'} {end_of(knowledge, figure, upper=upper)}"
    source = knowledge.sources[figure]
    if source == "known":
        return f"{name} ({people}, background knowledge)"
    if source == "listed":
        return f"{name} (suppressed and not zero, {bound})"
    if source == "guessed":
        return f"{name} (suppressed, assumed to be below the threshold, {bound})"
    if knowledge.lowest[figure] == knowledge.highest[figure]:
        return f"{name} ({people})"
    return f"{name} ({people}, {bound})"


def end_of(knowledge: Knowledge, figure: int, *, upper: bool) -> int:
    """The highest or lowest count that a figure stands for, certain people included."""
    beyond = (knowledge.highest if upper else knowledge.lowest)[figure]
    return int(beyond + knowledge.certain_in_figure[figure])


def cite_all(knowledge: Knowledge, proof: Proof) -> str:
    """The figures of a proof: those added, then those taken off."""
    cited = [
        cite(knowledge, figure, upper=bool(proof.multipliers[figure] > 0))
        for figure in proof.figures[:_FIGURES_NAMED]
    ]
    if (left := len(proof.figures) - len(cited)) > 0:
        cited.append(f"{left} more")
    return _join(cited, "and")


def arithmetic(knowledge: Knowledge, proof: Proof, classes: Integers) -> str:
    """The sum of a proof about some classes in numbers: `69 - 51 - 10 = 8`."""
    most = proof.bound + int(knowledge.certain[classes].sum())
    if proof.scale == FINE:
        return f"the weighted sum of {len(proof.figures)} figures is {most}"
    terms = []
    for figure in proof.figures:
        times = int(proof.multipliers[figure])
        end = end_of(knowledge, int(figure), upper=times > 0)
        factor = "" if abs(times) == 1 else f"{abs(times)} x "
        terms.append(f"{'+' if times > 0 else '-'} {factor}{end}")
    if others := _certain_elsewhere(knowledge, proof, classes):
        terms.append(f"{'-' if others > 0 else '+'} {abs(others)}")
    total = " ".join(terms).removeprefix("+ ")
    why = f" ({abs(others)} for suppressed cells with at least 1 person each)" if others else ""
    if proof.scale == 1:
        return f"{total} = {most}{why}"
    return f"({total}) / {proof.scale}, rounded down, = {most}{why}"


def below_threshold(name: str, people: int, threshold: int) -> str:
    """A figure that the threshold rule forbids."""
    return f"the figure {people} of '{name}' is below the threshold k = {threshold}"


def no_multiple(name: str, people: int, base: int) -> str:
    """A figure that is not rounded."""
    return f"the figure {people} of '{name}' is not a multiple of {base}"


def _certain_elsewhere(knowledge: Knowledge, proof: Proof, classes: Integers) -> int:
    """Certain people whom the sum counts besides those of the group, times the scale."""
    covers = proof.covers.copy()
    covers[classes] -= proof.scale
    return int(covers @ knowledge.certain)


def _name_box(knowledge: Knowledge, spans: Sequence[Flags]) -> str:
    parts = [
        _name_span(dimension, spans[axis], _span(knowledge.possible, axis))
        for axis, dimension in enumerate(knowledge.catalogue.dimensions)
    ]
    return " ".join(part for part in parts if part) or "people"


def _span(atoms: Flags, axis: int) -> Flags:
    """The leaves of one dimension on which there are atoms."""
    others: Flags = np.moveaxis(atoms, axis, 0).reshape(atoms.shape[axis], -1)
    span: Flags = np.logical_or.reduce(others, axis=1)
    return span


def _name_span(dimension: Dimension, span: Flags, possible: Flags) -> str:
    """A set of leaves: a few groups, or a group but for a few."""
    members = dimension.membership & possible
    names = _cover(dimension, members, span)
    if len(names) > _PARTS_NAMED:
        around = np.flatnonzero((members >= span).all(axis=1))
        whole = around[np.argmin(members[around].sum(axis=1))]
        left_out = _cover(dimension, members, members[whole] & ~span)
        if len(left_out) > _PARTS_NAMED:
            return f"in {int(span.sum())} values of {dimension.name}"
        whole_name = dimension.groups[whole].name.english
        return f"{whole_name} except {_join(left_out, 'or')}".strip()
    return _join([name for name in names if name], "or")


def _cover(dimension: Dimension, members: Flags, span: Flags) -> list[str]:
    """Names of groups that make up a set of leaves, the largest first."""
    wanted, names = span.copy(), []
    inside = np.flatnonzero(~(members & ~span).any(axis=1) & members.any(axis=1))
    for group in inside[np.argsort(-members[inside].sum(axis=1), kind="stable")]:
        if (members[group] & wanted).any():
            wanted &= ~members[group]
            names.append(dimension.groups[group].name.english)
    return names


def _join(words: Sequence[str], last: str) -> str:
    if len(words) < 2:  # noqa: PLR2004
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
