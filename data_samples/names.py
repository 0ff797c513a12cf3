"""Names, addresses, phones and e-mail addresses from Faker's Indonesian lists.

Faker fills some thousand profiles a second; drawing positions in its lists is a hundred times
faster. E-mail domains are reserved ones, so that no address can be a real person's.
"""

from collections.abc import Sequence

import numpy as np
from faker.providers.address.id_ID import Provider as Addresses
from faker.providers.internet.id_ID import Provider as Internet
from faker.providers.person.id_ID import Provider as Persons
from faker.providers.phone_number.id_ID import Provider as Phones
from numpy.typing import NDArray

from anonymizer.model.dimensions import Region

_LONGEST_PHONE = max(form.count("#") for form in Phones.formats)


def full_names(draw: np.random.Generator, female: NDArray[np.bool_]) -> list[str]:
    """A first and a last name for each person."""
    first = _by_sex(draw, female, Persons.first_names_male, Persons.first_names_female)
    last = _by_sex(draw, female, Persons.last_names_male, Persons.last_names_female)
    return [f"{a} {b}" for a, b in zip(first, last, strict=True)]


def email_addresses(draw: np.random.Generator, names: Sequence[str]) -> list[str]:
    """An address made of each name and a number, no two alike."""
    domains = _picks(draw, tuple(Internet.safe_domain_names), len(names))
    return [
        f"{name.lower().replace(' ', '.')}{number}@{domain}"
        for number, (name, domain) in enumerate(zip(names, domains, strict=True), start=1)
    ]


def phone_numbers(draw: np.random.Generator, size: int) -> list[str]:
    """Numbers in all ways in which people write them."""
    forms = [form.replace("#", "%d") for form in Phones.formats]
    lengths = [form.count("#") for form in Phones.formats]
    digits = draw.integers(0, 10, (size, _LONGEST_PHONE)).tolist()
    chosen = draw.integers(0, len(forms), size).tolist()
    return [
        forms[form] % tuple(row[: lengths[form]]) for form, row in zip(chosen, digits, strict=True)
    ]


def street_addresses(
    draw: np.random.Generator, regencies: Sequence[Region], provinces: Sequence[str]
) -> list[str]:
    """Addresses of two lines in the given regencies; `provinces` names that of each."""
    size = len(regencies)
    kinds = (*Addresses.street_prefixes_short, *Addresses.street_prefixes_long)
    kind, street = _picks(draw, kinds, size), _picks(draw, Addresses.streets, size)
    house = draw.integers(1, 300, size).tolist()
    postcode = draw.integers(10_000, 99_999, size).tolist()
    return [
        f"{k} {s} No. {h}\n{r.name}, {p} {c}"
        for k, s, h, r, p, c in zip(
            kind, street, house, regencies, provinces, postcode, strict=True
        )
    ]


def _picks(draw: np.random.Generator, choices: Sequence[str], size: int) -> list[str]:
    return [choices[position] for position in draw.integers(0, len(choices), size).tolist()]


def _by_sex(
    draw: np.random.Generator,
    female: NDArray[np.bool_],
    male_names: Sequence[str],
    female_names: Sequence[str],
) -> list[str]:
    of_men, of_women = (_picks(draw, names, len(female)) for names in (male_names, female_names))
    return [w if f else m for m, w, f in zip(of_men, of_women, female.tolist(), strict=True)]
