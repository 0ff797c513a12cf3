"""Findings of the attack in words: groups, figures, the arithmetic and what it shows."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anonymizer.audit import attack_limits
from anonymizer.audit.differencing import Difference
from anonymizer.audit.findings import Finding, Kind
from anonymizer.audit.knowledge import Knowledge
from anonymizer.feasible.bounds import FINE, Proof
from anonymizer.feasible.system import Flags, Integers
from anonymizer.model.dimensions import Dimension

_NO_CLASSES = np.zeros(0, dtype=np.int64)


class Reporter:
    """Words findings about one table."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    def difference(self, pair: Difference, least: int) -> Finding:
        """Two nested figures leave too few people."""
        known = self._knowledge
        certain = int(known.certain[pair.classes].sum())
        least, most = least + certain, pair.most + certain
        group = name_rest(known, pair.outer, pair.inner, pair.classes)
        outer, inner = cite(known, pair.outer, upper=True), cite(known, pair.inner, upper=False)
        everyone = f"'{name_figure(known, pair.outer)}'", f"'{name_figure(known, pair.inner)}'"
        learned = _learned(group, least, most) + self._in_each(pair.classes, pair.most)
        if most == 0:
            learned += f": everyone in {everyone[0]} is in {everyone[1]}"
        ends = end_of(known, pair.outer, upper=True), end_of(known, pair.inner, upper=False)
        text = f"{outer} contains {inner}: {ends[0]} - {ends[1]} = {most}. So {learned}"
        return self._finding(_kind("difference", least, most), (pair.outer, pair.inner), text)

    def inference(self, proof: Proof, classes: Integers, least: int) -> Finding:
        """Several figures leave too few people."""
        known = self._knowledge
        certain = int(known.certain[classes].sum())
        least, most = least + certain, proof.bound + certain
        learned = _learned(name_group(known, classes), least, most)
        sum_ = arithmetic(known, proof, classes)
        how = f": {sum_}" if len(proof.figures) > 1 or proof.scale > 1 else ""
        text = f"from {cite_all(known, proof)}{how}. So {learned}"
        text += self._in_each(classes, proof.bound)
        found = self._finding(_kind("inference", least, most), proof.figures, text)
        return self._weighted(found, proof)

    def _weighted(self, finding: Finding, proof: Proof | None) -> Finding:
        if proof is None:
            return finding
        names = figure_ids(self._knowledge, proof.figures)
        times = proof.multipliers[proof.figures].tolist()
        return replace(finding, weights=tuple(zip(names, times, strict=True)), parts=proof.scale)

    def _in_each(self, classes: Integers, beyond: int) -> str:
        """What one cell may have, where several share what a group has beyond certain people."""
        certain = self._knowledge.certain[classes]
        if certain.sum() <= 1:
            return ""
        return f", and none of its cells has more than {beyond + 1}"

    def whole_people(self, chosen: int, floor: int) -> Finding:
        """No sum of figures shows it, but trying all whole numbers does."""
        group = name_group(self._knowledge, np.array([chosen]))
        text = (
            f"integer programming finds no whole numbers that fit all figures and give '{group}' "
            f"{floor} people or more. So it has fewer"
        )
        return self._finding("inference", self._containing_figures([chosen]), text)

    def unproved(self, classes: Integers, floor: int) -> Finding:
        """The effort allowed did not show that these groups are safe."""
        example = name_group(self._knowledge, classes[:1])
        more = f" and {len(classes) - 1} more groups" if len(classes) > 1 else ""
        wanted = f"{floor} people or more" if floor else "more than one number of people"
        text = (
            f"not proved that '{example}'{more} can have {wanted}; suppress a figure that counts "
            "them"
        )
        return self._finding("unproved", self._containing_figures(classes), text)

    def exact_disclosure(
        self, withheld: Sequence[str], classes: Integers, people: int, proof: Proof | None
    ) -> Finding:
        """A suppressed segment or an atom has one possible count; without proof by trying all."""
        known, how = self._knowledge, "no other whole number fits the surrounding figures"
        if proof is not None:
            how = f"from {cite_all(known, proof)}: {arithmetic(known, proof, classes)}"
        group, certain = name_group(known, classes), int(known.certain[classes].sum())
        learned = _learned(group, people + certain, people + certain)
        several = known.sizes[classes].sum() > 1 and not people
        if several and certain == known.sizes[classes].sum():
            learned, withheld = f"{learned}, 1 in each of its cells", ()  # a matter of cells
        elif several and not withheld:
            learned = f"{learned}, 0 in each of its cells"
        text = f"{learned}, although suppressed: {how}"
        ids = (*withheld, *figure_ids(known, self._containing_figures(classes)))
        found = Finding(self._knowledge.table, "solved", ids[: attack_limits.IDS_NAMED], text)
        return self._weighted(found, proof)

    def impossible_people(self, figure: int) -> Finding:
        """A figure of a segment that the structural zeros empty."""
        name = name_figure(self._knowledge, figure)
        text = f"the table has a figure for '{name}', which must be empty (structural zero)"
        return self._finding("contradiction", (figure,), text)

    def unequal(self, pair: Difference) -> Finding:
        """Two figures of one set of people differ."""
        known = self._knowledge
        first, second = (f"'{name_figure(known, figure)}'" for figure in (pair.outer, pair.inner))
        figures = f"{known.people[pair.outer]} and {known.people[pair.inner]}"
        text = (
            f"{first} and {second} contain the same people in this table, but their figures are "
            f"{figures}"
        )
        return self._finding("contradiction", (pair.outer, pair.inner), text)

    def larger_inside(self, pair: Difference) -> Finding:
        """A part counts more people than the whole."""
        known = self._knowledge
        outer, inner = cite(known, pair.outer, upper=True), cite(known, pair.inner, upper=False)
        text = f"{inner} is part of {outer}, but larger"
        return self._finding("contradiction", (pair.outer, pair.inner), text)

    def not_below(self, withheld: int, inside: int, floor: int) -> Finding:
        """A suppressed segment (both are rows of the catalogue) is not below the threshold."""
        catalogue = self._knowledge.catalogue
        names = [catalogue.name(segment).english for segment in (withheld, inside)]
        text = (
            f"'{names[0]}' is suppressed, but contains '{names[1]}', "
            f"whose figure reaches the threshold of {floor}"
        )
        ids = (catalogue.id(withheld), catalogue.id(inside))
        return Finding(self._knowledge.table, "contradiction", ids, text)

    def no_table(self, proof: Proof) -> Finding:
        """A sum of figures cannot be."""
        known = self._knowledge
        text = (
            f"no counts of people fit these figures: from {cite_all(known, proof)}, "
            f"a count would be negative ({arithmetic(known, proof, _NO_CLASSES)})"
        )
        return self._weighted(self._finding("contradiction", proof.figures, text), proof)

    def no_whole_table(self) -> Finding:
        """fractional people would fit, whole people do not."""
        text = "no whole numbers of people fit all figures of this table"
        return self._finding("contradiction", range(len(self._knowledge.segments)), text)

    def no_table_found(self) -> Finding:
        """Neither a table nor a contradiction within the effort."""
        text = "no table was found that fits all figures, so nothing about it is proved"
        return self._finding("unproved", range(len(self._knowledge.segments)), text)

    def _containing_figures(self, classes: Sequence[int] | Integers) -> Integers:
        figures = np.unique(self._knowledge.by_class[list(classes)].indices)
        counted: Integers = figures[self._knowledge.counted[figures]]
        return counted

    def _finding(self, kind: Kind, figures: Sequence[int] | Integers, text: str) -> Finding:
        ids = figure_ids(self._knowledge, figures[: attack_limits.IDS_NAMED])
        return Finding(self._knowledge.table, kind, ids, text)


def _kind(plain: Kind, least: int, most: int) -> Kind:
    if most == 0:
        return "homogeneity"
    return "singleton" if least == most == 1 else plain


def _learned(group: str, least: int, most: int) -> str:
    if most == 0:
        return f"no one is in '{group}'"
    people = "person" if most == 1 else "people"
    if least == most:
        return f"'{group}' has exactly {most} {people}"
    return f"'{group}' has {f'{least} to' if least else 'at most'} {most} {people}"


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
        for figure in proof.figures[: attack_limits.FIGURES_NAMED]
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
    if len(names) > attack_limits.PARTS_NAMED:
        containing = np.flatnonzero((members >= span).all(axis=1))
        whole = containing[np.argmin(members[containing].sum(axis=1))]
        left_out = _cover(dimension, members, members[whole] & ~span)
        if len(left_out) > attack_limits.PARTS_NAMED:
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
