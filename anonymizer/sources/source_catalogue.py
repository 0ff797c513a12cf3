"""Reads `sources.yaml`: presets are filled in, and every mistake is reported at once, by line."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import yaml

from anonymizer.intake.contract import TABLES
from anonymizer.model.configuration import line_of, parse, read_text
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.sources.file_layout import FilePattern, compile_pattern
from anonymizer.sources.source_problems import (
    Location,
    Problem,
    problems_of,
    repeated_names,
    warehouse_problems,
)
from anonymizer.sources.source_settings import (
    BY_DAY,
    DeletionSettings,
    PresetTables,
    SourceSettings,
    SourceTables,
)
from anonymizer.sources.warehouse import DAY_FILES, WHOLE_FILES
from anonymizer.storage.home import Home

FILE_NAME = "sources.yaml"
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,30}$")
PRESETS = ("ga4", "matomo", "segment", "snowplow")
_OF_ROWS = {"format": "json", "header": (), "quoting": "rfc4180", "delimiter": ","}
_REFERENCE = "remove it, or correct its name; docs/sources.md lists all"


@dataclass(frozen=True)
class Source:
    """One source, complete and checked. `patterns` are in the order in which they are tried."""

    table: str
    name: str
    settings: SourceSettings
    patterns: tuple[FilePattern, ...]

    @property
    def location(self) -> str:
        """Where its files are: below raw/, on this machine, in a bucket or a database."""
        return self.settings.location or ""

    @property
    def nested(self) -> bool:
        """Whether its rows can have values inside of values."""
        return self.settings.format != "csv"


@dataclass(frozen=True)
class Sources:
    """All sources of an installation, and the digest of the file that describes them.

    `deletions` says whose deletion messages are taken, if any are.
    """

    all: tuple[Source, ...] = ()
    digest: str = ""
    deletions: DeletionSettings | None = None

    def of(self, table: str) -> tuple[Source, ...]:
        """The sources of one raw table."""
        return tuple(source for source in self.all if source.table == table)

    def named(self, name: str) -> Source:
        """The source of this name. Raises ConfigurationError, naming all, for another."""
        found = next((source for source in self.all if source.name == name), None)
        if found is None:
            known = ", ".join(source.name for source in self.all) or "none"
            raise ConfigurationError(
                [Fault(FILE_NAME, f"no source is named {name!r}", f"the sources: {known}")]
            )
        return found

    @property
    def late_days(self) -> int:
        """How many days after its own a day may still be rewritten, of all sources the most."""
        return max((source.settings.late_days for source in self.all), default=0)


def load_sources(home: Home) -> Sources:
    """The sources of a home; none without the file. Raises ConfigurationError with all faults."""
    path = home.sources
    return parse_sources(read_text(path)) if path.exists() else Sources()


@lru_cache(maxsize=32)
def parse_sources(text: str) -> Sources:
    """The sources in a text. Raises ConfigurationError with all faults and their lines."""
    faults: list[Fault] = []
    deletions = None
    try:
        deletions = parse(text, FILE_NAME, SourceTables).deletions
    except ConfigurationError as error:
        faults += [_with_remedy(fault) for fault in error.faults]
    found: list[Source] = []
    for table, name, settings in _sound_settings(text):
        problems = list(_problems(table, name, settings))
        faults += [
            Fault(f"{FILE_NAME}:{line_of(text, place)} {'.'.join(map(str, place))}", *problem)
            for place, problem in problems
        ]
        if not problems:
            found.append(_source(table, name, settings))
    faults += [
        Fault(FILE_NAME, f"two sources are named {name!r}", "rename one")
        for name in sorted(repeated_names([source.name for source in found]))
    ]
    if faults:
        raise ConfigurationError(faults)
    digest = hashlib.sha256(text.encode()).hexdigest() if found else ""
    return Sources(tuple(found), digest, deletions)


def preset_settings(name: str, table: str) -> SourceSettings | None:
    """The settings of a preset for a raw table; None where it has none for it."""
    text = files("anonymizer").joinpath(f"defaults/presets/{name}.yaml").read_text("utf-8")
    settings: SourceSettings | None = getattr(parse(text, f"{name}.yaml", PresetTables), table)
    return settings


def _source(table: str, name: str, settings: SourceSettings) -> Source:
    filled = _filled(table, settings)
    patterns = tuple(compile_pattern(pattern) for pattern in filled.files)
    return Source(table, name, filled, patterns)


def _sound_settings(text: str) -> Iterator[tuple[str, str, SourceSettings]]:
    """Each source whose settings alone have the right form; what is wrong elsewhere is reported."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    for table, named in content.items() if isinstance(content, dict) else ():
        for name, given in named.items() if isinstance(named, dict) and table in TABLES else ():
            try:
                yield table, str(name), SourceSettings.model_validate(given)
            except ValueError:
                continue


def _filled(table: str, settings: SourceSettings) -> SourceSettings:
    """The settings with those of their preset where they say nothing; columns one by one."""
    filled = _with_preset(table, settings)
    if settings.warehouse is None:
        return filled
    form = {
        "location": f"postgresql:{settings.warehouse.table}",
        "files": (DAY_FILES if table in BY_DAY else WHOLE_FILES,),
        **_OF_ROWS,
    }
    return filled.model_copy(update=form)


def _with_preset(table: str, settings: SourceSettings) -> SourceSettings:
    base = preset_settings(settings.preset, table) if settings.preset else None
    if base is None:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    given["columns"] = {**base.columns, **settings.columns}
    if given.get("format") in ("json", "parquet"):
        given |= {name: value for name, value in _OF_ROWS.items() if name != "format"}
    return base.model_copy(update=given)


def _with_remedy(fault: Fault) -> Fault:
    return replace(fault, remedy=_REFERENCE) if "policy-reference" in fault.remedy else fault


def _problems(table: str, name: str, given: SourceSettings) -> Iterator[Problem]:
    """What is wrong with one source beyond its form."""
    here: Location = (table, name)
    if not _NAME.match(name):
        yield (
            here,
            (f"{name!r} is not a name of a source", "small letters, digits and _, at most 31"),
        )
    if given.preset and given.preset not in PRESETS:
        known = ", ".join(PRESETS)
        yield (*here, "preset"), (f"{given.preset!r} is not a preset", f"the presets: {known}")
    elif given.preset and preset_settings(given.preset, table) is None:
        yield (*here, "preset"), (f"the preset {given.preset} has no {table}", "map the columns")
    else:
        yield from warehouse_problems(table, name, given)
        yield from problems_of(table, name, _filled(table, given))
