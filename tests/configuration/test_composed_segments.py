"""Composed segments: words and codes that settings accept, each of one segment alone."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.model import dimensions
from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.configuration import parse
from anonymizer.model.dimensions import AGE_BANDS, GENDERS, Dimension, Text
from anonymizer.model.errors import ConfigurationError
from anonymizer.model.named_texts import with_named_segments
from anonymizer.model.segments import (
    LONGEST_WORDS,
    Catalogue,
    SegmentSettings,
    build_catalogue,
)

DEFAULTS = (Path(__file__).parents[2] / "anonymizer/defaults/segments.yaml").read_text("utf-8")
LONG = "x" * LONGEST_WORDS
REGION = dimensions.region()
LONG_AREA = dimensions.area("a" * 40, ["11.01", "11.02"], Text(f"in {LONG}", f"di {LONG}"), REGION)
AXES = (
    dimensions.gender(),
    dimensions.age().with_groups(
        [
            dimensions.age_group("long", ["18-20", "21-24"], Text(LONG, LONG)),
            dimensions.age_group("gaps", ["18-20", "25-29"], Text(LONG, LONG)),
        ]
    ),
    REGION.with_groups([LONG_AREA]),
)
PLACES = [group.code for group in AXES[2].groups[1:]]
LONGEST_FIRST = sorted(
    PLACES, key=lambda code: -len(AXES[2].groups[AXES[2].positions[code]].name.indonesian)
)
SEGMENTS = st.builds(
    ComposedSegment.of,
    st.sampled_from(("all", *GENDERS)),
    st.sets(st.sampled_from((*AGE_BANDS, "long", "gaps"))),
    st.one_of(
        st.sets(st.sampled_from(LONGEST_FIRST[:40]), max_size=60),
        st.sets(st.sampled_from(PLACES), max_size=60),
    ),
)


def segment(text: str) -> ComposedSegment:
    return ComposedSegment.parse(text, "here")


def read(text: str = DEFAULTS) -> tuple[SegmentSettings, Catalogue]:
    found = parse(text, "segments.yaml", SegmentSettings)
    return found, build_catalogue(found)


def names(found: Catalogue) -> list[str]:
    return [one.name.english for one in found.named.values()]


@given(SEGMENTS)
@settings(max_examples=40, deadline=None)
def test_words_of_every_segment_are_accepted_with_a_mark_too(one: ComposedSegment) -> None:
    words = one.words(AXES)
    marked = one.words(AXES, {words.english})
    for text in (words.english, words.indonesian, marked.english, marked.indonesian):
        assert 0 < len(text) <= LONGEST_WORDS
    assert marked.english != words.english
    assert marked.indonesian != words.indonesian


@given(SEGMENTS)
@settings(max_examples=40, deadline=None)
def test_a_segment_is_read_back_from_its_text(one: ComposedSegment) -> None:
    assert segment(str(one)) == one


@pytest.mark.parametrize(
    ("text", "english", "indonesian"),
    [
        (
            "all:18-20+25-29+35-39+45-49:31.71",
            "people in 4 age groups in Central Jakarta",
            "orang dalam 4 kelompok umur di Jakarta Pusat",
        ),
        (
            "male:18-20+25-29+35-39+45-49:31",
            "men in 4 age groups in Jakarta",
            "pria dalam 4 kelompok umur di Jakarta",
        ),
        (
            "all:18-20+25-29+35-39+45-49+55-59:all",
            "people in 5 age groups",
            "orang dalam 5 kelompok umur",
        ),
        ("female:25-29:31.71", "women aged 25-29 in Central Jakarta", ""),
        ("not_stated:18-20+25-29:31.71", "people of unstated gender in 2 age groups in", ""),
    ],
)
def test_long_words_count_ages_and_keep_the_name_of_a_region(
    text: str, english: str, indonesian: str
) -> None:
    words = segment(text).words(AXES)
    assert words.english.startswith(english)
    assert words.indonesian.startswith(indonesian)


def test_joined_codes_are_the_codes_that_they_join() -> None:
    one = ComposedSegment.of("all", ["25-29+30-34", "30-34", "70-74+75+"], ["31.71+31.74", "73.71"])
    assert one == segment("all:25-29+30-34+70-74+75+:31.71+31.74+73.71")
    assert segment("all:75+:33.75+34+75").regions == ("33.75", "34", "75")


def test_two_segments_of_the_same_words_have_names_of_their_own() -> None:
    found, catalogue = read()
    texts = ("female:all:11+12+13+14", "female:all:11+12+15+16", "female:all:11+12+17+18")
    for text in texts:
        found = segment(text).added_to(found, catalogue)
        catalogue = build_catalogue(found)
    added = list(found.named.items())[-3:]
    first, second, third = (one.english for _, one in added)
    assert first == "women in Aceh, North Sumatra and 2 more regions"
    for (code, _), name in zip(added[1:], (second, third), strict=True):
        assert name == f"{first} #{code[-6:]}"
    assert len({one.indonesian for _, one in added}) == 3
    members = [segment(text).members(catalogue.dimensions).english for text in texts]
    assert members[0] == "Aceh, North Sumatra, West Sumatra, Riau"
    assert len(set(members)) == 3


def test_a_name_that_people_gave_is_not_given_again() -> None:
    taken = DEFAULTS.replace("named:\n", "named:\n  other:\n    gender: male\n    age: 60-64\n"
        "    english: women aged 60-64\n    indonesian: lansia\n")  # fmt: skip
    found, catalogue = read(taken)
    text = "female:60-64:31+32"
    words = segment(text).words(catalogue.dimensions)
    (*_, same) = segment(text).added_to(found, catalogue).named.values()
    assert same.english == words.english
    named = taken.replace("women aged 60-64", words.english)
    (*_, marked) = segment(text).added_to(*read(named)).named.values()
    assert marked.english.startswith(f"{words.english} #")


def test_a_taken_code_gets_a_mark_that_is_not_taken() -> None:
    one, axes = segment("female:60-64:all"), dimensions_of()
    codes: list[str] = []
    for _ in range(3):
        codes.append(one.code(axes, codes))
    assert codes[0] == "women_60_64"
    assert len(set(codes)) == 3


def dimensions_of() -> tuple[Dimension, ...]:
    return read()[1].dimensions


@pytest.mark.parametrize("name", ["génération Ⅹ²", "поколение", "x" * 80])
def test_a_name_in_any_script_gives_a_code_that_is_accepted(name: str) -> None:
    text = DEFAULTS.replace("age_groups:\n", "age_groups:\n  extra:\n    bands: [60-64, 70-74]\n"
        f"    english: {name}\n    indonesian: lain\n")  # fmt: skip
    found, catalogue = read(text)
    one = segment("female:extra:31.71")
    wanted = one.added_to(found, catalogue)
    code = list(wanted.named)[-1]
    assert code.isascii()
    changed, _ = read(with_named_segments(text, wanted, [code]))
    assert changed == wanted


@pytest.mark.parametrize("text", ["named: {}\n", "named: {}", "named: {}  # none yet\nareas: {}\n"])
def test_a_file_that_names_no_segment_gets_the_first_one(text: str) -> None:
    found, catalogue = read(text)
    wanted = segment("female:60-64:all").added_to(found, catalogue)
    changed = with_named_segments(text, wanted, ["women_60_64"])
    assert read(changed)[0] == wanted
    assert ("# none yet" in text) == ("named:  # none yet\n  women_60_64:" in changed)


def test_the_lines_to_be_added_by_hand_can_be_pasted() -> None:
    text = "named: {men: {gender: male, english: men, indonesian: pria}}\n"
    found, catalogue = read(text)
    wanted = segment("female:60-64+70-74:all").added_to(found, catalogue)
    with pytest.raises(ConfigurationError) as error:
        with_named_segments(text, wanted, [list(wanted.named)[-1]])
    _, _, block = str(error.value).partition("\n\n")
    pasted = f"named:\n  men: {{gender: male, english: men, indonesian: pria}}\n{block}"
    assert read(pasted)[0] == wanted
