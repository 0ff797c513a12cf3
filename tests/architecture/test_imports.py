"""The contracts of pyproject.toml (import-linter) hold, and what they cannot say about imports."""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

from importlinter import cli

from anonymizer.storage.engine import Engine

ROOT = Path(__file__).parents[2]
SOURCES = ("anonymizer", "audience", "cli", "officer", "pipelines", "portal", "data_samples")
TOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
CONTRACTS = {contract["name"]: contract for contract in TOOLS["importlinter"]["contracts"]}


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


def test_every_contract_is_kept() -> None:
    """As `make check` runs it."""
    assert cli.lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == 0


def top_level_packages() -> set[str]:
    return {init.parent.name for init in ROOT.glob("*/__init__.py")}


def lists_of_top_level_packages() -> dict[str, set[str]]:
    """Wherever the project lists its packages; `sql` has statements alone, and no code."""
    down = CONTRACTS["Imports go down from package to package"]["layers"]
    return {
        "the wheel": set(TOOLS["hatch"]["build"]["targets"]["wheel"]["packages"]),
        "import-linter": set(TOOLS["importlinter"]["root_packages"]),
        "the layers": {name for layer in down for name in layer.split(" | ")},
        "acyclic": {*CONTRACTS["No cycles"]["ancestors"], "sql"},
        "mypy": {*TOOLS["mypy"]["packages"], "sql"},
        "coverage": {*TOOLS["coverage"]["run"]["source"], "sql"},
        "these tests": {*SOURCES, "sql"},
    }


def test_every_top_level_package_is_in_every_list() -> None:
    """import-linter knows no exhaustive contract for packages that lie in no other."""
    found = top_level_packages()
    assert {"anonymizer", "cli", "sql"} < found
    for where, packages in lists_of_top_level_packages().items():
        assert packages == found, where


def test_packages_inside_others_are_layers_of_theirs() -> None:
    for name in ("Imports go down inside the library", "Imports go down inside the pipelines"):
        assert CONTRACTS[name]["exhaustive"] is True
        assert not {"exhaustive_ignores", "ignore_imports"} & set(CONTRACTS[name])


def test_no_cycle_is_excepted() -> None:
    """Not of imports inside functions either, which import-linter counts as well."""
    contract = CONTRACTS["No cycles"]
    assert not contract.get("ignore_imports")
    assert set(contract["ancestors"]) == set(SOURCES)


def test_the_page_draws_the_layers_that_are_checked() -> None:
    """Each row of the page is a layer, the top first."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    drawn = [
        set(re.findall(r"`(\w+)`", row)) for row in re.findall(r"^\| \d+ \|(.*)\|$", page, re.M)
    ]
    inside = [
        set(layer.split(" : "))
        for layer in CONTRACTS["Imports go down inside the library"]["layers"]
    ]
    assert drawn == [{"cli"}, {"officer"}, {"pipelines", "portal"}, {"audience"}, *inside]


def test_the_page_draws_the_packages_of_pipelines() -> None:
    """In the order of their contract, and the files that it names are there."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    _, _, section = page.partition("\n## Inside pipelines\n")
    rows = re.findall(r"^\| (`.*?) \| (.*) \|$", section.partition("\n## ")[0], re.M)
    layers = CONTRACTS["Imports go down inside the pipelines"]["layers"]
    assert [re.findall(r"`(\w+)`", row) for row, _ in rows] == [one.split(" | ") for one in layers]
    for row, text in rows:
        folder = ROOT / "pipelines" / row.strip("`")
        for name in re.findall(r"`(\w+\.py)`", text):
            assert (folder / name).exists(), f"{row}: {name}"


def test_no_module_imports_relatively() -> None:
    for module in MODULES:
        imported_names(module)


def test_an_import_inside_a_function_says_why() -> None:
    """Modules import at the top; what is optional, or heavy and seldom needed, says so."""
    unexplained = []
    for module, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        inside = {
            node.lineno
            for function in ast.walk(ast.parse(text))
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        unexplained += [
            f"{module}:{number}"
            for number in sorted(inside)
            if not re.search(r"# noqa: PLC0415  \w+", lines[number - 1])
        ]
    assert not unexplained


def test_engines_need_errors_and_statements_alone() -> None:
    for module in MODULES:
        if module.startswith("anonymizer.storage.engines."):
            own = {
                "anonymizer.storage.engine",
                "anonymizer.storage.engines",
                "anonymizer.model.errors",
                "anonymizer.model.escaping",
                # Spark's translates what DuckDB's reads.
                *(name for name in MODULES if name.startswith("anonymizer.storage.engines.")),
            }
            assert reached(module) <= own


CHECKER = CONTRACTS["The checker uses no finder and no solver"]["source_modules"]


def test_the_checker_imports_what_is_listed_here_alone() -> None:
    model = {"proofs", "released", "tables", "segments", "policy", "periods", "dimensions"}
    own = {"anonymizer.audit", "anonymizer.audit.checker_limits", "anonymizer.audit.findings"}
    allowed = {*CHECKER, *own, "anonymizer"}
    allowed |= {"anonymizer.model", *(f"anonymizer.model.{name}" for name in model)}
    for module in CHECKER:
        assert imported_modules(module) <= allowed
        others = {name for name in imported_names(module) if name.startswith("scipy.")}
        assert {name.split(".")[1] for name in others} <= {"sparse"}, "no solver of SciPy's either"


def test_who_shares_out_work_does_not_know_the_work() -> None:
    assert reached("anonymizer.storage.processes") == {
        "anonymizer.model.errors",
        "anonymizer.model.escaping",
        "anonymizer.storage",
        "anonymizer.storage.storage_limits",
    }


def test_the_public_package_needs_the_library_alone() -> None:
    """Its Dagster component, which is imported by its own name, may need more."""
    for module in ("audience", *imported_modules("audience")):
        assert not {name for name in reached(module) if name.startswith("pipelines")}


def test_engines_are_handed_in() -> None:
    builders = {
        module
        for module in MODULES
        if module.startswith("anonymizer.") and "anonymizer.storage.engines.duckdb.DuckDB" in
        imported_names(module)
    }  # fmt: skip
    for module in builders:
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        calls = [
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        if module == "anonymizer.sources.mapped_source":
            continue  # a reader: one in memory for the statement of a file, which never spills
        assert "DuckDB" not in calls, f"{module} builds an engine of its own"


def test_signatures_name_the_protocol_of_engines() -> None:
    """The class stands only where one is built."""
    for module, path in MODULES.items():
        if module == "anonymizer.storage.engines.duckdb":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        named = [
            node.lineno
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id == "DuckDB" and id(node) not in called
        ]
        assert not named, f"{module}:{named}"


def test_the_protocol_of_engines_asks_for_what_is_used_alone() -> None:
    asked = {
        name
        for name in vars(Engine)
        if callable(getattr(Engine, name)) and not name.startswith("_")
    }
    text = "".join(
        path.read_text(encoding="utf-8")
        for module, path in MODULES.items()
        if not module.startswith("anonymizer.storage.engine")
    )
    assert asked <= set(re.findall(r"(?:engine|raw|sql|database)\.(\w+)\(", text))


def test_only_the_public_package_re_exports() -> None:
    for module, path in MODULES.items():
        if path.name == "__init__.py" and module != "audience":
            others = {
                name
                for name in imported_names(module)
                if name.split(".")[0] not in sys.stdlib_module_names
            }
            assert not others, f"{module} re-exports"


def test_every_package_begins_with_what_it_is() -> None:
    """In one line that a newcomer can recite, and that is not that of another package."""
    said: dict[str, str] = {}
    for source in (*SOURCES, "sql"):
        for init in sorted((ROOT / source).rglob("__init__.py")):
            package = init.parent.relative_to(ROOT).as_posix()
            tree = ast.parse(init.read_text("utf-8"))
            line = (ast.get_docstring(tree) or "").partition("\n")[0]
            assert 30 < len(line) < 100, f"{package}: {line!r}"
            assert line.endswith("."), package
            assert line not in said, f"{package} and {said[line]}"
            said[line] = package


def test_sql_files_hold_one_statement_with_a_header() -> None:
    for path in (ROOT / "sql").glob("*.sql"):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("--"), f"{path.name} has no header comment"
        assert "_" in path.stem, f"{path.name} is not verb_object"
