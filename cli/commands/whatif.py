"""`audience whatif`: what a period would have published under other settings, for officers."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonymizer.model.composed_segments import ComposedSegment
from anonymizer.model.errors import ConfigurationError, Fault
from anonymizer.model.series import CAMPAIGN_DAY
from anonymizer.storage.home import Home
from anonymizer.storage.permissions import account_name
from cli import command_limits
from cli.commands.common import HomeOption, JsonOption, existing_home, parse_period
from cli.output import say
from cli.part_trials import read_rule, try_parts
from cli.segment_effects import effect_of, with_segments
from cli.setting_trials import (
    COMMAND,
    SettingGrid,
    TrialGround,
    released_periods,
    require_officer,
    try_settings,
)
from cli.trial_page import require_new_page, write_page
from officer.stored_trials import TrialFolder
from pipelines.messages.screen import Listing, meter, notices, print_json, show
from pipelines.resources.release_history import open_ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anonymizer.model.policy import InferenceK
    from anonymizer.release.ledger import Ledger
    from cli.part_trials import PartTrial
    from cli.segment_effects import SegmentEffect
    from cli.setting_trials import SettingGrid, SettingTrial, TrialGround

PRIVATE = (
    "This was computed from private counts: it is for the officers who decide, and for no one else."
)


PeriodsOption = Annotated[
    list[str] | None,
    typer.Option("--period", help="Released day, ISO week or month; may be repeated."),
]
SeriesOption = Annotated[
    str | None,
    typer.Option("--series", help="A series, for example campaign-week (default: all)."),
]
ThresholdsOption = Annotated[str, typer.Option("--k", help="Thresholds, for example 20,50,100.")]
RoundingsOption = Annotated[str, typer.Option(help="Rounding bases, for example 5,10.")]
LevelsOption = Annotated[
    str, typer.Option("--inference-k", help="Protection levels, for example 10,20,k.")
]
AddedOption = Annotated[
    list[str] | None,
    typer.Option(
        help="GENDER:AGES:REGIONS, for example female:25-29+30-34:31.71; may be repeated."
    ),
]
PartsOption = Annotated[
    Path | None,
    typer.Option(
        readable=False, help="File with `campaign_parts` as in policy.yaml: what parts cost."
    ),
]
ChartOption = Annotated[
    Path | None, typer.Option(help="Also write a page with bars here (mode 0600).")
]
StoreOption = Annotated[
    bool, typer.Option("--store", help="Keep the result for the officer's page, 90 days.")
]


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("whatif")(try_out)


def try_out(  # noqa: PLR0913, PLR0917  one option for each setting
    k: ThresholdsOption = "",
    rounding: RoundingsOption = "",
    inference_k: LevelsOption = "",
    add_segment: AddedOption = None,
    campaign_parts: PartsOption = None,
    period: PeriodsOption = None,
    series: SeriesOption = None,
    chart: ChartOption = None,
    store: StoreOption = False,  # noqa: FBT002  Typer declares flags as boolean parameters
    home: HomeOption = None,
    as_json: JsonOption = False,  # noqa: FBT002
) -> None:
    """Suppress released periods again under other settings, in memory, and compare the outcomes.

    Each combination of the values is tried in place of the settings recorded last; without --period
    in the last released week (or day). Nothing is published; only --chart and --store write
    anything. With --add-segment also what more named segments would add, and what they would cause
    to be suppressed. With --campaign-parts instead what released days would publish if campaigns
    were counted in parts from that day on, and the processor time. Only for logins that may approve
    settings (audience policy approve): the results come from private counts.
    """
    place = existing_home(home)
    grid = _grid(k, rounding, inference_k)
    ledger = open_ledger(place)
    require_officer(place, ledger, COMMAND)
    if chart:
        require_new_page(chart, place)
    if campaign_parts:
        rule = read_rule(campaign_parts)
        days = _ground(place, ledger, period, series or CAMPAIGN_DAY.id)
        _tell_parts([try_parts(days, one, rule) for one in days.periods], as_json=as_json)
        return
    ground = _ground(place, ledger, period, series)
    found = _tried(ground, grid, add_segment or ())
    if chart:
        write_page(chart, found.releases, found.trials)
        notices().print(f"The page is {chart}.")
    if store:
        stored = TrialFolder(place).add(account_name(), found.record())
        notices().print(f"Stored as {stored}; see it with: audience officer")
    if as_json:
        print_json(found.record())
        return
    _tell(found)


@dataclass(frozen=True)
class _TrialResults:
    """What came of all settings and added segments in the periods that were asked for."""

    releases: "list[str]"
    trials: "tuple[SettingTrial, ...]"
    effects: "list[SegmentEffect]"
    notes: "tuple[str, ...]"

    def record(self) -> dict[str, Any]:
        """As JSON has it, and the officer's page."""
        return {
            "releases": self.releases,
            "settings": [_record(trial) for trial in self.trials],
            "added_segments": [asdict(effect) for effect in self.effects],
            "notes": list(self.notes),
        }


def _tried(ground: TrialGround, grid: SettingGrid, segments: "Sequence[str]") -> _TrialResults:
    """Try all of them, and say that the outcome is for officers."""
    effects = _effects(ground, segments)
    with meter("Settings tried") as bar:
        trials, notes = try_settings(
            ground, grid, lambda done, total: bar.at("Settings tried", done, total)
        )
    notices().print(PRIVATE)
    for note in notes:
        notices().print(f"Note: {note}.")
    return _TrialResults([str(one) for one in ground.periods], trials, effects, tuple(notes))


def _tell(found: _TrialResults) -> None:
    """Settings and added segments, in words and tables."""
    show(_listing(found.trials, found.releases))
    for trial in found.trials:
        say(_in_words(trial))
    for effect in found.effects:
        tell_effect(effect)


def _ground(
    place: Home, ledger: "Ledger", period: "Sequence[str] | None", series: str | None
) -> TrialGround:
    """The recorded settings, and the released periods that are asked for."""
    periods = [parse_period(None, one) for one in period or ()]
    wanted = released_periods(ledger.entries(), [one for one in periods if one], series)
    return TrialGround.of(place, ledger, wanted)


def _tell_parts(trials: "Sequence[PartTrial]", *, as_json: bool) -> None:
    """What days would publish undivided and in parts."""
    notices().print(PRIVATE)
    if as_json:
        both = [
            {"release": one.release, "column": one.column, "whole": one.whole.record(),
             "parts": one.parts.record()}
            for one in trials
        ]  # fmt: skip
        print_json({"campaign_parts": both})
        return
    columns = (
        *("campaigns", "tables", "segments", "publishable", "published", "people counted"),
        *("in a figure", "CPU seconds"),
    )
    for trial in trials:
        rows = []
        for name, day in (("whole", trial.whole), (f"by {trial.column}", trial.parts)):
            one = day.counts
            values = (one.tables, one.segments, one.publishable, one.published)
            shared = share(one.covered, one.people)
            rows.append((name, *values, one.people, shared, round(day.seconds, 1)))
        show(Listing(f"Campaigns in parts on {trial.release}", columns, rows))
        for day in (trial.whole, trial.parts):
            if day.refused:
                say(f"{day.refused}.")


def tell_effect(effect: "SegmentEffect") -> None:
    """What added segments change in a period, in words and tables."""
    if effect.refused:
        say(f"{effect.release}: {effect.refused}.")
        return
    rows = [
        (
            one.subject,
            one.segment,
            one.people,
            one.published,
            one.reason if one.published is None else "",
        )
        for one in effect.added
    ]
    columns = ("subject", "segment", "people", "published", "suppressed because")
    show(Listing(f"Added segments in {effect.release}", columns, rows))
    published = sum(one.published is not None for one in effect.added)
    say(
        f"{effect.release}: {published:,} of {len(effect.added):,} added figures are published. "
        f"{len(effect.lost):,} of {effect.figures:,} other figures would be suppressed, and "
        f"{len(effect.gained):,} more would be published."
    )
    for subject, segment in effect.lost[: command_limits.LOST_FIGURES]:
        say(f"  would be suppressed: {segment} of {subject}")
    if len(effect.lost) > command_limits.LOST_FIGURES:
        say(f"  and {len(effect.lost) - command_limits.LOST_FIGURES:,} more")


def _effects(ground: "TrialGround", texts: "Sequence[str]") -> "list[SegmentEffect]":
    """What the segments change that are given, all together, in each period."""

    if not texts:
        return []
    segments = [ComposedSegment.parse(text, "--add-segment") for text in texts]
    known = ground.recorded
    _, catalogue = with_segments(known.segments, known.catalogue, segments, "--add-segment")
    return [effect_of(ground, released, catalogue) for released in ground.periods]


def _grid(k: str, rounding: str, inference_k: str) -> "SettingGrid":

    levels: list[InferenceK] = [
        "k" if one == "k" else _whole("--inference-k", one) for one in _parts(inference_k)
    ]
    return SettingGrid(
        tuple(_whole("--k", one) for one in _parts(k)),
        tuple(_whole("--rounding", one) for one in _parts(rounding)),
        tuple(levels),
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text.strip() else []


def _whole(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 7):  # noqa: PLR2004
        remedy = "write numbers with commas, for example 20,50,100"
        raise ConfigurationError([Fault(option, f"{text!r} is not a whole number", remedy)])
    return int(text)


def _record(trial: "SettingTrial") -> dict[str, Any]:
    """A setting and its outcome as JSON has them."""
    promise, counts = trial.promise, trial.counts
    return {
        "k": promise.k,
        "rounding": promise.rounding,
        "inference_k": promise.inference_k,
        "recorded": trial.is_recorded,
        "weaker": list(trial.weaker),
        "needs_approval": bool(trial.weaker),
        "promise": promise_in_words(trial),
        "refused": trial.refused,
        **asdict(counts),
        "reasons": dict(counts.reasons),
        "suppressed": counts.suppressed,
    }


def _listing(trials: "tuple[SettingTrial, ...]", releases: list[str]) -> Listing:
    columns = (
        *("k", "rounding", "inference_k", "published", "suppressed", "below threshold", "near"),
        *("inference", "publishable", "published of these", "named published", "people covered"),
        *("in detail", "largest error", "stated error", "promise"),
    )
    rows = []
    for trial in trials:
        one, promise = trial.counts, trial.promise
        values: tuple[object, ...] = (None,) * 12
        if not trial.refused:
            values = (
                *(one.published, one.suppressed, one.reasons["threshold"], one.reasons["near"]),
                *(one.reasons["inference"], one.publishable, share(one.published, one.publishable)),
                f"{one.named_published:,} of {one.named:,}",
                *(share(one.covered, one.people), share(one.in_detail, one.people)),
                *(one.largest_error, one.error_bound),
            )
        rows.append(
            (promise.k, promise.rounding, str(promise.inference_k), *values, _standing(trial))
        )
    return Listing(f"Settings tried on {', '.join(releases)}", columns, rows)


def share(part: int, whole: int) -> str:
    """A part as a percentage; nothing of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "none"


def _standing(trial: "SettingTrial") -> str:
    if trial.refused:
        return "held by the gate"
    if trial.is_recorded:
        return "recorded"
    return "weaker: needs two approvals" if trial.weaker else "not weaker"


def _in_words(trial: "SettingTrial") -> str:
    """What a setting promises, and what it takes to use it."""
    promise = trial.promise
    name = f"k {promise.k}, rounding {promise.rounding}, inference_k {promise.inference_k}"
    if trial.refused:
        return f"{name}: {trial.refused}."
    use = "It is no weaker than the settings recorded last: a run records it."
    if trial.is_recorded:
        use = "These are the settings recorded last."
    elif trial.weaker:
        use = (
            f"Weaker than the settings recorded last ({'; '.join(trial.weaker)}): it needs two "
            "approvals (audience policy approve)."
        )
    return f"{name}: {promise_in_words(trial)} {use}"


def promise_in_words(trial: "SettingTrial") -> str:
    """What readers are promised under a setting."""
    promise = trial.promise
    floor = promise.inference_floor
    inference = (
        f"No one can prove that a group has fewer than {floor} people."
        if floor
        else "No suppressed figure can be solved exactly; a group may be shown to be small."
    )
    rounding = (
        "Figures are not rounded."
        if promise.rounding == 1
        else f"Figures are multiples of {promise.rounding}."
    )
    error = promise.error_of((promise.rounding,))
    return (
        f"Each figure counts at least {promise.k} people. {inference} {rounding} A figure is at "
        f"most {max(error, trial.counts.error_bound)} people away from the true number."
    )
