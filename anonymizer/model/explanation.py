"""The policy in plain words, and the reference page made from its models."""

from collections.abc import Iterator

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from anonymizer.model.configuration import Settings
from anonymizer.model.policy import Policy
from anonymizer.model.roles import Roles
from anonymizer.model.segments import Catalogue, SegmentSettings

_TIMES_THRESHOLD = 10  # how large the figure is whose range is worked out


def explain(policy: Policy, catalogue: Catalogue) -> str:
    """What these settings promise, sentence by sentence, for a reader without statistics."""
    paragraphs = (
        _threshold(policy),
        _inference(policy),
        _rounding(policy),
        _near(policy),
        _contributions(policy),
        _people(policy),
        _time(policy),
        _segments(catalogue),
    )
    return "\n\n".join(paragraphs) + "\n"


def _threshold(policy: Policy) -> str:
    promise = policy.promise
    highest = promise.k + promise.k_jitter
    words = (
        f"Threshold. {policy.provider} publishes a figure only if it counts at least {promise.k} "
        "different people."
    )
    if promise.k_jitter:
        words += (
            f" A secret offset raises that threshold to between {promise.k} and {highest}. It is "
            "drawn separately for each set of people, so that the appearance of a group reveals "
            f"the arrival of one person in at most one of {promise.k_jitter + 1} cases. A group "
            "that shares the figure of another group has no offset."
        )
    return words + " Anything below is suppressed; neither the reason nor the size is disclosed."


def _inference(policy: Policy) -> str:
    promise = policy.promise
    if not promise.inference_floor:
        return (
            "Inference. No suppressed figure can be solved exactly from the published ones. It "
            "may still be provable that a group is small: set inference_k to prevent that."
        )
    return (
        "Inference. From all published figures of a table, by subtraction or any other "
        f"arithmetic, no one can prove that a group has fewer than {promise.inference_floor} "
        "people. This includes proving that a group is empty, or that everyone else was of one "
        "kind. A proof for every cell is verified by an independent checker before a table is "
        "published."
    )


def _rounding(policy: Policy) -> str:
    promise = policy.promise
    if promise.rounding == 1:
        words = "Rounding. Figures are not rounded; more segments are suppressed to keep them safe."
    else:
        words = (
            f"Rounding. Figures are multiples of {promise.rounding}, rounded up or down by a "
            "secret draw that depends on exactly who is counted, so that repetition does not "
            "average it out."
        )
    figure = _TIMES_THRESHOLD * promise.k // promise.rounding * promise.rounding
    least, most = promise.range_of(figure)
    return words + (
        f" As groups share figures (see Comparisons), a figure of {figure} stands for {least} to "
        f"{most} people."
    )


def _near(policy: Policy) -> str:
    promise = policy.promise
    more = ""
    if promise.near_jitter:
        more = f", plus a secret 0 to {promise.near_jitter} drawn once for each pair of tables,"
    return (
        f"Comparisons. A group that differs by fewer than {_people_of(promise.step)}{more} from a "
        "group that was judged earlier on its own has the figure of that group, or none. This "
        "limits what a comparison of two tables shows about one person; the threat model states "
        "the measured bounds. Each group is compared with all groups released in the "
        f"{promise.near_days} days before."
    )


def _contributions(policy: Policy) -> str:
    promise = policy.promise
    most = promise.campaigns_per_person
    campaigns = "1 campaign" if most == 1 else f"{most} campaigns"
    words = (
        "Contributions. A visit counts for one campaign: the one that a tag in its address names, "
        f"otherwise the one with the longest matching link. A person counts in at most {campaigns} "
        "of one advertiser on a day, and likewise in a week or month; a secret draw chooses which."
    )
    if not promise.min_account_days:
        return words
    days = "1 day" if promise.min_account_days == 1 else f"{promise.min_account_days} days"
    return words + (
        f" An account that has been open for less than {days} is not counted, so that a group "
        "cannot be filled with new accounts."
    )


def _people_of(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


def _people(policy: Policy) -> str:
    purposes = ", ".join(purpose.replace("_", " ") for purpose in policy.eligibility.purposes)
    return (
        f"People. Only people are counted who are {policy.eligibility.adult_age} or older, have "
        f"an open account, and consent to: {purposes}. Withdrawal and erasure remove a person "
        f"from every later figure. More than {policy.bots.max_visits_per_day:,} visits of one "
        "account on a day are treated as those of a program. Profiles closed for more than "
        f"{policy.retention.closed_years} years are left out of the working data, which is kept "
        f"for {policy.retention.private_days} days."
    )


def _time(policy: Policy) -> str:
    timing = policy.timing
    late = "1 day" if timing.late_days == 1 else f"{timing.late_days} days"
    return (
        f"Time. Days are calendar days in {timing.timezone}. Visits may arrive up to {late} late; "
        "then the day is released, once, and never changes."
    )


def _segments(catalogue: Catalogue) -> str:
    named = [catalogue.name(row).english for row in sorted(catalogue.named)]
    return (
        f"Segments. {len(catalogue):,} groups may be published, made of gender, age band and "
        f"region only; {len(named)} of them by name: {', '.join(named)}."
    )


def reference() -> str:
    """All keys of both files with defaults, limits and meaning, as Markdown."""
    lines = [
        "# Policy reference",
        "",
        "Generated by `make docs`. The files of `audience init` contain all keys, with comments.",
        "",
        "## policy.yaml",
        "",
        "| key | default | limits | meaning |",
        "|---|---|---|---|",
        *_rows(Policy, ""),
        "",
        "## segments.yaml",
        "",
        "| key | default | limits | meaning |",
        "|---|---|---|---|",
        *_rows(SegmentSettings, ""),
    ]
    return "\n".join(lines) + "\n"


def _rows(model: type[Settings], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = inner_model(field)
        if inner is None:
            yield (
                f"| `{prefix}{name}` | {_default(field)} | {_limits(field)} "
                f"| {field.description or ''} |"
            )
        else:
            key = f"{prefix}{name}." + ("" if inner is field.annotation else "<code>.")
            yield f"| **`{prefix}{name}`** | | | {(inner.__doc__ or '').strip()} |"
            yield from _rows(inner, key)


def inner_model(field: FieldInfo) -> type[Settings] | None:
    """The model that a field holds, itself or as the values of a mapping."""
    candidates = (field.annotation, *getattr(field.annotation, "__args__", ()))
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, Settings):
            return candidate
    return None


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "none"
    value = field.default
    if isinstance(value, Roles) or value == ():
        return "none"
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else value}`"


_SIGNS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


def _limits(field: FieldInfo) -> str:
    bounds = [
        f"{words} {getattr(limit, sign)}"
        for limit in field.metadata
        for sign, words in _SIGNS.items()
        if hasattr(limit, sign)
    ]
    return ", ".join(bounds)
