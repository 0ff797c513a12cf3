"""What a proof may cost, in units of work rather than seconds, in numbers rather than bytes.

A unit is a simplex iteration or a move of people, which is the same on a slow and on a fast
machine, so that equal input gives equal bytes on both. No clock decides anything.
"""

_BYTES_AN_ENTRY = 300  # of a basis of moves, with all that points to it


class Budget:
    """Units of work left, and how many `entries` a basis of moves may have."""

    def __init__(self, work: int, megabytes: float = 2_048) -> None:
        self.left = work
        self.entries = int(megabytes * 1_000_000 / _BYTES_AN_ENTRY)

    @property
    def exhausted(self) -> bool:
        """Nothing more may be proved; what is not proved is suppressed."""
        return self.left <= 0

    def spend(self, work: int) -> None:
        """Account for work done."""
        self.left -= work
