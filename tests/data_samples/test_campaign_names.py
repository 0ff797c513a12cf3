"""A campaign can be asked for by its name: no two of a world have the same."""

import pytest

from data_samples.campaigns import draw_campaigns
from data_samples.world import SMALL, WorldOptions


@pytest.mark.parametrize("options", [SMALL, WorldOptions(), WorldOptions(campaigns=400)])
def test_no_two_campaigns_have_the_same_name(options: WorldOptions) -> None:
    names = [campaign.name for campaign in draw_campaigns(options)]
    assert len(names) == len(set(names)) == options.campaigns
