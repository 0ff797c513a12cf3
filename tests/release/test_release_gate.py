"""Nothing is written that was not audited, and nothing that the audit broke."""

import pickle
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from release_world import (
    CAMPAIGNS,
    DAY,
    POLICY,
    SECRET,
    SHOWN,
    SPRING,
    TABLES,
    audited,
    catalogue,
    content,
    count,
    facts,
    judged,
    release,
    release_longer,
    show,
)

from anonymizer.earlier import earlier_releases
from anonymizer.errors import Disclosure, Held, SecretProblem
from anonymizer.exports.writing import write_exports
from anonymizer.gate import Audited, History, audit
from anonymizer.home import Home
from anonymizer.ledger import Ledger
from anonymizer.periods import Period
from anonymizer.publishing import publish
from anonymizer.release import Release
from anonymizer.secret import Secret
from anonymizer.series import CAMPAIGN_DAY
from anonymizer.subjects import Campaign
from anonymizer.tables import Counted, Figures


def judge(figures: Figures, counted: Counted) -> Audited:
    return audit([figures], [counted], catalogue(), POLICY.promise)


def test_a_sound_table_passes() -> None:
    counted = count("spring", SPRING)
    assert judge(show(counted), counted).summary["figures"] == len(SHOWN)


def test_promise_1_a_figure_below_the_floor_is_refused() -> None:
    counted = count("spring", SPRING | {("female", "50-54", "73.71"): 44})
    with pytest.raises(Disclosure, match=r"spring.*floor"):
        judge(show(counted, ("everyone", "women_makassar"), women_makassar=50), counted)


def test_promise_1_fresh_accounts_do_not_count_towards_the_floor() -> None:
    counted = count("spring", {("male", "25-29", "31.71"): 90}, fresh=45)
    with pytest.raises(Disclosure, match="floor"):
        judge(show(counted, ("everyone",)), counted)


def test_promise_2_a_group_that_subtraction_shows_small_is_refused() -> None:
    """80 people, all of them men: of the women it follows that they are few."""
    policy = POLICY.promise.model_copy(update={"rounding": 1})
    counted = count("spring", {("male", "25-29", "31.71"): 80})
    figures = show(counted, ("everyone", "men"))
    with pytest.raises(Disclosure, match="homogeneity"):
        audit([figures], [counted], catalogue(), policy)


@pytest.mark.parametrize("figure", [893, 920, 880])
def test_promise_3_a_figure_that_is_not_rounded_as_promised_is_refused(figure: int) -> None:
    counted = count("spring", SPRING)  # 901 men
    with pytest.raises(Disclosure, match="rounding"):
        judge(show(counted, men=figure), counted)


def test_promise_4_a_released_period_never_changes(home: Home, ledger: Ledger) -> None:
    release(home)
    before = content(home.published)
    again = publish(audited(shown=("everyone", "men")), facts(), home, ledger, SECRET)
    assert again.already_released
    assert again.release.figures.num_rows == 2 * (len(SHOWN) + 1)
    assert content(home.published) == before
    assert ledger.verify() == 1


def test_promise_5_identifying_text_does_not_pass_as_a_campaign_name() -> None:
    for name in ("mail budi@example.com", "call +62 812 3456 7890", "0812-3456-7890",
                 "KTP 3171234567890123"):  # fmt: skip
        with pytest.raises(Held, match="identifying_text") as refusal:
            Campaign("spring", name, "maju", "PT Maju", DAY, DAY)
        assert name not in str(refusal.value)
    Campaign("spring", "Lebaran 2026-03-01 to 2026-03-31, 50% off", "maju", "PT 21", DAY, DAY)


@pytest.mark.parametrize("bad", ["", "..", "a/b", ".hidden", "a b", "x" * 65, "a\n", "é"])
def test_ids_that_are_no_file_names_are_refused(bad: str) -> None:
    with pytest.raises(Held, match="campaign_id"):
        Campaign(bad, "Sale", "maju", "PT Maju", DAY, DAY)
    with pytest.raises(Held, match="campaign_id"):
        Campaign("spring", "Sale", bad, "PT Maju", DAY, DAY)


def test_promise_6_a_step_cannot_be_skipped(home: Home, released: Release) -> None:
    sound = audited()
    with pytest.raises(TypeError, match="audit alone"):
        Audited(sound.kind, sound.period, sound.figures, sound.catalogue, sound.promise)
    with pytest.raises(TypeError, match="audit alone"):
        replace(sound, figures=())
    with pytest.raises(TypeError, match="publishing alone"):
        replace(released, number=2)
    for not_audited in (sound.figures, released, None):
        with pytest.raises(TypeError):
            publish(not_audited, facts(), home, Ledger.open(home.ledger), SECRET)  # type: ignore[arg-type]
    for not_released in (sound, sound.figures, home.releases):
        with pytest.raises(TypeError):
            write_exports(not_released, home, Ledger.open(home.ledger), SECRET)  # type: ignore[arg-type]


def test_what_was_not_attacked_together_with_the_releases_before_it_is_not_published(
    home: Home, ledger: Ledger
) -> None:
    counted = [count(name, people) for name, people in sorted(TABLES.items())]
    figures = [show(table) for table in counted]
    by_themselves = audit(figures, counted, catalogue(), POLICY.promise)
    with pytest.raises(TypeError, match="earlier releases"):
        publish(by_themselves, facts(), home, ledger, SECRET)

    release_longer(home)
    assert not ledger.find_release("campaign-day-2026-11-22")
    before = content(home.root)
    with pytest.raises(Held, match="3 earlier release"):  # its week, its month, the audience
        publish(audited(), facts(), home, ledger, SECRET)
    assert content(home.root) == before

    earlier = earlier_releases(home, ledger, CAMPAIGN_DAY, Period("day", DAY))
    whole = judged(figures, counted, History(earlier, CAMPAIGNS))
    assert publish(whole, facts(), home, ledger, SECRET).release.period.start == DAY


def test_audited_figures_do_not_remember_the_truth() -> None:
    counted = count(
        "spring", {("male", "25-29", "31.71"): 123457, ("female", "50-54", "73.71"): 777}
    )
    kept = pickle.dumps(judge(show(counted, ("everyone",)), counted))
    for number in (123457, 777):
        assert np.int64(number).tobytes() not in kept


def test_tables_that_do_not_belong_together_are_refused() -> None:
    spring, autumn = count("spring", SPRING), count("autumn", SPRING)
    other_day = count("autumn", SPRING, date(2026, 11, 23))
    for tables in ([], [spring, spring], [spring, other_day]):
        with pytest.raises(Held, match="tables"):
            audit([show(t) for t in tables], tables, catalogue(), POLICY.promise)
    with pytest.raises(Held, match="tables"):
        audit([show(spring)], [autumn], catalogue(), POLICY.promise)


def test_nothing_is_written_when_the_secret_has_changed(home: Home) -> None:
    release(home)
    before = content(home.root)
    with pytest.raises(SecretProblem, match="restore"):
        release(home, date(2026, 11, 23), Secret(b"x" * 32))
    assert content(home.root) == before


@pytest.mark.parametrize(
    "campaigns",
    [CAMPAIGNS[:1], (*CAMPAIGNS[:1], replace(CAMPAIGNS[1], advertiser_id="MAJU"))],
    ids=["a table without its campaign", "ids that differ in case only"],
)
def test_a_refusal_while_staging_leaves_nothing(
    campaigns: tuple[Campaign, ...], home: Home, ledger: Ledger
) -> None:
    with pytest.raises(Held, match="campaign"):
        publish(audited(), facts(campaigns), home, ledger, SECRET)
    assert content(home.published) == {}
    assert ledger.verify() == 0


def test_a_policy_that_changed_after_the_audit_is_refused(home: Home, ledger: Ledger) -> None:
    promise = POLICY.promise.model_copy(update={"k": 40})
    changed = replace(facts(), policy=POLICY.model_copy(update={"promise": promise}))
    with pytest.raises(Held, match="promise"):
        publish(audited(), changed, home, ledger, SECRET)
    assert content(home.published) == {}


def test_promise_6_what_was_audited_cannot_be_changed_afterwards(home: Home) -> None:
    table = audited().figures[0]
    for array in (table.people, table.segments):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 10


def test_promise_6_an_array_handed_in_is_not_the_one_that_is_kept() -> None:
    people = np.array([60, 70], dtype=np.int64)
    key = audited().figures[0].key
    table = Figures(key, np.array([0, 1], dtype=np.int32), people)
    people[0] = 10
    assert table.people.tolist() == [60, 70]
