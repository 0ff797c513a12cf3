"""Adds named segments to the text of `segments.yaml`; its comments and order stay as they are."""

from collections.abc import Sequence

import yaml

from anonymizer.model.configuration import parse
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.segments import SegmentSettings

_PLACE = "segments.yaml"
_INDENT = 2


def with_named_segments(text: str, wanted: SegmentSettings, codes: Sequence[str]) -> str:
    """The text with these named segments of the wanted settings at the end of its named ones.

    Raises ConfigurationError where the text cannot be added to so that it means what is wanted.
    """
    entries = {code: wanted.named[code].model_dump(mode="json") for code in codes}
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    named = _value_of(root, "named")
    if named is None:
        added = _block({"named": entries}, 0)
        changed = f"{text.rstrip()}\n\n{added}" if text.strip() else added
    elif isinstance(named, yaml.MappingNode) and not named.value:
        place, end = named.start_mark.index, named.end_mark.index
        rest, _, after = text[end:].partition("\n")
        changed = f"{text[:place].rstrip()}{rest}\n{_block(entries, _INDENT)}{after}"
    else:
        indent = named.start_mark.column
        place = text.find("\n", _end_of(named))
        before, after = (text, "") if place < 0 else (text[:place], text[place + 1 :])
        changed = f"{before}\n{_block(entries, indent)}{after}"
    if not _means(changed, wanted):
        raise ConfigurationError(
            [
                Fault(
                    _PLACE,
                    "a segment cannot be added to the text of the file",
                    "add the lines below to named: by hand, and approve the settings with: "
                    "audience policy approve",
                )
            ],
            _block(entries, _INDENT),
        )
    return changed


def _means(text: str, wanted: SegmentSettings) -> bool:
    try:
        found = parse(text, _PLACE, SegmentSettings)
    except ConfigurationError:
        return False
    return found == wanted and list(found.named) == list(wanted.named)


def _value_of(root: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _end_of(node: yaml.Node) -> int:
    """Where the last value of a block ends; the end of the block itself is after its comments."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end: int = node.end_mark.index
    return end


def _block(content: object, indent: int) -> str:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10_000)
    return "".join(f"{' ' * indent}{line}" for line in text.splitlines(keepends=True))
