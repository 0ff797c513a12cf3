"""What the product publishes of small tables proves no cell to be small, by full enumeration."""

import numpy as np
import pytest
from checker_worlds import People, findings_of, promise, suppressed
from small_releases import CATALOGUE, judged, small_release, too_small


@pytest.mark.alternate("second opinion")
def test_no_cell_of_a_small_release_is_proved_to_have_too_few_people():
    found = [judged(small_release(seed)) for seed in range(40)]
    assert not any(one.refused or one.small for one in found)
    assert sum(one.published for one in found) > 100
    assert sum(one.shared for one in found) > 20


def test_the_enumeration_and_the_checker_notice_a_cell_that_is_too_small():
    """Everybody and all but two of them, both in exact figures: a subtraction."""
    rules = promise(k=3, k_jitter=0, rounding=1, inference_k=3, near_jitter=0)
    everybody = People.of(np.repeat(np.arange(4), [6, 6, 6, 2]), 1)
    release = suppressed(CATALOGUE, [everybody.table(CATALOGUE, np.arange(20))], rules)
    assert not too_small(release, 0)
    segments = sorted(CATALOGUE.positions.items(), key=lambda item: item[1])
    counts = {
        code: int(people)
        for code, position in segments
        if (people := _people(release, position)) >= rules.k
    }
    everything = release.with_figures(counts)
    assert too_small(everything, 0)
    assert findings_of(everything)
    assert not findings_of(release)


def _people(release, segment):
    counted = release.claims[0].counted
    return counted.people[np.ix_(*(g.leaves for g in CATALOGUE.groups(segment)))].sum()
