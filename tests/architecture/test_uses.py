"""Code without callers: every name of a module is used by the product, not by its tests alone."""

import ast
import re
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("anonymizer", "audience", "cli", "data_samples", "officer", "pipelines", "portal")
# Not part of the product, but as little a test: what developers and users run.
RUN_BY_HAND = ("benchmarks", "examples", "website")

# Dagster reads it from the module.
CALLED_FROM_OUTSIDE = {"pipelines/definitions.py": {"defs"}}
OWN_DECORATORS = {"cache", "cached_property", "contextmanager", "property", "staticmethod"}
OWN_DECORATORS |= {"classmethod", "dataclass"}


def sources(*folders: str) -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def defined(tree: ast.Module, classes: Set[str]) -> Iterator[str]:
    """Names of a module and of the methods of its classes, as far as nobody else calls them.

    Frameworks call what they decorate, and methods that override those of their classes.
    """
    for node in tree.body:
        yield from _named(node)
        if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} <= classes:
            for own in node.body:
                if isinstance(own, ast.FunctionDef):
                    yield from _named(own)


def _named(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        decorators = {ast.unparse(one).split("(")[0] for one in node.decorator_list}
        names = [node.name] if decorators <= OWN_DECORATORS else []
    else:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        parts = (part for target in targets if target for part in ast.walk(target))
        names = [part.id for part in parts if isinstance(part, ast.Name)]
    yield from (name for name in names if not name.startswith("__"))


def used(tree: ast.Module) -> set[str]:
    """Names that are read or imported, and words of short texts: annotations, names of fields."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value.replace(" | ", "|")
            found.update(re.findall(r"\w+", text) if " " not in text else ())
    return found


def without_use(product: Mapping[str, str], more: Mapping[str, str]) -> set[str]:
    """`path:name` of what only its own definition mentions."""
    trees = {path: ast.parse(text) for path, text in product.items()}
    uses = set[str]().union(*map(used, (*trees.values(), *map(ast.parse, more.values()))))
    classes = {
        node.name
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    } | {"ABC", "Protocol"}
    return {
        f"{path}:{name}"
        for path, tree in trees.items()
        for name in defined(tree, classes)
        if name not in uses | CALLED_FROM_OUTSIDE.get(path, set())
    }


def test_every_name_has_a_use() -> None:
    assert not without_use(sources(*PRODUCT), sources(*RUN_BY_HAND))


def test_a_name_without_a_use_is_found() -> None:
    text = "_A, B = 1, 2\ndef f(): ...\nclass C:\n    def g(self): return B\n"
    assert without_use({"a.py": text}, {}) == {"a.py:_A", "a.py:f", "a.py:C", "a.py:g"}
    assert without_use({"a.py": text}, {"b.py": "from a import C, _A, f\nC().g()"}) == set()


def test_every_program_that_tests_name_is_needed_by_one() -> None:
    named = re.findall(
        r'^    "(\w+)": SystemPackage', (ROOT / "tests/system_packages.py").read_text("utf-8"), re.M
    )
    tests = "".join(sources("tests").values())
    needed = "".join(re.findall(r"mark\.needs\(([^)]*)\)", tests))
    assert {name for name in named if f'"{name}"' not in needed} == set()
