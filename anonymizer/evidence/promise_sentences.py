"""What the settings promise, sentence by sentence, computed from them in either language."""

from anonymizer.evidence.phrases import Phrases, plain
from anonymizer.model.policy import Plausibility, Policy, PolicyPromise
from anonymizer.model.roles import ROLES, Roles
from anonymizer.release.settings import Meaning

_TIMES_THRESHOLD = 10  # how large the figure is whose range is worked out


def promise_values(meaning: Meaning, phrases: Phrases) -> dict[str, str]:
    """Each sentence by the name that pages use."""
    policy = meaning.policy
    return {
        **_promises(policy.promise, phrases),
        **_people(policy, phrases),
        **_periods(policy, phrases),
        **_retention(policy, phrases),
        **_catalogue(meaning, phrases),
        "provider": plain(policy.provider),
        "roles": _roles(policy.roles, phrases),
        "guards": "\n".join(f"* {line}" for line in _guards(policy, phrases)),
    }


def _promises(promise: PolicyPromise, phrases: Phrases) -> dict[str, str]:
    said = {
        "threshold": _threshold(promise, phrases),
        "accounts": _accounts(promise, phrases),
        "inference": _inference(promise, phrases),
        "rounding": _rounding(promise, phrases),
        "range": _range(promise, phrases),
        "near": _near(promise, phrases),
        "near_days": phrases.say("near_days", days=phrases.number(promise.near_days)),
        "campaigns": _campaigns(promise, phrases),
    }
    return {
        **said,
        "promises": "\n".join(f"* {sentence}" for sentence in said.values()),
        "measured": _measured(promise, phrases),
        "a6": _arrival(promise, phrases),
        **_after_leak(promise, phrases),
    }


def _threshold(promise: PolicyPromise, phrases: Phrases) -> str:
    k = phrases.number(promise.k)
    words = phrases.say("threshold", k=k)
    if not promise.k_jitter:
        return words
    highest = phrases.number(promise.k + promise.k_jitter)
    return f"{words} {phrases.say('threshold_offset', k=k, highest=highest)}"


def _accounts(promise: PolicyPromise, phrases: Phrases) -> str:
    if not promise.min_account_days:
        return phrases.say("accounts_any")
    return phrases.say("accounts", days=phrases.number(promise.min_account_days))


def _inference(promise: PolicyPromise, phrases: Phrases) -> str:
    if not promise.inference_floor:
        return phrases.say("inference_exact")
    return phrases.say("inference", floor=phrases.number(promise.inference_floor))


def _rounding(promise: PolicyPromise, phrases: Phrases) -> str:
    if promise.rounding == 1:
        return phrases.say("rounding_exact")
    return phrases.say("rounding", rounding=phrases.number(promise.rounding))


def _range(promise: PolicyPromise, phrases: Phrases) -> str:
    figure = _TIMES_THRESHOLD * promise.k // promise.rounding * promise.rounding
    least, most = map(phrases.number, promise.range_of(figure))
    return phrases.say("range", figure=phrases.number(figure), least=least, most=most)


def _near(promise: PolicyPromise, phrases: Phrases) -> str:
    step = phrases.number(promise.step)
    if not promise.near_jitter:
        return phrases.say("near", step=step)
    return phrases.say("near_offset", step=step, jitter=phrases.number(promise.near_jitter))


def _campaigns(promise: PolicyPromise, phrases: Phrases) -> str:
    if promise.campaigns_per_person == 1:
        return phrases.say("campaigns_one")
    return phrases.say("campaigns", campaigns=phrases.number(promise.campaigns_per_person))


def _measured(promise: PolicyPromise, phrases: Phrases) -> str:
    """Whether the bounds of the threat model, taken with the defaults, are evidence here."""
    usual = PolicyPromise()
    other = [
        f"promise.{name}"
        for name in PolicyPromise.model_fields
        if getattr(promise, name) != getattr(usual, name)
    ]
    if not other:
        return phrases.say("measured")
    return phrases.say("not_measured", settings=plain(", ".join(other)))


def _arrival(promise: PolicyPromise, phrases: Phrases) -> str:
    if not promise.k_jitter:
        return phrases.say("a6_certain")
    return phrases.say("a6", cases=phrases.number(promise.k_jitter + 1))


def _after_leak(promise: PolicyPromise, phrases: Phrases) -> dict[str, str]:
    """What is left of a promise when the key is known."""
    k, floor = phrases.number(promise.k), phrases.number(promise.inference_floor)
    rounding, jitter = phrases.number(promise.rounding), phrases.number(promise.near_jitter)
    offset = phrases.number(promise.k_jitter)
    threshold = phrases.say("leak_threshold", k=k, jitter=offset)
    inference = phrases.say("leak_inference", floor=floor)
    return {
        "leak_threshold": threshold
        if promise.k_jitter
        else phrases.say("leak_threshold_plain", k=k),
        "leak_inference": inference
        if promise.inference_floor
        else phrases.say("leak_inference_exact"),
        "leak_rounding": phrases.say("leak_rounding", rounding=rounding)
        if promise.rounding > 1
        else phrases.say("leak_rounding_exact"),
        "leak_near": phrases.say("leak_near", jitter=jitter)
        if promise.near_jitter
        else phrases.say("leak_near_plain"),
    }


def _people(policy: Policy, phrases: Phrases) -> dict[str, str]:
    purposes = [phrases.say(f"purpose_{name}") for name in policy.eligibility.purposes]
    visits = phrases.number(policy.bots.max_visits_per_day)
    words = plain(", ".join(policy.bots.user_agent_words))
    return {
        "eligibility": phrases.say(
            "eligibility",
            age=phrases.number(policy.eligibility.adult_age),
            purposes=", ".join(purposes),
        ),
        "bots": phrases.say("bots", visits=visits, words=words)
        if words
        else phrases.say("bots_no_words", visits=visits),
    }


def _periods(policy: Policy, phrases: Phrases) -> dict[str, str]:
    timing = policy.timing
    late, stays_open = phrases.number(timing.late_days), phrases.number(timing.open_days)
    return {
        "timezone": phrases.say("timezone", timezone=plain(timing.timezone)),
        "late": phrases.say("late", late=late, open=stays_open),
    }


def _retention(policy: Policy, phrases: Phrases) -> dict[str, str]:
    kept = policy.retention
    return {
        "retention_private": phrases.say(
            "retention_private", days=phrases.number(kept.private_days)
        ),
        "retention_closed": phrases.say(
            "retention_closed", years=phrases.number(kept.closed_years)
        ),
        "retention_near": phrases.say(
            "retention_near", days=phrases.number(policy.promise.near_days)
        ),
    }


def _catalogue(meaning: Meaning, phrases: Phrases) -> dict[str, str]:
    catalogue = meaning.catalogue
    codes = [catalogue.named[row].id for row in sorted(catalogue.named)]
    interests = [
        f"{plain(interest.code)} ({plain(phrases.choose(interest.name))}: "
        f"{plain(', '.join(interest.categories))})"
        for interest in catalogue.interests
    ]
    return {
        "segments": phrases.say(
            "segments",
            segments=phrases.number(len(catalogue)),
            named=phrases.number(len(codes)),
            codes=plain(", ".join(codes)) or phrases.say("nothing"),
        ),
        "interests": phrases.say("interests", interests="; ".join(interests))
        if interests
        else phrases.say("interests_none"),
    }


def _roles(roles: Roles, phrases: Phrases) -> str:
    if not roles:
        return phrases.say("roles_none")
    listed = [
        f"{phrases.say(f'role_{role}')}: {plain(', '.join(logins)) or phrases.say('nothing')}"
        for role in ROLES
        for logins in [roles.logins.get(role, ())]
    ]
    return phrases.say("roles", roles="; ".join(listed))


def _guards(policy: Policy, phrases: Phrases) -> list[str]:
    intake = policy.intake
    return [
        phrases.say("settle", seconds=phrases.number(policy.timing.settle_seconds)),
        phrases.say("quarantined", share=phrases.share(intake.max_quarantined_share)),
        phrases.say(f"naive_{intake.naive_times}"),
        phrases.say("other_codes", share=phrases.share(policy.codings.max_other_share)),
        *_plausibility(policy.plausibility, phrases),
    ]


def _plausibility(limits: Plausibility, phrases: Phrases) -> list[str]:
    if not limits.enabled:
        return [phrases.say("plausible_off")]
    reasons = [
        f"{plain(reason)} {phrases.share(limit)}"
        for reason, limit in sorted(limits.max_share_change_by_reason.items())
    ]
    return [
        phrases.say(
            "plausible_days",
            weeks=phrases.number(limits.weeks),
            days=phrases.number(limits.min_days),
            factor=phrases.decimal(limits.other_weekdays_factor),
            rows=phrases.number(limits.min_rows),
        ),
        phrases.say(
            "plausible_limits",
            least=phrases.decimal(limits.min_visits_ratio),
            most=phrases.decimal(limits.max_visits_ratio),
            snapshot=phrases.share(limits.min_snapshot_ratio),
            change=phrases.share(limits.max_share_change),
            campaign_change=phrases.share(limits.max_campaign_share_change),
            first=phrases.share(limits.max_share_without_history),
        ),
        *([phrases.say("plausible_reasons", limits=", ".join(reasons))] if reasons else []),
    ]
