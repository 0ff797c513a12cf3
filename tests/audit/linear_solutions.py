"""What peers promise of exact figures: no suppressed segment is a sum of published ones."""

import numpy as np

from anonymizer.audit.knowledge import Statements, from_source, understand
from anonymizer.feasible.system import Flags
from anonymizer.feasible.totals import uncut_segments
from anonymizer.model.segments import Catalogue
from anonymizer.model.tables import Figures


def linearly_solvable(figures: Figures, catalogue: Catalogue, possible: Flags) -> Flags:
    """Of each segment whether it is a sum of published segments, each times some number.

    Published segments are. The figures themselves do not matter: they are taken as exact.
    Segments without possible cells are left out (False).
    """
    nothing = np.zeros_like(figures.people)
    source = from_source("published", len(nothing))
    said = Statements(figures.segments, nothing, nothing, nothing, source)
    knowledge = understand(figures.key, catalogue, said, possible, np.zeros_like(possible))
    atoms = np.flatnonzero(possible)
    uncut = uncut_segments(catalogue, atoms, knowledge.class_of.ravel()[atoms])
    whole = knowledge.whole_classes(knowledge.atoms_in_classes(uncut))
    settled = (knowledge.null_space.of(whole) == 0).all(axis=1) & (np.diff(whole.indptr) > 0)
    solvable = np.zeros(len(catalogue), dtype=bool)
    solvable[uncut[settled]] = True
    return solvable
