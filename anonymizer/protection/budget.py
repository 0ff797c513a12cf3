"""What a proof may cost, counted in steps of work rather than seconds.

Steps are the same on a slow and on a fast machine, so equal input gives equal bytes on both.
The clock only stops a run that takes absurdly long, and then nothing is published.
"""

import time

from anonymizer.errors import Held

# About what one core of 2020 does: simplex iterations on a table of 10,000 people.
_STEPS_A_SECOND = 10_000
_PATIENCE = 20
_LEAST_SECONDS = 60.0


class Budget:
    """Steps left. A step is a simplex iteration or a move of the search."""

    def __init__(self, seconds: float) -> None:
        self.left = int(seconds * _STEPS_A_SECOND)
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
