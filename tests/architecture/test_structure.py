"""The structure in numbers, on the architecture page, is about that of the code.

Exactly would mean a new table with every change: the page may be out by a fifth.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from test_imports import CONTRACTS, MODULES, ROOT, imported_modules

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
# `defs` has no code.
PARTS = {
    module
    for module, path in MODULES.items()
    if module.startswith("pipelines.") and path.name == "__init__.py"
} - {"pipelines.defs"}
A_SCREEN = 60  # lines
OUT_BY, OUT_BY_AT_LEAST = 0.2, 2


@dataclass
class Size:
    """Modules without `__init__`, their lines, and the packages that they import."""

    modules: int = 0
    lines: int = 0
    imported: set[str] = field(default_factory=set)

    @property
    def numbers(self) -> tuple[int, int, int]:
        return self.modules, self.lines, len(self.imported)


def package_of(module: str) -> str:
    """In the library and in `pipelines/` those inside it, else the package itself."""
    first, *rest = module.split(".")
    if first == "anonymizer" and rest:
        return rest[0]
    inside = [f"pipelines/{name}" for name in rest[:1] if f"pipelines.{name}" in PARTS]
    return inside[0] if first == "pipelines" and inside else first


def measured() -> dict[str, Size]:
    sizes: dict[str, Size] = {}
    for module, path in MODULES.items():
        if module == "anonymizer":
            continue
        package = package_of(module)
        size = sizes.setdefault(package, Size())
        size.modules += path.name != "__init__.py"
        size.lines += len(path.read_text(encoding="utf-8").splitlines())
        size.imported |= {package_of(name) for name in imported_modules(module)}
        size.imported -= {package, "anonymizer"}
    return sizes


def drawn() -> dict[str, tuple[int, ...]]:
    rows = re.findall(r"^\| `([\w/]+)` \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.M)
    return {name: tuple(int(text.replace(",", "")) for text in numbers) for name, *numbers in rows}


def is_about(drawn: int, measured: int) -> bool:
    return abs(drawn - measured) <= max(OUT_BY * measured, OUT_BY_AT_LEAST)


def table() -> str:
    """What the page should have."""
    rows = sorted(measured().items(), key=lambda item: -item[1].lines)
    return "\n".join(
        f"| `{name}` | {size.modules} | {size.lines:,} | {len(size.imported)} |"
        for name, size in rows
    )


def test_the_page_has_about_the_numbers_of_the_code() -> None:
    sizes, page = measured(), drawn()
    assert set(page) == set(sizes), table()
    for name, size in sizes.items():
        numbers = zip(page[name], size.numbers, strict=True)
        assert all(is_about(*pair) for pair in numbers), f"{name}; now:\n{table()}"


def test_the_page_has_about_the_sums() -> None:
    sizes = measured().values()
    found = re.search(
        r"([\d,]+) modules, ([\d,]+) lines, ([\d,]+) imports between modules and ([\d,]+) between "
        r"packages;\s+(\d+) layers",
        PAGE,
    )
    assert found, "the page sums up"
    before_and_after = f"{found[1]}; {found[2]} |", f"{found[3]} |"
    assert all(re.search(rf"^\| .* \| {re.escape(now)}$", PAGE, re.M) for now in before_and_after)
    modules, lines, imports, arrows, layers = (int(one.replace(",", "")) for one in found.groups())
    assert is_about(modules, sum(size.modules for size in sizes))
    assert is_about(lines, sum(size.lines for size in sizes))
    assert is_about(imports, sum(len(imported_modules(module)) for module in MODULES))
    assert is_about(arrows, sum(len(size.imported) for size in sizes))
    assert layers == len(re.findall(r"^\| \d+ \|", PAGE, re.M))


def function_lengths() -> Iterator[tuple[int, str]]:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield node.end_lineno - node.lineno + 1, f"{module}.{node.name}"


def test_each_function_is_seen_on_a_screen() -> None:
    """With its signature and docstring; what has many options names their types above."""
    longest = max(function_lengths())
    assert longest[0] <= A_SCREEN, longest
    found = re.search(r"^\| longest function, in lines \| .* \| (\d+) \|$", PAGE, re.M)
    assert found is not None
    assert is_about(int(found[1]), longest[0])


def test_no_cycle_is_as_the_page_says() -> None:
    assert "no cycle, and no name of a class or file that is used twice" in PAGE.replace("\n", " ")
    assert not CONTRACTS["No cycles"].get("ignore_imports")


def test_a_page_that_is_wrong_is_found() -> None:
    assert not is_about(100, 130)
    assert is_about(100, 120)
