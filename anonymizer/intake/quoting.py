"""Passes the rows of a CSV file on to its parser: strictly quoted ones, and a mark for each other.

A lenient parser lets a stray quotation mark swallow the rows up to the next one, and nobody
notices. Here a row is what RFC 4180 says: a quotation mark stands at the start of its field or
not at all, and behind the closing one the field ends. A line that begins no such row is a bad row
of its own, and reading goes on with the next line: one writer's slip, or one visitor's quotation
mark, costs one row.

Two stray marks can look like one long field, lines and all. Several lines are therefore one row
only if no other can be among them: the row has the header's number of fields, and its quoted ones
hold fewer commas than a row has. A row that is swallowed has all its commas there, wherever a
visitor broke its lines. Rows are counted here, apart from the parser.

Of a writer that quotes every field, the header's too, nothing is in doubt if every field of the row
is quoted: a row that is swallowed begins with a quotation mark before a value, which would end the
quoted field in the middle of its text. So such a row may have any text of several lines.
"""

import io
import re

import numpy as np
import numpy.typing as npt

from anonymizer.intake import intake_limits
from anonymizer.intake.raw_source import Expanded

BAD_QUOTING = "bad_quoting"
FIELD_COUNT = "field_count"
TOO_LONG = "too_long"

# One field where several are due: the parser passes it over.
_MARK = b"-\n"
_QUOTE, _LINE_FEED, _RETURN = b'"\n\r'
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_END = rb"(?:\r\n|\n|\r)"
_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_ROW = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*+" + _END)
_BEGUN = re.compile(rb"(?:" + _FIELD + rb',)*+(?:"(?:[^"]++|"")*+"?|[^",\r\n]*+)\Z')
_LINE = re.compile(rb"[^\r\n]*+" + _END)
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
_BLANK = re.compile(_END)
# Where a field of another row begins with a date: behind a comma, with an hour unless there is no
# blank between, as in prose; or as the first of a line.
_HOUR = rb"[ \t'\"]*+\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}"
_DATE = re.compile(rb",\d{4}-\d{2}-\d{2}|," + _HOUR + rb"|[\r\n]" + _HOUR + rb"[^\s,]*+[ \t\"]*+,")
_PROSE = re.compile(rb",[ \t]")

# Whether a quotation mark may stand behind or before this byte.
_ADJACENT = np.zeros(256, np.bool_)
_ADJACENT[list(b',\n\r"')] = True


class StrictRows(io.RawIOBase):
    """The rows of a CSV file as a stream; `rows` counts them, `bad` has reasons by row number.

    The header is row 0; blank lines are no rows. `cut_off`: the file ends within a quoted field,
    in the middle of a line. `shortest`: even a row of so few fields must not be lost, so that
    no comma among several lines passes for prose.
    """

    def __init__(self, stream: Expanded, columns: int, shortest: int | None = None) -> None:
        super().__init__()
        self._stream, self._commas = stream, columns - 1
        self._all_commas = shortest is not None
        self._fewest = min(columns, shortest or columns) - 1
        self._waiting = b""  # the beginning of a row whose end is not read yet
        self._ready = b""
        self._began = self._ended = self._skipping = self._unterminated = False
        self._quotes_all = False  # the writer, by the header
        self.rows = -1
        self.bad: dict[int, str] = {}
        self.cut_off = False

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        while not self._ready and not self._ended:
            self._ready = self._more()
        size = size if size >= 0 else len(self._ready)
        part, self._ready = self._ready[:size], self._ready[size:]
        return part

    def _more(self) -> bytes:
        """The next rows and marks; nothing when more has to be read for one."""
        content = self._waiting + self._block()
        # A carriage return at the end may be half of a line's end.
        held = b"\r" if content.endswith(b"\r") and not self._ended else b""
        content = content[: len(content) - len(held)]
        end, rows = complete_rows(content)
        rest = len(content) - end
        held_back = rest > intake_limits.LONGEST_ROW or (self._ended and rest > 0)
        if rows is not None and not held_back and _is_text(content[:end]):
            self.rows += rows
            passed = content[:end]
        else:
            passed, end = self._one_by_one(content)
        self._waiting = content[end:] + held
        return passed

    def _block(self) -> bytes:
        """What is read next, without the rest of a line that is passed over."""
        # As much as the parser takes at once: it would make a block of any small rest.
        size = max(intake_limits.LONGEST_ROW - len(self._waiting), intake_limits.LONGEST_ROW // 16)
        block = self._stream.read(size) or b""
        self._ended = not block
        if not self._began:
            self._began, block = True, block.removeprefix(_BYTE_ORDER_MARK)
            header = _ROW.match(block)
            self._quotes_all = header is not None and _all_quoted(header[0])
        if self._skipping and block:
            line = _LINE.match(block)
            self._skipping = line is None
            block = block[line.end() :] if line else b""
        if self._ended and self._waiting and not self._waiting.endswith((b"\n", b"\r")):
            self._unterminated = True
            return b"\n"
        return block

    def _one_by_one(self, content: bytes) -> tuple[bytes, int]:
        """Rows and marks of `content`, and where the row begins whose end is not read yet."""
        passed, kept, place = [], 0, 0
        while place < len(content):
            if blank := _BLANK.match(content, place):
                place = blank.end()
            elif row := self._row(content, place):
                if self._can_be_parsed(row):
                    self.rows += 1
                else:
                    passed += [content[kept:place], _MARK]
                    kept = place + len(row)
                    self._note(FIELD_COUNT)
                place += len(row)
            elif self._may_go_on(content, place):
                break
            else:
                passed += [content[kept:place], _MARK]
                place = kept = self._pass_over_line(content, place)
        passed.append(content[kept:place])
        return b"".join(passed), place

    def _row(self, content: bytes, place: int) -> bytes:
        """The row that begins here; nothing if none does."""
        row = _ROW.match(content, place, place + intake_limits.LONGEST_ROW)
        if not row:
            return b""
        line = _LINE.match(row[0])
        single = line is not None and line.end() == len(row[0])
        return row[0] if single or self._holds_no_other(row[0]) else b""

    def _holds_no_other(self, row: bytes) -> bool:
        """Whether no second row can be among the lines of this one."""
        outside, fields = _QUOTED.sub(b"", row), _QUOTED.findall(row)
        if self._quotes_all and outside.count(b",") == self._commas and _all_quoted(row):
            return True
        commas = row.count(b",") - outside.count(b",")
        if not self._all_commas and not _PROSE.search(outside):
            commas -= sum(len(_PROSE.findall(field)) for field in fields)
        if outside.count(b",") != self._commas or commas >= self._fewest:
            return False
        broken = [field for field in fields if b"\n" in field or b"\r" in field]
        return not any(_DATE.search(field) for field in broken)

    def _can_be_parsed(self, row: bytes) -> bool:
        """The parser gives up the file for a row that is not text and has too many fields."""
        return _is_text(row) or _QUOTED.sub(b"", row).count(b",") == self._commas

    def _may_go_on(self, content: bytes, place: int) -> bool:
        """Whether what is not a row yet may become one with what is still to be read."""
        short = len(content) - place <= intake_limits.LONGEST_ROW
        return not self._ended and short and bool(_BEGUN.match(content, place))

    def _pass_over_line(self, content: bytes, place: int) -> int:
        """Count the line as a bad row; returns where the next one begins."""
        line = _LINE.match(content, place)
        end = line.end() if line else len(content)
        self._skipping = line is None
        self._note(TOO_LONG if end - place > intake_limits.LONGEST_ROW else BAD_QUOTING)
        self.cut_off = self._unterminated and end == len(content)
        return end

    def _note(self, reason: str) -> None:
        self.rows += 1
        self.bad[self.rows] = reason


def _all_quoted(row: bytes) -> bool:
    """Whether every field of a row is quoted, empty ones too."""
    outside = _QUOTED.sub(b"", row).rstrip(b"\r\n")
    return not outside.strip(b",") and len(_QUOTED.findall(row)) == outside.count(b",") + 1


def complete_rows(content: bytes) -> tuple[int, int | None]:
    """Where the last complete row ends, and how many there are.

    None if one is not strict or has several lines: then each has to be looked at. `content`
    begins with a row. All bytes are looked at together, none in a loop.
    """
    octets = np.frombuffer(content, np.uint8)
    ends = np.flatnonzero(octets == _LINE_FEED)
    if content.count(b"\r") > content.count(b"\r\n"):
        returns = np.flatnonzero(octets == _RETURN)
        alone = np.append(octets, np.uint8(0))[returns + 1] != _LINE_FEED
        ends = np.union1d(ends, returns[alone])
    if b'"' in content:
        quotes = np.flatnonzero(octets == _QUOTE)
        if not _strict(octets, quotes):
            return 0, None
        if (np.searchsorted(quotes, ends) % 2).any():
            return 0, None
    if not ends.size:
        return 0, 0
    sizes = np.diff(ends, prepend=-1)
    windows = (octets[ends] == _LINE_FEED) & (octets[ends - 1] == _RETURN) & (ends > 0)
    if sizes.max() > intake_limits.LONGEST_ROW:
        return 0, None
    return int(ends[-1]) + 1, int(np.count_nonzero(sizes - windows > 1))


def _is_text(content: bytes) -> bool:
    try:
        return content.isascii() or bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _strict(octets: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp]) -> bool:
    """Whether each field's quotation marks stand at its ends; two in a row are one within it."""
    opening, closing = quotes[0::2], quotes[1::2]
    if opening[0] == 0:
        opening = opening[1:]
    if closing.size and closing[-1] == octets.size - 1:
        closing = closing[:-1]  # what follows is still to be read
    return bool(_ADJACENT[octets[opening - 1]].all() and _ADJACENT[octets[closing + 1]].all())
