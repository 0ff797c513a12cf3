"""The product's own suppression as the system under attack."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from population import catalogue
from worlds import Census

from anonymizer.model.policy import Effort, Promise
from anonymizer.model.proofs import Representatives
from anonymizer.model.tables import Figures
from anonymizer.storage.processes import ALONE
from anonymizer.storage.secret import Secret
from anonymizer.suppression.release_suppression import ReleaseTerms, state_of, suppress_release


@dataclass
class Product:
    """Threshold, near sets, rounding and secondary suppression, release after release."""

    promise: Promise
    secret: Secret
    _history: list[Representatives] = field(default_factory=list)

    def release(self, tables: Sequence[Census]) -> Sequence[Figures]:
        """What the product publishes of the tables of one period."""
        terms = ReleaseTerms(catalogue(), self.promise, self.secret, Effort())
        suppressed = suppress_release(tables, self._history, terms, ALONE)
        self._history.append(state_of(suppressed, self.promise))
        return [table.figures for table in suppressed]
