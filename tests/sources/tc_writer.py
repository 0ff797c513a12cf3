"""An encoder of TC strings, of the tests' own."""

from datetime import UTC, datetime

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
AT = datetime(2025, 12, 1, tzinfo=UTC)


def written(  # noqa: PLR0913  an encoder has many fields
    *,
    purposes: tuple[int, ...] = (1, 7),
    vendors: tuple[int, ...] = (755,),
    disclosed: tuple[int, ...] | None = (755,),
    policy: int = 5,
    updated: datetime = AT,
    restrictions: str = f"{0:012b}",
    interests: tuple[int, ...] = (),
    publisher: tuple[int, ...] | None = None,
    hides_purpose_1: bool = False,
) -> str:
    """A string of these fields; what is not named is as a sound string has it."""
    moment = f"{int(updated.timestamp() * 10):036b}"
    core = f"{2:06b}{moment}{moment}{300:012b}{1:012b}{1:06b}{4:06b}{13:06b}{200:012b}{policy:06b}"
    core += (
        f"10{0:012b}{_field(purposes, 24)}{_field(interests, 24)}{hides_purpose_1:b}{8:06b}{3:06b}"
    )
    core += _vendors(vendors) + _vendors(()) + restrictions
    parts = [core]
    if disclosed is not None:
        parts.append(f"{1:03b}{_vendors(disclosed)}")
    if publisher is not None:
        parts.append(f"{3:03b}{_field(publisher, 24)}{0:024b}{0:06b}")
    return ".".join(_characters(part) for part in parts)


def _field(members: tuple[int, ...], width: int) -> str:
    return "".join("1" if place in members else "0" for place in range(1, width + 1))


def _vendors(vendors: tuple[int, ...]) -> str:
    ranges = "".join(f"0{vendor:016b}" for vendor in vendors)
    return f"{max(vendors, default=0):016b}1{len(vendors):012b}{ranges}"


def _characters(bits: str) -> str:
    bits += "0" * (-len(bits) % 24)
    return "".join(ALPHABET[int(bits[at : at + 6], 2)] for at in range(0, len(bits), 6))
