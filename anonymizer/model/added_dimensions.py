"""Dimensions that settings add to gender, age and region: what the visits of a person tell.

A person has one value in a table: that of the first visit that counts there. So each person is in
one cell, whatever devices they use, and counts add up over an added dimension as over the others.
What no visit tells, or no value is known for, is `other`.
"""

from collections.abc import Sequence

from anonymizer.model.dimensions import ALL, NO_TEXT, Dimension, Group, Text

DEVICE, PRODUCT_CATEGORY = "device", "product_category"
# These and no others: specific personal data (health, finances, belief, ...) never become one.
ADDED_DIMENSIONS = (DEVICE, PRODUCT_CATEGORY)
OTHER = "other"
_DEVICES = {
    "mobile": Text("on mobile phones", "dengan ponsel"),
    "desktop": Text("on computers", "dengan komputer"),
    "tablet": Text("on tablets", "dengan tablet"),
    OTHER: Text("on other devices", "dengan perangkat lain"),
}
_OTHER_CATEGORIES = Text("for other products", "untuk produk lain")


def device() -> Dimension:
    """Mobile phone, computer, tablet, other."""
    return _dimension(DEVICE, list(_DEVICES.items()))


def product_category(interests: Sequence[tuple[str, Text]]) -> Dimension:
    """These interests, by code and name; other."""
    words = [
        (code, Text(f"for {name.english}", f"untuk {name.indonesian}")) for code, name in interests
    ]
    return _dimension(PRODUCT_CATEGORY, [*words, (OTHER, _OTHER_CATEGORIES)])


def _dimension(name: str, values: Sequence[tuple[str, Text]]) -> Dimension:
    everyone = Group(ALL, ALL, NO_TEXT, tuple(range(len(values))))
    groups = (Group(code, name, words, (leaf,)) for leaf, (code, words) in enumerate(values))
    return Dimension(name, tuple(code for code, _ in values), (everyone, *groups))


def id_part(dimension: str, code: str) -> str:
    """What an added dimension adds to the id of a segment: `:device=mobile`, nothing for all."""
    return "" if code == ALL else f":{dimension}={code}"
