"""Days of a home whose visits are in a real PostgreSQL: the sensor asks for those that are due."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from database import ADDRESS, Database
from release.postgresql import Server

from anonymizer.storage.home import Home
from cli.commands.init import create_home
from pipelines.definitions import defs
from pipelines.resources.resources import Installation

TODAY = datetime.now(ZoneInfo("Asia/Jakarta")).date()
FIRST = TODAY - timedelta(days=6)
SHOP = """
visits:
  shop:
    warehouse:
      table: web.visits
      address: {variable: WAREHOUSE_ADDRESS}
      day: arrived_on
      deliveries: {table: web.loads}
    columns: {visit_id: visit_id, user_id: user_id, occurred_at: occurred_at, url: url}
"""


@pytest.fixture
def shop(tmp_path: Path, postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A home without a file of visits, whose days begin six days ago."""
    home = create_home(Home(tmp_path / "home"))
    text = home.policy.read_text(encoding="utf-8")
    for setting, value in (("first_day: 2026-01-01", FIRST), ("settle_seconds: 60", 0)):
        assert setting in text
        text = text.replace(setting, f"{setting.partition(':')[0]}: {value}")
    home.policy.write_text(text, encoding="utf-8")
    home.sources.write_text(SHOP)
    database = Database.new(postgresql)
    monkeypatch.setenv("AUDIENCE_HOME", str(home.root))
    monkeypatch.setenv(ADDRESS, database.address)
    return database


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def asked(instance: dg.DagsterInstance, cursor: str | None) -> tuple[list[tuple[str, str]], str]:
    """First and last day of the runs that the sensor asks for, and its next cursor."""
    repository = defs.get_repository_def()
    context = dg.build_sensor_context(
        instance,
        cursor=cursor,
        repository_def=repository,
        resources={"installation": Installation.of(Home.from_environment())},
    )
    result = repository.get_sensor_def("landing").evaluate_tick(context)
    keys = [(request.run_key or "").split(":") for request in result.run_requests or []]
    found = [(key[1], key[2]) for key in keys if key[0] == "landing"]
    return found, result.cursor or "{}"


def test_a_day_is_due_when_it_and_its_late_days_are_delivered(
    shop: Database, instance: dg.DagsterInstance
) -> None:
    """Rows of the table alone make no day: they may be half of it."""
    days = [FIRST + timedelta(days=number) for number in range(4)]
    row = ("v1", "u1", f"{days[0]} 10:00+07", "https://shop.example/", "", "", "page")
    for day in days:
        shop.execute("INSERT INTO web.visits VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", (day, *row))
    found, cursor = asked(instance, None)
    assert found == []
    shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (days[0],))
    found, cursor = asked(instance, cursor)
    assert found == [], "visits of the day may still arrive in the next one"
    for day in days[1:3]:
        shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (day,))
    found, cursor = asked(instance, cursor)
    assert found == [(str(days[0]), str(days[1]))], "adjacent days are one run"
    again, cursor = asked(instance, cursor)
    assert again == [], "nothing has changed"
    shop.execute("INSERT INTO web.loads VALUES (%s, 1)", (days[3],))
    found, cursor = asked(instance, cursor)
    assert found == [(str(days[2]), str(days[2]))]
    shop.execute("UPDATE web.loads SET rows = 2 WHERE day = %s", (days[3],))
    found, _ = asked(instance, cursor)
    assert found == [(str(days[2]), str(days[2]))], "a held day that was loaded again"
