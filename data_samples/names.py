"""Names, addresses, phones and e-mail addresses from Faker's Indonesian lists.

Faker fills some thousand profiles a second; drawing positions in its lists is a hundred times
faster. E-mail domains are reserved ones, so that no address can be a real person's.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from faker.providers.address.id_ID import Provider as Addresses
from faker.providers.internet.id_ID import Provider as Internet
from faker.providers.person.id_ID import Provider as Persons
from faker.providers.phone_number.id_ID import Provider as Phones
from numpy.typing import NDArray

_LONGEST_PHONE = max(form.count("#") for form in Phones.formats)


def full_names(draw: np.random.Generator, female: NDArray[np.bool_]) -> pa.Array:
    """A first and a last name for each person."""
    first = _by_sex(draw, female, Persons.first_names_male, Persons.first_names_female)
    last = _by_sex(draw, female, Persons.last_names_male, Persons.last_names_female)
    return pc.binary_join_element_wise(first, last, " ")


def email_addresses(draw: np.random.Generator, names: pa.Array) -> pa.Array:
    """An address made of each name and a number, no two alike."""
    domains = _picks(draw, tuple(Internet.safe_domain_names), len(names))
    dotted = pc.replace_substring(pc.utf8_lower(names), " ", ".")
    numbers = pa.array(np.arange(1, len(names) + 1)).cast(pa.string())
    local = pc.binary_join_element_wise(dotted, numbers, "")
    return pc.binary_join_element_wise(local, domains, "@")


def phone_numbers(draw: np.random.Generator, size: int) -> pa.Array:
    """Numbers in all ways in which people write them."""
    digits = draw.integers(0, 10, (size, _LONGEST_PHONE)).astype(np.uint8)
    chosen = draw.integers(0, len(Phones.formats), size)
    parts, positions = [], []
    for position, form in enumerate(Phones.formats):
        rows = np.flatnonzero(chosen == position)
        texts = form.split("#")
        columns = [
            pa.array(digits[rows, place]).cast(pa.string()) for place in range(len(texts) - 1)
        ]
        joined = pa.repeat(texts[0], len(rows))
        for column, text in zip(columns, texts[1:], strict=True):
            joined = pc.binary_join_element_wise(joined, column, text, "")
        parts.append(joined)
        positions.append(rows)
    order = np.argsort(np.concatenate(positions), kind="stable")
    return pa.concat_arrays(parts).take(pa.array(order))


def street_addresses(
    draw: np.random.Generator, regency: NDArray[np.int64], regencies: Sequence[str]
) -> pa.Array:
    """Addresses of two lines in regencies; `regencies` has the name of each, and its province."""
    size = len(regency)
    kinds = (*Addresses.street_prefixes_short, *Addresses.street_prefixes_long)
    kind, street = _picks(draw, kinds, size), _picks(draw, Addresses.streets, size)
    house = pa.array(draw.integers(1, 300, size)).cast(pa.string())
    postcode = pa.array(draw.integers(10_000, 99_999, size)).cast(pa.string())
    line = pc.binary_join_element_wise(kind, street, "No.", house, " ")
    place = pa.array(regencies).take(pa.array(regency))
    below = pc.binary_join_element_wise(place, postcode, " ")
    return pc.binary_join_element_wise(line, below, "\n")


def _picks(draw: np.random.Generator, choices: Sequence[str], size: int) -> pa.Array:
    return pa.array(list(choices)).take(pa.array(draw.integers(0, len(choices), size)))


def _by_sex(
    draw: np.random.Generator,
    female: NDArray[np.bool_],
    male_names: Sequence[str],
    female_names: Sequence[str],
) -> pa.Array:
    of_men, of_women = (_picks(draw, names, len(female)) for names in (male_names, female_names))
    return pc.if_else(pa.array(female), of_women, of_men)
