"""What codes of the raw files mean in the terms of the dimensions.

Regions are those of `dimensions.REGION_REFERENCE`. Another authority may use the same digits for
another place, so codes are read as the policy declares them, and in no other way.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer.model.dimensions import reference_regions
from anonymizer.model.errors import ConfigurationError, Fault, gathered_into, why_unreadable
from anonymizer.model.policy import CodingSettings, RegionCoding

_HEADER = ["code", "region"]
_BPS = re.compile(r"^\d{2}(?:\.?\d{2})?$")
_MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class Codings:
    """Codes of the raw files with what each means: of profiles' regions, of campaigns' targets, and
    words of gender that come before the known ones.

    `files` are the mapping files that were read, with their SHA-256; `most_other` is the share of
    stated regions above which codes of another scheme hold the day.
    """

    regions: Mapping[str, str]
    targets: Mapping[str, str]
    genders: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    most_other: float = CodingSettings().max_other_share


def read_codings(settings: CodingSettings, folder: Path) -> Codings:
    """The codings that the policy declares; mapping files are relative to `folder`.

    Raises ConfigurationError with every mistake of every file.
    """
    faults: list[Fault] = []
    files: dict[str, str] = {}
    regions: Mapping[str, str] = {}
    targets: Mapping[str, str] = {}
    with gathered_into(faults):
        regions = _codes(settings.region, folder, files)
    with gathered_into(faults):
        targets = _codes(settings.target_regions, folder, files)
    if faults:
        raise ConfigurationError(list(dict.fromkeys(faults)))
    return Codings(regions, targets, settings.gender, files, settings.max_other_share)


def _codes(coding: RegionCoding, folder: Path, files: dict[str, str]) -> Mapping[str, str]:
    if coding.file:
        codes = _read_mapping(folder / coding.file, coding, files)
    else:
        codes = {region.code: region.code for region in reference_regions()}
    if coding.scheme == "kemendagri_without_dots":
        return codes | {code.replace(".", ""): region for code, region in codes.items()}
    return dict(_both_ways(codes)) if coding.scheme == "bps" else codes


def _both_ways(codes: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Codes without dots, and with a dot between province and regency."""
    for code, region in codes.items():
        digits = code.replace(".", "")
        yield digits, region
        yield f"{digits[:2]}.{digits[2:]}".rstrip("."), region


def _read_mapping(path: Path, coding: RegionCoding, files: dict[str, str]) -> dict[str, str]:
    """Region by code. Raises ConfigurationError with every mistake and its line."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = why_unreadable(error)
        remedy = "give a CSV file in UTF-8 in the folder of policy.yaml"
        raise ConfigurationError([Fault(str(coding.file), problem, remedy)]) from None
    if len(content) > _MOST_BYTES:
        problem = f"it has more than {_MOST_BYTES:,} bytes"
        raise ConfigurationError([Fault(path.name, problem)])
    rows = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(rows, [])]
    if header != _HEADER:
        problem = "the header is not code,region"
        raise ConfigurationError([Fault(f"{path.name}:1", problem)])
    codes, faults = _checked_rows(path.name, rows, bps=coding.scheme == "bps")
    if not codes and not faults:
        faults.append(Fault(path.name, "it has no codes"))
    if faults:
        raise ConfigurationError(faults)
    files[str(coding.file)] = hashlib.sha256(content).hexdigest()
    return codes


def _checked_rows(
    name: str, rows: Iterator[list[str]], *, bps: bool
) -> tuple[dict[str, str], list[Fault]]:
    known = {region.code for region in reference_regions()}
    codes: dict[str, str] = {}
    lines: dict[str, int] = {}
    faults: list[Fault] = []
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        place = f"{name}:{line}"
        fields = [text.strip() for text in row]
        if len(fields) != len(_HEADER) or not all(fields):
            faults.append(Fault(place, "this is not a code and a region"))
            continue
        code, region = fields
        key = code.replace(".", "") if bps else code
        if bps and not _BPS.match(code):
            remedy = "two or four digits, or two and two with a dot"
            faults.append(
                Fault(place, f"{code!r} is not a BPS code of a province or regency", remedy)
            )
        if region not in known:
            remedy = "use a Kemendagri code; see: audience segments"
            faults.append(Fault(place, f"{region!r} is not a region of the reference data", remedy))
        if key in lines:
            faults.append(Fault(place, f"{code!r} is already in line {lines[key]}"))
        lines.setdefault(key, line)
        codes[code] = region
    return codes, faults
