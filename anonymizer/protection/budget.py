"""What a proof may cost, in steps of work rather than seconds, in numbers rather than bytes.

Steps are the same on a slow and on a fast machine, so equal input gives equal bytes on both.
The clock only stops a run that takes absurdly long, and then nothing is published.
"""

import time

from anonymizer.errors import Held

# About what one core of 2020 does: simplex iterations on a table of 10,000 people.
_STEPS_A_SECOND = 10_000
_BYTES_AN_ENTRY = 300  # of a basis of moves, with all that points to it
_PATIENCE = 20
_LEAST_SECONDS = 60.0


class Budget:
    """Steps left, and how many `entries` a basis of moves may have.

    A step is a simplex iteration or a move of the search.
    """

    def __init__(self, seconds: float, megabytes: float = 2_048) -> None:
        self.left = int(seconds * _STEPS_A_SECOND)
        self.entries = int(megabytes * 1_000_000 / _BYTES_AN_ENTRY)
        self._begin = time.monotonic()
        self._most_seconds = _LEAST_SECONDS + seconds * _PATIENCE

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._begin

    @property
    def exhausted(self) -> bool:
        """Nothing more may be proved; what is not proved is withheld."""
        return self.left <= 0

    def spend(self, steps: int) -> None:
        """Account for work done. Raises Held when the clock says that something is amiss."""
        self.left -= steps
        if self.seconds > self._most_seconds:
            raise Held(
                "proof_time",
                f"the proof of one table ran for {self._most_seconds:.0f} s, far beyond the "
                "proof_seconds allowed; raise them (effort.proof_seconds in policy.yaml, "
                "--proof-seconds of audience protect), or free the machine, and run again",
            )
