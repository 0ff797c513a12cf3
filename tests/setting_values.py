"""Values of settings that are weaker and stronger than the defaults."""

from typing import Any

# A weaker value and a stronger one than the default, for each setting that has a direction.
VALUES: dict[str, tuple[Any, Any]] = {
    "promise.k": (49, 51),
    "promise.k_jitter": (4, 6),
    "promise.inference_k": (9, "k"),
    "promise.rounding": (9, 20),
    "promise.near_jitter": (4, 6),
    "promise.near_days": (399, 401),
    "promise.min_account_days": (29, 31),
    "promise.campaigns_per_person": (3, 1),
    "eligibility.purposes": (["use", "disclosure"], ["use", "disclosure", "marketing"]),
    "eligibility.adult_age": (18, 21),
    "bots.max_visits_per_day": (1001, 999),
    "bots.user_agent_words": (["bot"], None),
    "timing.timezone": ("Europe/Dublin", None),
    "timing.settle_seconds": (59, 61),
    "intake.max_quarantined_share": (0.21, 0.19),
    "intake.naive_times": ("policy_zone", None),
    "codings.max_other_share": (0.11, 0.09),
    "plausibility.enabled": (False, None),
    "plausibility.weeks": (3, 5),
    "plausibility.min_days": (4, 2),
    "plausibility.min_rows": (101, 99),
    "plausibility.min_visits_ratio": (0.4, 0.6),
    "plausibility.max_visits_ratio": (3.1, 2.9),
    "plausibility.min_snapshot_ratio": (0.9, 0.96),
    "plausibility.max_share_change": (0.2, 0.05),
    "plausibility.max_campaign_share_change": (0.7, 0.5),
    "plausibility.max_share_without_history": (0.4, 0.2),
    "plausibility.other_weekdays_factor": (2.5, 1.5),
    "retention.closed_years": (6, 4),
    "retention.private_days": (41, 39),
}
