"""What exists in place of a name that fits nothing: a misspelled name is shown the closest ones."""

from collections.abc import Collection
from difflib import get_close_matches

from anonymizer.model.errors import first_few

Known = Collection[tuple[str, str]]  # ids with their names
_CLOSEST = 3


def alternatives(name: str, known: Known) -> str:
    """What there is in place of a name that fits nothing, each id with its label."""
    listed = {_label(one): one for one in sorted(set(known))}
    if not listed:
        return "there are none"
    spellings = {
        spelling.casefold(): label for label, one in listed.items() for spelling in one if spelling
    }
    close = get_close_matches(name.casefold(), spellings, n=_CLOSEST)
    if close:
        closest = dict.fromkeys(spellings[spelling] for spelling in close)
        return f"the closest is {' or '.join(closest)}"
    return f"there are {first_few(list(listed))}"


def _label(one: tuple[str, str]) -> str:
    id_, name = one
    return f"{id_} ({name})" if name else id_
