"""The sentences of a language, and its numbers; each language has every page and phrase."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template
from typing import Any, Literal, get_args

import yaml

from anonymizer.model.dimensions import Text
from anonymizer.model.escaping import visible

Language = Literal["en", "id"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_ONE = "1"
# What Markdown would obey in a text from outside.
_OBEYED = re.compile(r"([\\`*_{}\[\]()#+!|~<>])")


class Amount(str):
    """A number as text. `{days:day|days}` in a phrase says `1 day` or `30 days`."""

    __slots__ = ()

    def __format__(self, nouns: str) -> str:
        if not nouns:
            return str(self)
        singular, plural = nouns.split("|")
        return f"{self!s} {singular if self == _ONE else plural}"


@dataclass(frozen=True)
class Phrases:
    """What is said in one language. Filling in takes texts that are Markdown already."""

    language: Language
    texts: Mapping[str, str]

    @classmethod
    def of(cls, language: Language) -> "Phrases":
        """The phrases of a language."""
        content = yaml.safe_load((_folder(language) / "phrases.yaml").read_text(encoding="utf-8"))
        return cls(language, content)

    def say(self, key: str, **values: str) -> str:
        """A phrase with its values. Raises KeyError for a value that is missing."""
        return self.texts[key].format_map(values)

    def choose(self, text: Text) -> str:
        """The words of a text in this language."""
        return text.indonesian if self.language == "id" else text.english

    def number(self, number: int) -> Amount:
        """`1,000` or `1.000`."""
        text = f"{number:,}"
        return Amount(text.replace(",", ".") if self.language == "id" else text)

    def decimal(self, number: float) -> str:
        """`0.5` or `0,5`."""
        text = f"{number:g}"
        return text.replace(".", ",") if self.language == "id" else text

    def share(self, share: float) -> str:
        """`20 %`."""
        return f"{self.decimal(round(100 * share, 6))} %"


def page(language: Language, name: str, values: Mapping[str, str]) -> str:
    """A page with its values. Raises KeyError for one that is missing."""
    text = (_folder(language) / name).read_text(encoding="utf-8")
    return Template(text).substitute(values)


@cache
def page_names(language: Language) -> tuple[str, ...]:
    """The pages of a pack, in order."""
    return tuple(sorted(p.name for p in _folder(language).iterdir() if p.name.endswith(".md")))


def plain(value: Any) -> str:
    """A text from outside as Markdown that shows it and obeys none of it, on one line."""
    return _OBEYED.sub(r"\\\1", visible(str(value)))


def minute(moment: datetime) -> str:
    """`2026-11-30 08:26` in UTC; what carries no zone is UTC already."""
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{zoned.astimezone(UTC):%Y-%m-%d %H:%M}"


def _folder(language: Language) -> Traversable:
    return files("anonymizer") / "evidence" / "templates" / language
