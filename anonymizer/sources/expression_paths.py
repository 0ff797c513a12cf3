"""The paths that expressions of a mapping are made of, and what of them a file has to have."""

from collections.abc import Iterator, Mapping

from anonymizer.sources.field_paths import file_path
from anonymizer.sources.source_settings import Expression, SourceSettings


def every_part(expression: Expression) -> Iterator[Expression]:
    """An expression and all that it is made of."""
    yield expression
    for kind in ("coalesce", "join", "compose"):
        for part in getattr(expression, kind) or ():
            yield from every_part(part)


def paths_of(expression: Expression) -> Iterator[str]:
    """The texts of all paths of an expression."""
    for part in every_part(expression):
        yield from _own_paths(part)


def _own_paths(part: Expression) -> Iterator[str]:
    if part.path is not None:
        yield part.path
    if part.tcf is not None:
        yield part.tcf.path
    if part.consent_mode is not None:
        yield from part.consent_mode.paths


def required_paths(settings: SourceSettings) -> Mapping[str, tuple[str, ...]]:
    """What a file has to have: alternatives of paths, of which one has to be there, by text."""
    needed: dict[str, tuple[str, ...]] = {}
    for expression in (*settings.columns.values(), *settings.purposes.values()):
        _note_required(expression, needed)
    for path in map(file_path, (*settings.keep, *settings.drop, *settings.present)):
        needed[path] = (path,)
    return needed


def _note_required(expression: Expression, needed: dict[str, tuple[str, ...]]) -> None:
    if expression.optional:
        return
    if expression.coalesce is None:
        for path in map(file_path, _own_paths(expression)):
            needed[path] = (path,)
        for part in (*(expression.join or ()), *(expression.compose or ())):
            _note_required(part, needed)
    elif all(part.constant is None for part in expression.coalesce):
        alternatives = tuple(dict.fromkeys(map(file_path, paths_of(expression))))
        needed[" or ".join(alternatives)] = alternatives
