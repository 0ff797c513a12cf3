"""The two languages of exports, and how a text is had in one of them."""

from typing import Literal

from anonymizer.model.dimensions import Text

Language = Literal["english", "indonesian"]
LANGUAGES: tuple[Language, ...] = ("english", "indonesian")


def worded(text: Text, language: Language) -> str:
    """The words of a text in a language."""
    return text.english if language == "english" else text.indonesian


def capitalised(words: str) -> str:
    """The same words, the first letter large: `Men under 40`."""
    return words[:1].upper() + words[1:]


def grouped(number: int, language: Language) -> str:
    """A number with its thousands apart: `1,230`, in Indonesian `1.230`."""
    english = f"{number:,}"
    return english if language == "english" else english.replace(",", ".")
