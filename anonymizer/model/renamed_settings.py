"""Settings of `policy.yaml` that have other names now, and how a file gets the present ones.

A setting is renamed once. Its value and meaning stay, so a text with the earlier names can be read
for what it says: the ledger keeps such texts for ever. Whatever else stands in a file, comments
above all, is not touched: names are replaced in place, and the result is proved by parsing both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import yaml

from anonymizer.model.errors import ConfigurationError, Fault

FORMAT = 2  # of `policy.yaml`: which names its settings have
_KEY, _MERGE = "format", "tag:yaml.org,2002:merge"
# Names of format 1 by their full path, and the present name of the last part.
RENAMED: Mapping[tuple[str, ...], str] = {
    ("plausibility", "fewest_days"): "min_days",
    ("plausibility", "fewest_rows"): "min_rows",
    ("plausibility", "fewest_visits"): "min_visits_ratio",
    ("plausibility", "most_visits"): "max_visits_ratio",
    ("plausibility", "smallest_snapshot"): "min_snapshot_ratio",
    ("plausibility", "share_change"): "max_share_change",
    ("plausibility", "share_change_of_campaigns"): "max_campaign_share_change",
    ("plausibility", "share_changes"): "max_share_change_by_reason",
    ("plausibility", "share_without_history"): "max_share_without_history",
    ("plausibility", "wider"): "other_weekdays_factor",
}
# Lines of comment that `audience init` wrote with earlier names; the owner's own lines stay.
_COMMENTS = {
    "  # A day is compared with the same weekdays of so many weeks before; with fewer than "
    "fewest_days of": "  # A day is compared with the same weekdays of so many weeks before; with "
    "fewer than min_days of",
    "  # these, with all days before, with limits that are `wider` times as wide.": "  # these, "
    "with all days before, with limits that are other_weekdays_factor times as wide.",
}
_STATED = (
    "# Which names the settings below have. `audience migrate` brings an older file to this "
    "format.\n"
    f"{_KEY}: {FORMAT}\n"
)


@dataclass(frozen=True)
class Renaming:
    """A key of a file that has another name now."""

    line: int
    path: tuple[str, ...]
    start: int
    end: int

    @property
    def old(self) -> str:
        """Its full name in the file."""
        return ".".join(self.path)

    @property
    def new(self) -> str:
        """Its full name now."""
        return ".".join((*self.path[:-1], RENAMED[self.path]))

    def __str__(self) -> str:
        return f"line {self.line}: {self.old} is now {self.new}"


@dataclass(frozen=True)
class Migrated:
    """A text in the present format, and what was changed in it; nothing for a present one.

    `same_lines` means the same, with every setting in the line in which it stood before.
    """

    text: str
    same_lines: str
    changes: tuple[str, ...]


def require_present(text: str, name: str, remedy: str) -> None:
    """Refuse a text that has to be migrated, and one that is newer than this program.

    Says nothing of a text that cannot be read: whoever reads it does. Raises ConfigurationError.
    """
    root = _composed(text)
    if root is None:
        return
    _refuse_newer(root, name)
    if faults := [
        Fault(f"{name}:{one.line} {one.old}", f"this setting is now called {one.new}", remedy)
        for one in _renamings(root)
    ]:
        raise ConfigurationError(faults)
    if _is_older(root):
        line = _entry(root)[0].start_mark.line + 1
        raise ConfigurationError(
            [Fault(f"{name}:{line} {_KEY}", f"the present format is {FORMAT}", remedy)]
        )


def migrated(text: str, name: str) -> Migrated:
    """The same settings under their present names, with all comments.

    Raises ConfigurationError for a text that cannot be read, one that is newer than this program,
    and one that has both names of a setting.
    """
    root = _composed(text)
    if root is None:
        raise ConfigurationError([Fault(name, "this is not valid YAML, or it has no settings")])
    _refuse_newer(root, name)
    found = _renamings(root)
    if not found and not _is_older(root):
        return Migrated(text, text, ())
    _refuse_both_names(root, found, name)
    changed, comments = _with_present_comments(_with_present_names(text, found))
    complete = _with_format(changed)
    _prove(text, complete, name)
    stated = f"{_KEY}: {FORMAT} is stated"
    same_lines = changed if complete.count("\n") > changed.count("\n") else complete
    return Migrated(complete, same_lines, (*map(str, found), *comments, stated))


@lru_cache(maxsize=8)
def present(text: str) -> str:
    """A text that the ledger keeps, under the present names; as it is where that cannot be.

    A run asks for the same few texts at every stage of every day, and reading YAML is slow.
    """
    try:
        return migrated(text, "policy.yaml").text
    except ConfigurationError:
        return text


def _composed(text: str) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return None
    return root if isinstance(root, yaml.MappingNode) else None


def _entry(root: yaml.MappingNode) -> tuple[yaml.Node, yaml.Node]:
    """Key and value of `format`. Raises StopIteration where there is none."""
    return next((key, value) for key, value in root.value if key.value == _KEY)


def _stated_format(root: yaml.MappingNode) -> int | None:
    """The format that a file states; None without, or where it is no whole number."""
    stated = [value.value for key, value in root.value if key.value == _KEY]
    return int(stated[0]) if stated and str(stated[0]).isdecimal() else None


def _is_older(root: yaml.MappingNode) -> bool:
    stated = _stated_format(root)
    return stated is not None and stated < FORMAT


def _refuse_newer(root: yaml.MappingNode, name: str) -> None:
    stated = _stated_format(root)
    if stated is not None and stated > FORMAT:
        line = _entry(root)[0].start_mark.line + 1
        problem = f"this home has format {stated}, and this program reads up to {FORMAT}"
        remedy = "use the version that migrated it, or a later one; nothing was changed"
        raise ConfigurationError([Fault(f"{name}:{line} {_KEY}", problem, remedy)])


def _renamings(root: yaml.MappingNode) -> tuple[Renaming, ...]:
    return tuple(_found_below(root, ()))


def _found_below(node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[Renaming]:
    for key, value in node.value:
        # What `<<` takes over stands in the section itself.
        here = path if key.tag == _MERGE else (*path, str(key.value))
        if here in RENAMED:
            start, end = key.start_mark, key.end_mark
            yield Renaming(start.line + 1, here, start.index, end.index)
        if isinstance(value, yaml.MappingNode):
            yield from _found_below(value, here)


def _refuse_both_names(root: yaml.MappingNode, found: tuple[Renaming, ...], name: str) -> None:
    known = {".".join(path) for path in _paths(root, ())}
    if faults := [
        Fault(f"{name}:{one.line} {one.old}", f"{one.new} is set too", "remove one of them")
        for one in found
        if one.new in known
    ]:
        raise ConfigurationError(faults)


def _paths(node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in node.value:
        here = (*path, str(key.value))
        yield here
        if isinstance(value, yaml.MappingNode):
            yield from _paths(value, here)


def _with_present_names(text: str, found: tuple[Renaming, ...]) -> str:
    for one in sorted(found, key=lambda renaming: renaming.start, reverse=True):
        written = text[one.start : one.end]  # with its quotation marks, if it has any
        new = written.replace(one.path[-1], RENAMED[one.path])
        text = text[: one.start] + new + text[one.end :]
    return text


def _with_present_comments(text: str) -> tuple[str, list[str]]:
    lines, changes = text.split("\n"), []
    for position, line in enumerate(lines):
        end = "\r" if line.endswith("\r") else ""
        if new := _COMMENTS.get(line.removesuffix("\r")):
            lines[position] = new + end
            changes.append(f"line {position + 1}: the comment of `audience init` has the new name")
    return "\n".join(lines), changes


def _with_format(text: str) -> str:
    root = _composed(text)
    assert root is not None
    if _stated_format(root) is not None:
        value = _entry(root)[1]
        start, end = value.start_mark.index, value.end_mark.index
        return f"{text[:start]}{FORMAT}{text[end:]}"
    if root.flow_style:
        start = root.start_mark.index + 1
        return f"{text[:start]}{_KEY}: {FORMAT}, {text[start:]}"
    return _before_first_key(text, root.start_mark.line)


def _before_first_key(text: str, line: int) -> str:
    """State the format above the first key and the comment that belongs to it."""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split("\n")
    while line and lines[line - 1].startswith("#"):
        line -= 1
    stated = [one + newline.removesuffix("\n") for one in _STATED.split("\n")]
    return "\n".join([*lines[:line], *stated, *lines[line:]])


def _prove(before: str, after: str, name: str) -> None:
    """Refuse a result that says anything else than the text did, names aside."""
    expected = {**_renamed_content(yaml.safe_load(before), ()), _KEY: FORMAT}
    try:
        proved = yaml.safe_load(after) == expected
    except yaml.YAMLError:
        proved = False
    if not proved:
        remedy = "rename its settings by hand; docs/policy-reference.md lists all settings"
        problem = "the file cannot be migrated line by line; nothing was changed"
        raise ConfigurationError([Fault(name, problem, remedy)])


def _renamed_content(content: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(content, dict):
        return content
    return {
        RENAMED.get((*path, str(key)), key): _renamed_content(value, (*path, str(key)))
        for key, value in content.items()
    }
