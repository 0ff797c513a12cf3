"""Files of visits that other processes assess: a day comes out as if this process had read them."""

import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from intake.raw_world import Row, World, as_csv, as_parquet, campaign, typed_parquet, visit

from anonymizer.intake import assessment_tasks, day_reader
from anonymizer.intake.assessment_tasks import FileAssessment, FileTask
from anonymizer.intake.intake_outcome import Intake
from anonymizer.model.dimensions import Text
from anonymizer.model.errors import AudienceError, Held, InputsRejected
from anonymizer.model.policy import Effort
from anonymizer.model.segments import Interest
from anonymizer.storage.files import sha256
from anonymizer.storage.secret import Secret
from pipelines.resources import cluster_intake
from pipelines.resources.cluster_intake import assess_on_worker, workers_of

SECRET_URL = "https://shop.example/promo?mail=siti%40toko.example"
Change = Callable[[Sequence[FileTask]], None]


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as processes:
        yield processes


@pytest.fixture
def others(world: World, pool: ProcessPoolExecutor) -> World:
    """The world, whose Parquet files of visits a process of its own assesses."""
    world.workers = lambda tasks: [found for _, found in pool.map(assess_on_worker, tasks)]
    return world


def in_this_process(tasks: Sequence[FileTask]) -> list[FileAssessment]:
    return [assess_on_worker(task)[1] for task in tasks]


def hostile_rows(seed: int, most: int = 400) -> list[Row]:
    """Ids, links, times and categories as they should not be, and rows that occur again."""
    random = Random(seed)
    ids = [
        "u1",
        "U1 ",
        "u\u200b2",
        "null",
        "NaN",
        "-1",
        "",
        None,
        "caf\u00e9",
        "cafe\u0301",
        "u%2F1",
    ]
    links = [
        "https://shop.example/promo",
        "https://SHOP.example:443/%70romo/",
        "https://shop.example/promo/%2e%2e/lain",
        "https://shop.example/?utm_id=C1",
        SECRET_URL,
        "no link",
        "",
    ]
    times = [
        "2026-01-01T10:00:00+07:00",
        "2026-01-01T00:00:00+07:00",
        "2025-12-31T23:59:59.999999+07:00",
        "2026-01-01T16:59:59Z",
        "2026-01-01T17:00:00Z",
        "2026-01-01 10:00",
        "yesterday",
        "",
    ]
    return [
        {
            **visit(f"v{random.randrange(most // 2)}", user_id=random.choice(ids)),
            "url": random.choice(links),
            "occurred_at": random.choice(times),
            "product_category": random.choice(["Books", "books ", "cars", None]),
            "user_agent": random.choice(["Mozilla/5.0", "curl/8", None]),
        }
        for _ in range(most)
    ]


def filled(world: World, seed: int) -> World:
    """Three Parquet files that share rows, one twice, text beside them, and the day before's."""
    rows = hostile_rows(seed)
    world.interests = (Interest("books", Text("Books", "Buku"), ("books",)),)
    world.with_policy("intake", max_quarantined_share=1.0)
    world.put("campaigns/c.csv", as_csv([campaign(), campaign(campaign_id="C2")]))
    (world.folder() / "v.csv").unlink()
    world.visits(as_parquet(rows[:150]), "a.parquet")
    world.visits(as_parquet(rows[:150]), "again.parquet")
    world.visits(as_parquet(rows[100:300]), "b.parquet")
    world.visits(as_csv(rows[250:]), "c.csv")
    late = [{**row, "occurred_at": "2025-12-31T10:00:00+07:00"} for row in rows[:50]]
    world.visits(typed_parquet("visits", late), "d.parquet")
    world.visits(as_parquet([], columns=list(rows[0])), "empty.parquet")
    world.visits(as_parquet(rows[:80]), "next.parquet", offset=1)
    return world


def seen(world: World) -> tuple[Intake, dict[str, bytes]]:
    return world.take_in(), world.written()


@pytest.mark.parametrize("seed", range(4))
def test_files_accounts_and_warnings_are_those_of_one_process(
    seed: int, tmp_path: Path, pool: ProcessPoolExecutor
) -> None:
    one = filled(World(tmp_path / "one"), seed)
    other = filled(World(tmp_path / "other"), seed)
    sent: list[str] = []

    def workers(tasks: Sequence[FileTask]) -> list[FileAssessment]:
        sent.extend(task.file.name.rpartition("/")[2] for task in tasks)
        return [found for _, found in pool.map(assess_on_worker, tasks)]

    other.workers = workers
    assert seen(one) == seen(other)
    names = ["a.parquet", "again.parquet", "b.parquet", "d.parquet", "empty.parquet"]
    assert sent == [*names, "next.parquet"], "text stays here"
    assert other.take_in().accounts["visits"].counted


def test_parts_of_campaigns_are_those_of_one_process(tmp_path: Path, others: World) -> None:
    rows = [{**visit(f"v{n}"), "device": device} for n, device in enumerate(["mobile", "tv", None])]
    part = {"english": "Mobile", "indonesian": "Ponsel", "values": ["mobile"]}
    rule = {"from_day": str(others.day), "column": "device", "parts": {"mobile": part}}
    one = World(tmp_path / "one")
    for world in (one, others):
        (world.folder() / "v.csv").unlink()
        world.visits(as_parquet(rows), "v.parquet")
        world.policy = world.policy.model_validate({"campaign_parts": [rule]})
    assert seen(one) == seen(others)
    found = {row["campaign_ids"][0] for row in others.rows("visits")}
    assert found == {"C1.mobile", "C1.other"}


def test_nothing_but_pseudonyms_leaves_the_other_process(others: World, tmp_path: Path) -> None:
    filled(others, 5)
    found = []

    def looked_at(tasks: Sequence[FileTask]) -> list[FileAssessment]:
        answers = in_this_process(tasks)
        found.extend(path.read_bytes() for path in tasks[0].terms.folder.glob("*.parquet"))
        found.append(repr(answers).encode())
        return answers

    others.workers = looked_at
    others.take_in()
    assert len(found) > 5
    for raw in ("siti", "toko.example", "curl/8", "caf\u00e9", "v17"):
        for content in found:
            assert raw.encode() not in content


def grown(tasks: Sequence[FileTask]) -> None:
    """The workers see a file to which somebody has added something."""
    path = tasks[0].file.path
    assert isinstance(path, Path)
    path.write_bytes(path.read_bytes() + b"more")


def gone(tasks: Sequence[FileTask]) -> None:
    """Storage that a worker has not."""
    path = tasks[0].file.path
    assert isinstance(path, Path)
    path.rename(path.with_suffix(".moved"))


def damaged(tasks: Sequence[FileTask]) -> None:
    path = tasks[0].file.path
    assert isinstance(path, Path)
    path.write_bytes(b"PAR1" + bytes(path.stat().st_size - 4))


@pytest.mark.parametrize(
    ("change", "reason"), [(grown, "changed"), (gone, "unreadable"), (damaged, "corrupt")]
)
def test_a_file_that_a_worker_cannot_use_is_refused_and_named(
    change: Change, reason: str, others: World
) -> None:
    (others.folder() / "v.csv").unlink()
    others.visits(as_parquet([visit()]), "v.parquet")
    work = others.workers
    assert work

    def workers(tasks: Sequence[FileTask]) -> Sequence[FileAssessment]:
        change(tasks)
        return work(tasks)

    others.workers = workers
    with pytest.raises(InputsRejected, match=f"v.parquet.* rejected: {reason}"):
        others.take_in()
    assert not others.home.working_file("visits", others.day).exists()


def test_refusals_of_all_files_are_those_of_one_process(tmp_path: Path, others: World) -> None:
    told = []
    for world in (World(tmp_path / "one"), others):
        world.visits(as_parquet([visit()], columns=["visit_id", "url"]), "a.parquet")
        world.visits(as_csv([visit()]), "b.parquet")
        world.visits(as_csv([visit()], ["visit_id"]), "c.csv")
        with pytest.raises(InputsRejected) as refused:
            world.take_in()
        told.append(str(refused.value))
    assert told[0] == told[1]
    assert told[0].count("rejected:") == 3


@pytest.mark.parametrize(
    ("noted", "said"),
    [
        (False, r"rows of visits/.*v\.parquet arrived otherwise than a worker has written them"),
        (True, r"1 of 2 rows of visits/.*v\.parquet arrived"),
    ],
)
def test_rows_that_do_not_arrive_hold_the_day(noted: bool, said: str, others: World) -> None:
    others.visits(as_parquet([visit("v1"), visit("v2")]), "v.parquet")

    def workers(tasks: Sequence[FileTask]) -> list[FileAssessment]:
        (answer,) = in_this_process(tasks)
        assert answer.claims
        pq.write_table(pq.read_table(answer.claims, partitioning=None).slice(1), answer.claims)
        return [replace(answer, written=sha256(answer.claims)) if noted else answer]

    others.workers = workers
    with pytest.raises(Held, match=f"engine_failed: {said}"):
        others.take_in()


def test_a_file_that_is_gone_before_anybody_reads_it_is_refused_by_name(others: World) -> None:
    path = others.visits(as_parquet([visit()]), "v.parquet")
    others.put("profiles/notes.csv", b"")
    listed = assessment_tasks.tasks_for

    def late(*given: Any) -> list[FileTask]:
        path.unlink()
        return listed(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_reader, "tasks_for", late)
        with pytest.raises(InputsRejected, match=r"v\.parquet rejected: unreadable"):
            others.take_in()


def test_a_task_that_outlives_its_run_leaves_nothing(others: World) -> None:
    others.visits(as_parquet([visit()]), "v.parquet")
    kept: list[FileTask] = []
    others.workers = lambda tasks: kept.extend(tasks) or in_this_process(tasks)
    others.take_in()
    before = others.written()
    (task,) = kept
    _, found = assess_on_worker(task)
    assert found.failure == "FileNotFoundError"
    assert others.written() == before
    assert not task.terms.folder.exists()


def test_a_task_has_no_key_by_which_figures_are_drawn(others: World) -> None:
    others.secret = Secret(b"d" * 32, b"n" * 32)
    others.visits(as_parquet([visit()]), "v.parquet")
    sent: list[bytes] = []
    others.workers = lambda tasks: sent.extend(map(pickle.dumps, tasks)) or in_this_process(tasks)
    others.take_in()
    (task,) = sent
    assert others.secret.derive("person") in task
    for key in (b"d" * 32, b"n" * 32, *map(others.secret.derive, ("rounding", "mark", "seal"))):
        assert key not in task


def test_an_unforeseen_error_of_a_worker_quotes_no_value(
    others: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Iterator[pa.Table]:
        raise LookupError(SECRET_URL)

    others.visits(as_parquet([visit()]), "v.parquet")
    others.workers = in_this_process
    monkeypatch.setattr(assessment_tasks, "assess", broken)
    with pytest.raises(Held, match=r"v\.parquet met LookupError; check the cluster") as held:
        others.take_in()
    error: BaseException | None = held.value
    while error:
        assert "siti" not in repr(error)
        error = error.__cause__ or error.__context__


def test_a_file_without_an_answer_is_read_here(others: World, tmp_path: Path) -> None:
    one = filled(World(tmp_path / "one"), 6)
    filled(others, 6)
    others.workers = lambda tasks: in_this_process(tasks[1:])
    assert seen(one) == seen(others)


def test_workers_with_another_version_hold_the_day(
    others: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they would write differs in ways that nobody has compared."""
    others.visits(as_parquet([visit()]), "v.parquet")

    def older(
        _: str, work: Callable[[FileTask], object], tasks: Sequence[FileTask]
    ) -> list[object]:
        return [("0.1.0", work(task)) for task in tasks]

    monkeypatch.setattr(cluster_intake, "on_workers", older)
    others.workers = workers_of(Effort(engine="spark"))
    with pytest.raises(AudienceError, match=r"workers of Spark run version 0\.1\.0 of the program"):
        others.take_in()
    assert workers_of(Effort()) is None
