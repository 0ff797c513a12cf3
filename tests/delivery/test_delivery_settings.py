"""`deliveries.yaml`: every mistake at once, by line, and no secret in it or in a message."""

from importlib.resources import files

import pytest

from anonymizer.delivery.destination_catalogue import load_destinations, parse_destinations
from anonymizer.model.errors import ConfigurationError
from anonymizer.storage.home import Home
from cli.commands.init import create_home

DEFAULT = (files("anonymizer") / "defaults" / "deliveries.yaml").read_text("utf-8")
FAULTY = """\
fetch_from: https://user:geheim@portal.example
webhook:
  A-b:
    advertisers: ["*", maju]
    since: 2026-11-01
    url: https://crm.example/?token=geheim
    secret: geheim
    colour: 1
  plain: {advertisers: [_all], since: 2026-11-01, url: "http://crm.example/", secret: {variable: X}}
  two: {advertisers: [maju], since: 2026-11-01, url: {variable: X}, secret: {file: s, command: c}}
mail:
  reports:
    advertisers: [maju]
    since: soon
    series: [campaign-year]
    host: smtp.example
    sender: "a@b.example\\nBcc: x@y.example"
    to: []
sftp:
  inbox:
    advertisers: [maju]
    since: 2026-11-01
    host: sftp.example
    user: audience
    folder: ../other
    host_keys: []
s3:
  lake: {advertisers: [maju], since: 2026-11-01, bucket: UPPER, endpoint: "https://a:geheim@b"}
"""
PLACES = (
    *("1 fetch_from", "4 webhook.A-b.advertisers", "6 webhook.A-b.url", "7 webhook.A-b.secret"),
    *("8 webhook.A-b.colour", "9 webhook.plain.advertisers", "9 webhook.plain.url"),
    *("10 webhook.two.secret", "14 mail.reports.since", "15 mail.reports.series"),
    *("17 mail.reports.sender", "18 mail.reports.to", "25 sftp.inbox.folder"),
    *("26 sftp.inbox.host_keys", "28 s3.lake.bucket", "28 s3.lake.endpoint"),
)


def test_every_mistake_is_told_at_once_by_line_and_without_secrets() -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_destinations(FAULTY)
    said = str(refused.value)
    told = {fault.place.removeprefix("deliveries.yaml:") for fault in refused.value.faults}
    assert told == set(PLACES)
    assert "geheim" not in said
    assert "Bcc" not in said


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("security: none", "security is starttls or tls, unless host is this machine"),
        ("user: audience", "user and password are given together"),
        ("security: none, host: localhost, user: a, password: {variable: X}", "only under"),
    ],
)
def test_a_password_never_goes_without_protection(given: str, problem: str) -> None:
    text = (
        "mail: {m: {advertisers: [x], since: 2026-11-01, host: smtp.example, sender: a@b.example,"
        " to: [c@d.example]}}"
    )
    assert parse_destinations(text).all
    mended = text.replace("host: smtp.example, ", "") if "host" in given else text
    with pytest.raises(ConfigurationError, match=problem):
        parse_destinations(mended.replace("sender:", f"{given}, sender:"))


@pytest.mark.parametrize("address", ["a..b@x.example", "a@x..example", ".a@x.example", "a@.x"])
def test_an_address_that_no_mail_can_have_is_a_mistake_of_the_settings(address: str) -> None:
    text = (
        "mail: {m: {advertisers: [x], since: 2026-11-01, host: smtp.example, sender: a@b.example,"
        f" to: ['{address}']}}}}"
    )
    with pytest.raises(ConfigurationError, match="this is not a mail address") as refused:
        parse_destinations(text)
    assert address not in str(refused.value)


def test_names_are_told_apart_and_host_keys_are_keys() -> None:
    hook = "{advertisers: [x], since: 2026-11-01, url: https://a.example, secret: {variable: X}}"
    host = "host: h.example, user: u, host_keys: [nonsense], password: {variable: X}"
    text = (
        f"webhook:\n  Upper: {hook}\n  same: {hook}\n"
        f"sftp:\n  same: {{advertisers: [x], since: 2026-11-01, {host}}}\n"
    )
    with pytest.raises(ConfigurationError) as refused:
        parse_destinations(text)
    assert [(one.place, one.problem) for one in refused.value.faults] == [
        ("deliveries.yaml:2 webhook.Upper", "this is not a name of a destination"),
        ("deliveries.yaml:3 webhook.same", "two destinations are named 'same'"),
        ("deliveries.yaml:5 sftp.same", "two destinations are named 'same'"),
        ("deliveries.yaml:5 sftp.same.host_keys", "this is not a public key of a host"),
    ]


def test_the_default_sends_nothing_and_its_examples_are_sound() -> None:
    assert parse_destinations(DEFAULT).all == ()
    lines = DEFAULT[DEFAULT.index("# fetch_from") :].splitlines()
    examples = parse_destinations("\n".join(line[2:] for line in lines))
    assert [one.kind for one in examples.all] == ["webhook", "mail", "sftp", "s3"]
    assert examples.fetch_from


def test_a_new_home_has_the_file_and_an_older_one_needs_none(home: Home) -> None:
    assert load_destinations(home).all == ()
    made = create_home(Home(home.root / "new"))
    assert made.deliveries.read_text("utf-8") == DEFAULT
    assert load_destinations(made).all == ()
