"""HiGHS, set up so that equal programs have equal answers on every machine."""

import highspy
from highspy._core import _Highs

from anonymizer.errors import Held

_OPTIONS: dict[str, bool | int | str] = {
    "output_flag": False,
    "threads": 1,
    "parallel": "off",
    "random_seed": 0,
    "solver": "simplex",
}


def quiet_solver(**options: bool | int | str) -> _Highs:
    """A solver without a program."""
    solver = _Highs()  # the wrapper around it prints a banner when it is built
    for option, value in (_OPTIONS | options).items():
        solver.setOptionValue(option, value)
    return solver


def solve(solver: _Highs) -> int:
    """Solve; the iterations it took. Raises Held if the solver refuses to work: no answer."""
    if solver.run() == highspy.HighsStatus.kError:
        raise Held(
            "solver",
            "HiGHS refused to run; in one process it takes one number of threads for all of "
            "its users, and protection needs 1: run protection in a process of its own",
        )
    return max(0, int(solver.getInfo().simplex_iteration_count))
