"""Mails: a real SMTP server with STARTTLS; one mail for each advertiser, without figures."""

import re
import time

import pytest
from destinations import (
    FIRST,
    MAJU,
    NEXT_DAY,
    SECOND,
    become,
    configure,
    delivered,
    log_text,
    mail_to,
    private_file,
)
from receivers import PASSWORD, Authority, MailReceiver, dripping, mail_receiver
from release_world import SECRET

from anonymizer.delivery import delivery_limits
from anonymizer.delivery.delivery_changes import PublishedExports
from anonymizer.delivery.destination_catalogue import load_destinations
from anonymizer.delivery.mail_words import MailItem, mail_words
from anonymizer.delivery.released_facts import facts_of
from anonymizer.exports.export_files import ExportFiles
from anonymizer.exports.withdrawal import withdraw
from anonymizer.release.ledger import Ledger
from anonymizer.storage.home import Home


def body_of(mailbox: MailReceiver, number: int = -1) -> str:
    return str(mailbox.mails[number].get_content())


def test_one_mail_says_what_is_out_in_english(home: Home, mailbox: MailReceiver) -> None:
    configure(home, mail={"reports": mail_to(home, mailbox)})
    (done,) = delivered(home)
    assert (done.outcome, done.problem) == ("delivered", "")
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Audience figures for PT Maju: 2 new"
    assert mail["Message-ID"] == f"<{done.id}@provider.example>"
    assert mail["To"] == "reports@maju.example"
    assert (
        body_of(mailbox)
        .replace("\r\n", "\n")
        .startswith(
            "Audience figures for PT Maju (Example Company)\n\n"
            "New figures:\n"
            "- Spring Sale, 22 November 2026: 7 figures\n"
            "- Spring Sale, 23 November 2026: 7 figures\n\n"
            "The figures and their files are at https://audience.example\n"
        )
    )
    assert delivered(home) == []


def test_the_same_in_indonesian_and_to_several(home: Home, mailbox: MailReceiver) -> None:
    to = ["a@maju.example", "b@maju.example"]
    configure(home, mail={"reports": mail_to(home, mailbox, language="indonesian", to=to)})
    delivered(home)
    assert mailbox.recipients == [to]
    assert mailbox.mails[0]["Subject"] == "Angka audiens untuk PT Maju: 2 baru"
    assert "- Spring Sale, 22 November 2026: 7 angka" in body_of(mailbox)
    assert '"target":"127.0.0.1 for maju.example"' in log_text(home)
    assert "a@maju" not in log_text(home)


def test_each_advertiser_has_a_mail_of_its_own(home: Home, mailbox: MailReceiver) -> None:
    configure(home, mail={"reports": mail_to(home, mailbox, advertisers=["*"])})
    assert [one.advertiser for one in delivered(home)] == ["jaya", "maju"]
    for mail, other in zip(mailbox.mails, ("Maju|maju|Spring", "Jaya|jaya|Autumn"), strict=True):
        assert not re.search(other, mail["Subject"] + str(mail.get_content()))


def test_a_mail_has_no_figure_of_any_table(home: Home, mailbox: MailReceiver) -> None:
    configure(home, mail={"reports": mail_to(home, mailbox)})
    delivered(home)
    numbers = set(re.findall(r"\d+", re.sub(r"Notice \w+", "", body_of(mailbox))))
    assert numbers == {"7", "22", "23", "2026"}


@pytest.mark.alternate("called off")
def test_corrections_and_withdrawals_are_told_with_their_reasons(
    home: Home, corrected: Home, mailbox: MailReceiver
) -> None:
    configure(home, mail={"reports": mail_to(home, mailbox)})
    delivered(home)
    become(home, corrected)
    withdraw(NEXT_DAY, "Visits came twice", home, Ledger.open(home.ledger), SECRET)
    delivered(home)
    mail = mailbox.mails[-1]
    assert mail["Subject"] == "Audience figures for PT Maju: 1 corrected, 1 withdrawn"
    body = body_of(mailbox)
    assert "Corrected figures:" in body
    assert f"in place of {FIRST}: Births of a third of the profiles could not be read" in body
    assert f"- 22 November 2026: {FIRST}" in body
    assert f"Use {SECOND} instead." in body
    assert "Withdrawn: Visits came twice. Do not use these figures" in body


def test_both_languages_say_the_same(home: Home, corrected: Home) -> None:
    become(home, corrected)
    published, files = PublishedExports.of(home), ExportFiles(home)
    home.deliveries.write_text(
        "mail: {m: {advertisers: [maju], since: 2026-11-01, host: localhost, sender: a@b.example,"
        " to: [c@d.example]}}"
    )
    settings = load_destinations(home).all[0].settings
    changes = published.changes(settings, {("maju", FIRST): "released"})
    items = [MailItem(one, facts_of(one, files)) for one in changes]
    english, indonesian = (
        mail_words(items, language, "", "abc").body for language in ("english", "indonesian")
    )
    assert len(english.splitlines()) == len(indonesian.splitlines())
    for word in (FIRST, SECOND, "Spring Sale", "PT Maju"):
        assert english.count(word) == indonesian.count(word) > 0


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"password": {"file": "wrong.password"}}, "credentials"),
        ({"ca_file": "other.pem"}, "certificate"),
        ({"security": "tls"}, "unreachable"),
        ({"to": ["nobody@maju.example"]}, "recipients"),
        ({"port": 9}, "unreachable"),
    ],
    ids=["password", "certificate", "not tls", "recipient", "down"],
)
def test_what_fails_is_said_by_a_code_and_sent_later(
    home: Home, mailbox: MailReceiver, more: dict[str, object], problem: str
) -> None:
    private_file(home.root / "wrong.password", "canary-wrong-5d1")
    Authority().write(home.root / "other.pem")
    mailbox.refused = {"nobody@maju.example"}
    configure(home, mail={"reports": mail_to(home, mailbox, **more)})
    (failed,) = delivered(home)
    assert (failed.outcome, failed.problem.partition(":")[0]) == ("failed", problem)
    assert not mailbox.mails
    for secret in ("canary-wrong-5d1", PASSWORD, "nobody@", "no such mailbox"):
        assert secret not in log_text(home)
    configure(home, mail={"reports": mail_to(home, mailbox)})
    assert [one.outcome for one in delivered(home, at_once=True)] == ["delivered"]


def test_a_mail_that_some_recipients_have_is_not_sent_again(
    home: Home, mailbox: MailReceiver
) -> None:
    mailbox.refused = {"gone@maju.example"}
    to = ["here@maju.example", "gone@maju.example"]
    configure(home, mail={"reports": mail_to(home, mailbox, to=to)})
    (done,) = delivered(home)
    assert done.outcome == "delivered"
    assert done.problem.startswith("recipients: the server refused 1 of 2")
    assert delivered(home) == []
    assert mailbox.recipients == [["here@maju.example"]]


def test_a_mail_that_the_server_does_not_take_is_tried_again(
    home: Home, mailbox: MailReceiver
) -> None:
    mailbox.answers = ["452 canary: /var/spool is full"]
    configure(home, mail={"reports": mail_to(home, mailbox)})
    (failed,) = delivered(home)
    assert failed.problem.startswith("smtp_452")
    assert "canary" not in log_text(home)
    (done,) = delivered(home, at_once=True)
    assert (done.outcome, done.id) == ("delivered", failed.id)


def test_a_password_is_not_sent_to_a_server_without_starttls(
    home: Home, authority: Authority
) -> None:
    with mail_receiver(authority, starttls=False) as plain:
        configure(home, mail={"reports": mail_to(home, plain)})
        (failed,) = delivered(home)
        assert failed.problem.startswith("starttls")
        assert not plain.mails
        assert not plain.passwords


def test_a_server_that_answers_byte_by_byte_is_left_at_the_deadline(
    home: Home, mailbox: MailReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_limits, "MAIL_WHOLE_SECONDS", 1.0)
    good = mail_to(home, mailbox)
    with dripping(b"220-x") as port:
        configure(home, mail={"drips": {**good, "port": port}, "good": good})
        began = time.monotonic()
        found = delivered(home)
    assert time.monotonic() - began < 8
    problems = {one.destination: one.problem.partition(":")[0] for one in found}
    assert problems == {"drips": "timeout", "good": ""}


def test_the_deadline_holds_under_tls(
    home: Home, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_limits, "MAIL_WHOLE_SECONDS", 1.0)
    with dripping(b"220-x", authority) as port:
        given = {
            **MAJU,
            "host": "127.0.0.1",
            "port": port,
            "security": "tls",
            "sender": "audience@provider.example",
            "to": ["reports@maju.example"],
            "ca_file": "ca.pem",
        }
        configure(home, mail={"drips": given})
        (failed,) = delivered(home)
    assert failed.problem.partition(":")[0] == "timeout"
