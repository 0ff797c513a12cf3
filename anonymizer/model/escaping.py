"""Text from outside as it is shown: what a terminal would obey, or would not show, is spelled out.

Names of files, columns and campaigns come from others. A control character in one could move the
cursor, hide a line or write another; a format character could turn the text around.
"""

import unicodedata

# Control, format (with those of direction), line and paragraph separators, halves of surrogates,
# private use, and what Unicode does not define.
_HIDDEN = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})
_PLANE = 0xFFFF


def visible(text: str) -> str:
    """A text of one line, such as a name: each character that could do harm as `\\u001b`."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def visible_lines(text: str) -> str:
    """A text of several lines, of which each is shown as by `visible`."""
    return "\n".join(map(visible, text.split("\n")))


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    return f"\\U{code:08x}" if code > _PLANE else f"\\u{code:04x}"
