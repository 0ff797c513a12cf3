"""TC and GPP strings mean what the published examples say; nothing broken grants anything."""

import random
import tracemalloc
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import pytest
from intake.raw_world import DAY, as_csv, visit
from log_world import LogWorld
from tc_writer import ALPHABET, AT, written

from anonymizer.sources.tc_strings import MalformedConsentError, decode_consent

# Examples of the specification and of the reference implementations, with what they contain.
PUBLISHED = "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAA"
OTHER = "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA"
DISCLOSED, ALLOWED = "IBAgAAAgAIAwgAgAAAAEAAAACA", "QAagAQAgAIAwgA"
GPP = "DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"
GPP_WITH_US = "DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN"


def grants(text: str, purposes: tuple[int, ...] = (1, 7), vendor: int | None = 755) -> bool:
    try:
        return decode_consent(text).consents(frozenset(purposes), vendor)
    except MalformedConsentError:
        return False


def test_the_example_of_the_specification() -> None:
    found = decode_consent(PUBLISHED)
    assert found.created == datetime(2020, 2, 20, 23, 57, 39, 300_000, UTC)
    assert (found.cmp_id, found.vendor_list, found.policy, found.language) == (27, 15, 2, "EN")
    assert found.purposes == {1, 2, 3}
    assert not found.legitimate_interests
    assert {v for v in range(100) if v in found.vendors} == {2, 6, 8}
    assert {v for v in range(100) if v in found.vendor_interests} == {2, 6, 8}


def test_the_examples_of_the_reference_implementation() -> None:
    found = decode_consent(f"{OTHER}.{DISCLOSED}.{ALLOWED}")
    assert found.created == datetime(2020, 1, 26, 17, 1, tzinfo=UTC)
    assert found.last_updated == datetime(2021, 2, 2, 17, 1, tzinfo=UTC)
    assert (found.cmp_id, found.vendor_list, found.policy) == (675, 15, 2)
    assert found.disclosed is not None
    disclosed = {vendor for vendor in range(200) if vendor in found.disclosed}
    assert disclosed == {23, 37, 47, 48, 53, 65, 98, 129}


@pytest.mark.parametrize("text", [GPP, GPP_WITH_US])
def test_the_section_of_a_gpp_string(text: str) -> None:
    assert decode_consent(text) == decode_consent(text.split("~")[1])
    assert decode_consent(text).cmp_id == 31


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BObdrPUOevsguAfDqFENCNAAAAAmeAAA",  # version 1
        PUBLISHED[:-8],
        f"{PUBLISHED}AAAAAA",
        f"{PUBLISHED}=",
        f"{PUBLISHED}.",
        f"{OTHER}.{DISCLOSED}.{DISCLOSED}",
        "DBABMA~",
        "DBABMA~CPXx~1YNN",
        "DBAA",
        "~".join(["DBAB", PUBLISHED]),
        "C" * 30_000,
        "COvFyGBOvFyGBAbAAAENAPCAAOAAAAAAAAAAAEEUACCKAAÄ",
    ],
)
def test_a_malformed_string_is_no_consent(text: str) -> None:
    with pytest.raises(MalformedConsentError):
        decode_consent(text)


NOT_ALLOWED = f"{1:012b}{7:06b}{0:02b}{1:012b}0{755:016b}"
REQUIRE_INTEREST = f"{1:012b}{7:06b}{2:02b}{1:012b}1{700:016b}{800:016b}"
REQUIRE_CONSENT = f"{1:012b}{7:06b}{1:02b}{1:012b}0{755:016b}"


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        (written(), True),
        (written(purposes=(1,)), False),
        (written(purposes=(1,), interests=(7,)), False),
        (written(vendors=(754,)), False),
        (written(disclosed=(754,)), False),
        (written(disclosed=None), False),
        (written(disclosed=None, policy=4), True),
        (written(policy=2), False),
        (written(restrictions=NOT_ALLOWED), False),
        (written(restrictions=REQUIRE_INTEREST), False),
        (written(restrictions=REQUIRE_CONSENT), True),
        (written(hides_purpose_1=True), False),
    ],
)
def test_what_counts_as_consent_for_a_vendor(text: str, granted: bool) -> None:
    assert grants(text) is granted


def test_purpose_1_that_nobody_was_asked_about_has_no_consent() -> None:
    text = written(purposes=(1, 7), hides_purpose_1=True)
    for vendor in (None, 755):
        assert not grants(text, (1,), vendor)
        assert grants(text, (7,), vendor)


@pytest.mark.parametrize("digits", [11, 14, 20_000])
def test_a_range_of_sections_takes_no_memory(digits: int) -> None:
    """A header of a few characters may promise any number of sections."""
    bits = f"{3:06b}{1:06b}{1:012b}1" + "11" + "01" * digits + "1"
    header = "".join(
        ALPHABET[int(bits[at : at + 6].ljust(6, "0"), 2)] for at in range(0, len(bits), 6)
    )
    tracemalloc.start()
    with pytest.raises(MalformedConsentError):
        decode_consent(f"{header}~{PUBLISHED}")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_without_a_vendor_the_publishers_own_purposes_count() -> None:
    assert grants(written(vendors=()), vendor=None)
    assert grants(written(publisher=(1, 7)), vendor=None)
    assert not grants(written(publisher=(1,)), vendor=None)


def mutated(draw: random.Random, text: str, kept: Collection[int]) -> str:
    """A string with one to three accidents; characters in `kept` carry consent itself."""
    characters = list(text)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(characters))
        end = place + draw.randint(1, 20)
        # Put into them, other characters are other consent as well.
        kinds = ["delete", "cut", *(["change", "insert", "repeat"] if place not in kept else [])]
        kind = draw.choice(kinds)
        characters[place:end] = {
            "insert": [draw.choice(ALPHABET), *characters[place:end]],
            "delete": characters[place + 1 : end],
            "cut": [],
            "repeat": characters[place:end] * 2,
            "change": [draw.choice(ALPHABET + ".~ =%"), *characters[place + 1 : end]],
        }[kind]
        if not characters:
            break
    return "".join(characters)


# The characters with purposes and vendors: a change of these is a valid string of other consent.
_PURPOSES, _VENDORS = range(25, 30), range(35, 45)


@pytest.mark.parametrize(
    "original",
    [
        written(purposes=(), vendors=(), disclosed=()),
        written(purposes=(1,)),
        written(purposes=(2, 3, 4), vendors=(12, 755)),
        written(policy=4, purposes=(), vendors=(755,), disclosed=None),
        written(restrictions=NOT_ALLOWED),
        written(disclosed=(754,), publisher=(1,)),
        GPP,
    ],
)
def test_a_mutated_string_never_grants_more(original: str) -> None:
    """1,000 mutations of each; every purpose of its own, for the vendor and without one.

    Restrictions and disclosed vendors are changed as well: without them it is another string.
    """
    draw = random.Random(7)
    found = decode_consent(original)
    limits = (found.restrictions, found.disclosed, found.publisher)
    consent: Mapping[tuple[int, int | None], bool] = {
        (purpose, vendor): grants(original, (purpose,), vendor)
        for purpose in range(1, 25)
        for vendor in (None, 755)
    }
    start = original.find("~") + 1
    kept = {start + place for place in (*_PURPOSES, *_VENDORS)}
    for _ in range(1_000):
        text = mutated(draw, original, kept)
        for (purpose, vendor), granted in consent.items():
            if not granted and grants(text, (purpose,), vendor):
                other = decode_consent(text)
                assert (other.restrictions, other.disclosed, other.publisher) != limits, text


def test_strings_of_a_source_become_decisions(world: LogWorld) -> None:
    """Valid, expired, of the future, malformed, missing."""
    world.deliver({f"visits/day={DAY}/v.csv": as_csv([visit()])})
    world.deliver({"visits/day=2026-01-02/_SUCCESS": b""})
    world.describe(
        """
        consents:
          cmp:
            location: cmp
            files: "*.csv"
            format: csv
            columns: {user_id: u, decided_at: {path: at, time: epoch_s}}
            purposes:
              use: {tcf: {path: tc, purposes: [1, 7], vendor: 755}}
              disclosure: {tcf: {path: tc, purposes: [1, 7, 9]}}
        """
    )
    at = int(AT.timestamp())
    texts = [
        (at, written()),
        (at + 391 * 86_400, written()),
        (at - 2 * 86_400, written()),
        (at, written()[:-9]),
        (at, ""),
    ]
    rows = "".join(f"u{number},{when},{text}\n" for number, (when, text) in enumerate(texts))
    world.deliver({"cmp/a.csv": "u,at,tc\n" + rows})
    (world.home.raw / "consents" / "c.csv").unlink()
    world.take()
    found = [row["granted"] for row in world.rows("consents") if row["purpose"] == "use"]
    assert sorted(found) == [False] * 4 + [True]
    others = [row["granted"] for row in world.rows("consents") if row["purpose"] != "use"]
    assert others == [False] * 5
