"""Each package has one interface: the modules that its first lines name for other packages.

Whatever else it has can be changed with a look at the package alone.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from test_imports import MODULES, SOURCES, imported_modules, imported_names
from test_structure import package_of

_SENTENCE = re.compile(r"[Oo]ther packages import (every module|[`\w.,\s]+?)\.(?:\s|$)")


def path_of(package: str) -> str:
    """`stages` of `pipelines/stages` is `pipelines.stages`."""
    inside = f"anonymizer.{package}"
    return inside if inside in MODULES else package.replace("/", ".")


def modules_of(imports: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """By package, the modules of it that other packages import, named from within it."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, imported in imports.items():
        for name in imported:
            package = package_of(name)
            if package != package_of(module) and MODULES[name].name != "__init__.py":
                found[package].add(name.removeprefix(f"{path_of(package)}."))
    return found


def declared(package: str, modules: Set[str]) -> set[str]:
    text = ast.get_docstring(ast.parse(MODULES[path_of(package)].read_text("utf-8"))) or ""
    said = _SENTENCE.search(text)
    if said is None:
        return set()
    return set(modules) if said[1] == "every module" else set(re.findall(r"`([\w.]+)`", said[1]))


USED = modules_of({module: imported_modules(module) for module in MODULES})
INSIDE: dict[str, set[str]] = defaultdict(set)
for one in MODULES:
    if one != "anonymizer" and MODULES[one].name != "__init__.py":
        INSIDE[package_of(one)].add(one.removeprefix(f"{path_of(package_of(one))}."))


def test_other_packages_import_what_a_package_says_alone() -> None:
    """And what it says is needed: no module is public for nobody."""
    for package, modules in INSIDE.items():
        said = declared(package, modules)
        problem = f"the first lines of {path_of(package)}"
        assert not USED[package] - said, f"{problem} have to name these"
        assert not said - USED[package], f"{problem} name these, which nobody else imports"


def test_a_module_that_is_not_named_is_found() -> None:
    used = modules_of(
        {"cli.whatif": ["anonymizer.suppression.threshold", "anonymizer.suppression"]}
    )
    assert used == {"suppression": {"threshold"}}
    assert "threshold" not in declared("suppression", INSIDE["suppression"])


def test_a_leading_underscore_is_for_the_module_alone() -> None:
    for module in MODULES:
        names = {name for name in imported_names(module) if name.partition(".")[0] in SOURCES}
        assert not {name for name in names if re.search(r"\._[a-zA-Z]", name)}, module
