"""The direction of imports, as docs/architecture.md draws it."""

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("anonymizer", "pipelines", "data_samples")

# From the ground up: a module imports from its own layer or from those before it.
LAYERS = (
    ("errors", "escaping"),
    ("home", "periods", "configuration", "dimensions", "engines", "parallel", "reasons", "roles"),
    ("policy", "codings", "segments", "hierarchies", "secret", "files", "permissions"),
    (
        *("accounting", "plausibility", "tables", "explanation", "coarser"),
        *("chain", "seal", "entry_forms"),
    ),
    ("series", "windows"),
    ("proofs", "feasible"),
    ("audit", "protection"),
    ("subjects", "release", "cells", "ledger", "near_state", "gate", "release_folder"),
    ("public_ledger", "locking", "intake", "eligibility", "counting", "working_rows"),
    (
        *("retention", "erasure", "earlier", "decisions", "requests"),
        *("acceptances", "corrections"),
    ),
    ("publishing", "rights", "settings"),
    ("exports", "database"),
    ("verification",),
)


def modules() -> dict[str, Path]:
    found = {}
    for source in SOURCES:
        for path in (ROOT / source).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


@cache
def imported_names(module: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def imported_modules(module: str) -> frozenset[str]:
    return frozenset(name for name in imported_names(module) if name in MODULES)


def reached(module: str) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for name in imported_modules(waiting.pop()) - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def part(module: str) -> str:
    return (
        module.split(".")[1]
        if module.startswith("anonymizer.")
        else module.split(".", maxsplit=1)[0]
    )


def layer(name: str) -> int:
    return next(depth for depth, members in enumerate(LAYERS) if name in members)


def of_part(name: str) -> list[str]:
    return [module for module in MODULES if module.startswith(f"anonymizer.{name}")]


@pytest.mark.parametrize("module", sorted(m for m in MODULES if m.startswith("anonymizer.")))
def test_imports_go_down_only(module: str) -> None:
    if part(module) == "engines":
        assert not imported_modules(module) - {"anonymizer.engines", "sql", "anonymizer.errors"}
        return
    for name in imported_modules(module):
        if name in {"anonymizer", "anonymizer.engines"} or not name.startswith("anonymizer."):
            assert not name.startswith("pipelines"), f"{module} reaches up to {name}"
            continue
        assert layer(part(name)) <= layer(part(module)), f"{module} reaches up to {name}"


@pytest.mark.parametrize("forbidden", ["protection", "counting", "eligibility", "intake"])
def test_the_auditor_shares_nothing_with_what_it_audits(forbidden: str) -> None:
    for module in of_part("audit"):
        assert not {name for name in reached(module) if part(name) == forbidden}


CHECKER = (
    *("checker", "recount", "sharing", "witness_sums"),
    *("linked_checker", "linked_tables"),
)


def test_the_checker_shares_nothing_with_what_it_checks() -> None:
    own = {f"anonymizer.audit.{name}" for name in CHECKER}
    model = {"findings", "proofs", "tables", "segments", "policy", "periods", "dimensions"}
    allowed = own | {"anonymizer", "anonymizer.audit", "anonymizer.audit.findings"}
    allowed |= {f"anonymizer.{name}" for name in model}
    for module in own:
        assert imported_modules(module) <= allowed
        assert not {part(name) for name in reached(module)} & {"protection", "feasible", "counting"}


def test_who_shares_out_work_does_not_know_the_work() -> None:
    assert reached("anonymizer.parallel") == {"anonymizer.errors", "anonymizer.escaping"}


def test_protection_does_not_know_the_auditor() -> None:
    for module in of_part("protection"):
        assert not {name for name in reached(module) if part(name) == "audit"}


@pytest.mark.parametrize(
    ("library", "home"),
    [
        ("dagster", "pipelines"),
        ("typer", "pipelines"),
        ("duckdb", "anonymizer.engines.duckdb|anonymizer.database|anonymizer.rights"),
        ("sqlalchemy", "anonymizer.ledger"),
        ("cryptography", "anonymizer.seal"),
        ("xlsxwriter", "anonymizer.exports"),
        ("faker", "data_samples"),
    ],
)
def test_each_library_stays_in_its_place(library: str, home: str) -> None:
    users = {
        module
        for module in MODULES
        if any(name.split(".")[0] == library for name in imported_names(module))
    }
    allowed = tuple(home.split("|"))
    assert users, f"nobody uses {library}: is this test still about the product?"
    assert {user for user in users if not user.startswith(allowed)} == set()


def test_engines_are_handed_in() -> None:
    builders = {
        module
        for module in MODULES
        if module.startswith("anonymizer.") and "anonymizer.engines.duckdb.DuckDB" in
        imported_names(module)
    }  # fmt: skip
    for module in builders:
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        calls = [
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        assert "DuckDB" not in calls, f"{module} builds an engine of its own"


def test_package_files_re_export_nothing() -> None:
    for module, path in MODULES.items():
        if path.name == "__init__.py":
            others = {
                name
                for name in imported_names(module)
                if name.split(".")[0] not in sys.stdlib_module_names
            }
            assert not others, f"{module} re-exports"


def test_sql_files_hold_one_statement_with_a_header() -> None:
    for path in (ROOT / "sql").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("--"), f"{path.name} has no header comment"
        assert "_" in path.stem, f"{path.name} is not verb_object"
