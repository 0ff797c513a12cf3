"""Names in code: the glossary's words, one meaning a name, modules that are nouns."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("anonymizer", "audience", "cli", "data_samples", "officer", "pipelines", "portal")
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")

# `held` is the glossary's word for a day; in these packages it had other meanings.
RETIRED_THERE = {
    f"anonymizer/{package}/*": frozenset({"held"}) for package in ("feasible", "suppression")
}
RETIRED_THERE["anonymizer/audit/*"] = frozenset({"held"})

# The public part of a ledger entry is a column and a field of that name; old ledgers have it.
ALLOWED = {
    "anonymizer/release/chain.py": frozenset({"shown"}),
    "anonymizer/release/ledger.py": frozenset({"shown"}),
    "anonymizer/release/public_ledger.py": frozenset({"shown"}),
}

# Standard terms of the field that end as participles do.
NOUNS = {
    "accounting": "row accounting: what became of every row",
    "differencing": "the attack by subtraction (statistical disclosure control)",
    "escaping": "escaping of characters",
    "proportional_fitting": "iterative proportional fitting",
    "quoting": "quoting of CSV fields (RFC 4180)",
    "rounding": "random rounding (statistical disclosure control)",
}


def retired_words() -> frozenset[str]:
    """The first column of the glossary's last table."""
    rows = GLOSSARY.split("## Retired words", 1)[1].splitlines()
    found = [re.findall(r"`([a-z_]+)`", row.split("|")[1]) for row in rows if row.startswith("| `")]
    return frozenset(word for row in found for word in row)


RETIRED = retired_words()


def files() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


FILES = files()
STATEMENTS = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "sql").glob("*.sql"))}


def words(name: str) -> list[str]:
    """`_MostShown_in` is most, shown, in."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)
    return [part.lower() for part in parts]


def names(path: str, text: str) -> Iterator[str]:
    """All that a module gives a name: itself, functions, classes, arguments, variables."""
    yield from Path(path).with_suffix("").parts
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def retired_names(path: str, text: str) -> set[str]:
    retired = set(RETIRED - ALLOWED.get(path, frozenset()))
    for pattern, more in RETIRED_THERE.items():
        if fnmatch(path, pattern):
            retired |= more
    return {
        name
        for name in names(path, text)
        if retired.intersection(words(name))
        or any("_" in word and word in name.lower() for word in retired)
    }


def names_in_sql(path: str, text: str) -> set[str]:
    """The file's and all identifiers, of columns, relations and macros, without what is quoted."""
    code = re.sub(r"--[^\n]*|'[^']*'", " ", text)
    return {Path(path).stem, *re.findall(r"[a-z_][a-z0-9_]*", code.lower())}


def retired_in_sql(path: str, text: str) -> set[str]:
    return {name for name in names_in_sql(path, text) if RETIRED.intersection(words(name))}


def repeated(found: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def classes_by_name(sources: Mapping[str, str]) -> dict[str, list[str]]:
    """A leading underscore makes no other name."""
    found = defaultdict(list)
    for path, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                found[node.name.lstrip("_")].append(path)
    return found


def files_by_name(paths: Mapping[str, str]) -> dict[str, list[str]]:
    """Without `cli/commands/`: a module there is named after the command that users type."""
    found = defaultdict(list)
    for path in paths:
        name = Path(path).name
        if name != "__init__.py" and not path.startswith("cli/commands/"):
            found[name].append(path)
    return found


def participles(paths: Mapping[str, str]) -> set[str]:
    return {path for path in paths if Path(path).stem.endswith("ing")} - {
        path for path in paths if Path(path).stem in NOUNS
    }


def test_the_glossary_has_the_retired_words() -> None:
    assert {"goals", "wishes", "outsider", "taking_in", "upkeep"} <= RETIRED


@pytest.mark.parametrize("path", FILES)
def test_no_retired_word_is_a_name(path: str) -> None:
    assert not retired_names(path, FILES[path])


@pytest.mark.parametrize(
    "text",
    [
        "def mend(table): ...",
        "class Wishes: ...",
        "def f(told): ...",
        "most_shown = 1",
        "self._places = ()",
        "from anonymizer.feasible import x as outsider",
        "def taking_in(): ...",
    ],
)
def test_a_retired_word_is_found(text: str) -> None:
    assert retired_names("anonymizer/release/gate.py", text)


def test_a_retired_word_is_found_in_the_name_of_a_module() -> None:
    assert retired_names("anonymizer/feasible/departures.py", "")
    assert retired_names("anonymizer/feasible/held_tables.py", "")
    assert not retired_names("pipelines/checks/held_days.py", "")


@pytest.mark.parametrize("path", STATEMENTS)
def test_no_retired_word_is_a_name_in_sql(path: str) -> None:
    assert not retired_in_sql(path, STATEMENTS[path])


def test_a_retired_word_is_found_in_sql() -> None:
    assert retired_in_sql("list_links.sql", "-- Links.\nSELECT p.url FROM Places AS p")
    assert retired_in_sql("list_links.sql", "-- Links.\nSELECT url AS most_shown FROM links")
    assert retired_in_sql("list_layers.sql", "SELECT 1")
    assert not retired_in_sql("list_links.sql", "-- Links of places.\nSELECT 'places'")


@pytest.mark.parametrize("page", ["README.md", "benchmarks/README.md", "data_samples/README.md"])
def test_pages_of_developers_use_no_retired_name(page: str) -> None:
    """Words that are also plain English, such as `places`, are retired as names alone."""
    plain = {"around", "beside", "nobody", "due", "places", "told", "sums", "moves", "shown"}
    plain |= {"solved", "divided", "essential", "aim", "aims", "goal", "goals", "settled", "walk"}
    text = (ROOT / page).read_text("utf-8").lower()
    assert not (RETIRED - plain).intersection(re.findall(r"[a-z_]+", text))


def test_each_exemption_is_needed() -> None:
    for path, exempt in ALLOWED.items():
        assert exempt <= {word for name in names(path, FILES[path]) for word in words(name)}


def test_no_class_name_has_two_meanings() -> None:
    assert not repeated(classes_by_name(FILES))
    assert repeated(classes_by_name({"a.py": "class Held: ...", "b.py": "class _Held: ..."}))


def test_no_file_name_is_used_twice() -> None:
    assert not repeated(files_by_name(FILES))
    assert repeated(files_by_name({"pipelines/landing.py": "", "anonymizer/intake/landing.py": ""}))


def sizes(text: str) -> Iterator[str]:
    """Numbers, or tuples and times of numbers, that a module sets under a name like a size's."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and _is_number(node.value):
            parts = (part for target in node.targets for part in ast.walk(target))
            names = {part.id for part in parts if isinstance(part, ast.Name)}
            yield from (name for name in names if SIZE_WORDS.intersection(words(name)))


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return type(node.value) in {int, float}
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    if isinstance(node, ast.Tuple):
        return all(map(_is_number, node.elts))
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "timedelta"


SIZE_WORDS = frozenset(
    """attempts budget bytes chunk enough examples fewest grace kept largest least limit listed
    longest megabytes most once patience pause pauses remembered rounds rows seconds seed small
    steps tries work""".split()  # noqa: SIM905  a list of words
)

# Packages whose sizes and times are in one module, and what in them is no matter of choice.
TUNED = (
    *(f"anonymizer/{name}" for name in ("audit", "delivery", "exports", "feasible", "intake")),
    *(f"anonymizer/{name}" for name in ("release", "sources", "storage", "suppression")),
    *("cli", "officer", "pipelines", "portal"),
)
DEFINITIONS = {
    "_BYTES_PER_CHARACTER": "UTF-8",
    "_FEWEST_BLOCKS": "what a sketch is",
    "_FEWEST_RSA_DIGITS": "of a key that is safe",
    "_HEADER_BYTES": "of an SQLite file",
    "_HOST_BYTES": "of a random name",
    "_ID_BYTES": "of a token",
    "_LARGEST": "numbers with which arithmetic stays exact",
    "_LARGEST_STEP": "of a logarithm: the method",
    "_LEAST": "of a person: the method",
    "_LONGEST": "names of exports, which stay as they are",
    "_LONGEST_LABEL": "DNS",
    "_LONGEST_OPEN": "of the policy's longest period that stays open",
    "_LONGEST_ESTIMATED": "of the library that estimates guesses",
    "_LONGEST_PORT": "TCP",
    "_LONGEST_SUBJECT": "OpenID Connect",
    "_MOST": "64 bits",
    "_MOST_COMBINATIONS": "64 bits",
    "_MOST_LABELS": "of a drawing",
    "_MOST_FIGURES": "of what the checker verifies as one",
    "_MOST_KEYS": "the key and the first one",
    "_MOST_LINES": "of a page of paper",
    "_MOST_PADDING": "of a TC string",
    "_MOST_PEOPLE": "32 bits",
    "_MOST_REGIONS": "what the overview has",
    "_MOST_TABLES": "of what the checker verifies as one",
    "_NO_LIMIT": "a number that is none",
    "_NUMBER_BYTES": "of Parquet",
    "_SECRET_BYTES": "of a token",
    "_STEPS": "of an axis",
    "_VARINT_BYTES": "of Parquet",
    "KEY_BYTES": "of a key",
    "LONGEST_NAME": "of the contract",
    "LONGEST_PROPERTY": "of spreadsheet programs",
    "MOST_PEOPLE": "of the format of a published file",
    "MOST_SEGMENTS": "of the format of a published file",
}


@pytest.mark.parametrize("package", TUNED)
def test_sizes_of_a_package_are_in_one_place(package: str) -> None:
    """Its `*_limits.py`, which says of each what it counts and why so many."""
    for path, text in FILES.items():
        if path.startswith(f"{package}/") and not path.endswith("_limits.py"):
            assert set(sizes(text)) <= set(DEFINITIONS), path


def test_a_size_elsewhere_is_found() -> None:
    text = "_MOST_ROWS, _B = 1 << 20, 5\nPAUSE = timedelta(hours=2)\n_NAMES = 3\nX_SECONDS = f(2)"
    assert set(sizes(text)) == {"_MOST_ROWS", "PAUSE"}


def test_each_definition_is_there() -> None:
    tuned = [text for path, text in FILES.items() if path.startswith(TUNED)]
    assert set(DEFINITIONS) <= {name for text in tuned for name in sizes(text)}


LIMITS = [path for path in FILES if path.endswith("_limits.py")]


@pytest.mark.parametrize("path", LIMITS)
def test_each_size_names_the_modules_that_use_it(path: str) -> None:
    """In the heading above it, or behind it."""
    module, folder = Path(path).stem, Path(path).parent.as_posix()
    users = defaultdict(set)
    for other, text in FILES.items():
        if other.startswith(folder):
            for name in re.findall(rf"\b{module}\.([A-Z_]+)", text):
                users[name].add(Path(other).stem)
    for section in re.split(r"\n\n(?=# )", FILES[path])[1:] or FILES[path].splitlines():
        defined = re.findall(r"^([A-Z_]+) =", section, re.M)
        said = re.search(r"\((\w+(?:,[\s#]+\w+)*)\)$", section, re.M)
        if defined:
            assert said, section
            assert set(re.findall(r"\w+", said[1])) == set().union(*(users[one] for one in defined))


@pytest.mark.parametrize("path", LIMITS)
def test_each_size_says_what_it_counts(path: str) -> None:
    """Behind it or, if it has no room there, above it."""
    lines = FILES[path].splitlines()
    for above, line in pairwise(lines):
        if re.match(r"[A-Z_]+ =", line):
            assert "  # " in line or above.startswith("# ") or "SEED" in line, line


def test_a_command_module_is_named_after_a_command() -> None:
    """`common` has the options that they share."""
    commands = set(re.findall(r'^    "([a-z-]+)": "', FILES["cli/main.py"], re.M))
    for path in FILES:
        stem = Path(path).stem
        if path.startswith("cli/commands/") and stem not in {"__init__", "common"}:
            assert stem.replace("_", "-") in commands, path


def test_modules_are_no_participles() -> None:
    assert not participles(FILES)
    assert participles({"anonymizer/intake/gathering.py": ""})
    assert {Path(path).stem for path in FILES} >= set(NOUNS), "each noun is the name of a module"
