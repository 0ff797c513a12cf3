"""Each dependency has its reason in decision 2."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
DECISION = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9-]+", requirement) for requirement in requirements)
    return {match[0].lower() for match in found if match} - {PROJECT["name"]}


def test_every_dependency_has_its_reason() -> None:
    asked = names(PROJECT["dependencies"])
    for extra, requirements in PROJECT["optional-dependencies"].items():
        if extra != "dev":
            asked |= names(requirements)
    explained = set(re.findall(r"[\w-]+", DECISION.lower()))
    assert len(asked) > 15
    assert not asked - explained


def test_every_extra_is_named() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"dev"}
    for extra in extras:
        assert f"(extra `{extra}`)" in DECISION, extra
