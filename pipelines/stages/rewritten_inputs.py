"""Whether a released period has other raw files now than it was released from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from anonymizer.model.errors import first_few


@dataclass(frozen=True)
class Rewritten:
    """The raw files that differ from those of a release, by name."""

    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether any file differs."""
        return bool(self.new or self.gone or self.changed)

    def explain(self, release_id: str) -> str:
        """Which files differ, what stays, and what can be done.

        Requests arrive at any time and count from the next release on: they are no fault.
        """
        if not self.gone and all(map(_is_request, (*self.new, *self.changed))):
            named = first_few((*self.new, *self.changed))
            return (
                f"Requests have arrived since {release_id} was released ({named}). They count in "
                "the next release; the released figures stay as they are."
            )
        kinds = (f"{kind}: {first_few(names)}" for kind, names in asdict(self).items() if names)
        return (
            f"{release_id} was released from raw files that have changed since "
            f"({'; '.join(kinds)}). The released figures stay as they are. If they are wrong, "
            f"audience correct-release {release_id} releases the period again from correct files."
        )


def _is_request(name: str) -> bool:
    return name.startswith("requests/")


def rewritten(released: Mapping[str, str], taken: Mapping[str, str]) -> Rewritten:
    """Compare name and digest of the files of a release with those that were taken in now."""
    return Rewritten(
        tuple(sorted(taken.keys() - released.keys())),
        tuple(sorted(released.keys() - taken.keys())),
        tuple(
            sorted(name for name in taken.keys() & released.keys() if taken[name] != released[name])
        ),
    )
