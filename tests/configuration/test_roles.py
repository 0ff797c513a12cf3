"""The section `roles` of the policy: which login has which role."""

import pytest

from anonymizer.model.errors import ConfigurationError
from anonymizer.model.policy import Policy
from anonymizer.model.roles import Roles

TEXT = "roles:\n  privacy_officer: [ratna]\n  data_engineer: [budi, ratna]\n"


def test_a_login_has_the_roles_that_list_it() -> None:
    roles = Policy.parse(TEXT).roles
    assert roles == Roles({"privacy_officer": ("ratna",), "data_engineer": ("budi", "ratna")})
    assert roles.of("ratna") == ("privacy_officer", "data_engineer")
    assert roles.of("budi") == ("data_engineer",)
    assert roles.of("Budi") == ()


@pytest.mark.parametrize("text", ["", "roles: {}\n", "roles: {ad_ops: []}\n"])
def test_without_logins_no_role_is_configured(text: str) -> None:
    assert not Policy.parse(text).roles
    assert Policy.parse(TEXT).roles


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("boss: [ratna]", "roles.boss"),
        ("ad_ops: ratna", "roles.ad_ops"),
        ("ad_ops: ['']", "roles.ad_ops.0"),
        ("ad_ops: [' ratna']", "roles.ad_ops.0"),
        ("ad_ops: [7]", "roles.ad_ops.0"),
    ],
)
def test_an_unknown_role_or_login_is_refused_with_its_line(line: str, place: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Policy.parse(f"provider: Example\nroles:\n  {line}\n")
    (fault,) = refused.value.faults
    assert fault.place.startswith(f"policy.yaml:3 {place}")


def test_roles_bear_on_no_figure() -> None:
    """A new colleague makes no new settings, and a period that has begun takes today's roles."""
    assert Policy.parse(TEXT).digest == Policy().digest
    assert Policy().running_as(Policy.parse(TEXT)).roles.of("budi") == ("data_engineer",)
