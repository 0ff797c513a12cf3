"""Examples for the `--help` of each command and group, "" being all of `audience`.

A test reads them as the command line does.
"""

from collections.abc import Mapping

EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "": (
        "audience demo --home demo",
        "audience statements --home demo --last week",
        "audience run --help",
    ),
    "init": ("audience init --home home --first-day 2026-11-01",),
    "migrate": ("audience migrate --home home --dry-run", "audience migrate --home home"),
    "ui": ("audience ui --home demo --port 3001",),
    "segments": ("audience segments", "audience segments --json"),
    "sample": ("audience sample --home trial --people 5000 --days 3 --visits 20000",),
    "demo": ("audience demo --home demo",),
    "run": ("audience run --from 2026-11-02 --to 2026-11-03",),
    "backfill": ("audience backfill", "audience backfill --from 2026-10-27 --to 2026-11-03"),
    "portal": ("audience portal --home demo --port 8100",),
    "user": ("audience user add nina --advertiser adv-01", "audience user list"),
    "user add": (
        "audience user add nina --advertiser adv-01",
        "audience user add wira --role analyst --ask",
        "audience user add dewi --role privacy_officer --oidc-subject 3f9c41 --no-password",
    ),
    "user link": ("audience user link nina 8a21d0",),
    "user unlink": ("audience user unlink nina",),
    "user list": ("audience user list", "audience user list --json"),
    "user remove": ("audience user remove nina",),
    "user password": ("audience user password nina",),
    "user token": ("audience user token add nina --name crm", "audience user token list"),
    "user token add": (
        "audience user token add nina --name crm --days 30",
        "audience user token add nina --profile nina.share --origin https://portal.example",
    ),
    "user token list": ("audience user token list", "audience user token list --json"),
    "user token revoke": ("audience user token revoke 3f2a9c04d1e7",),
    "check-input": ("audience check-input --day 2026-10-31",),
    "source": ("audience source guess raw/logs/akses-2026-10-31.csv",),
    "source check": ("audience source check web --day 2026-10-31",),
    "source guess": ("audience source guess raw/logs/akses-2026-10-31.csv",),
    "source deletions": ("audience source deletions inbox/2026-10-31.jwt",),
    "accept": ('audience accept --day 2026-10-31 --reason "The site was closed for a holiday."',),
    "quarantine": (
        "audience quarantine --day 2026-10-31 --limit 5",
        "audience quarantine --day 2026-10-31 --reason naive_time --json",
    ),
    "statements": (
        'audience statements --campaign "Year-End Sale" --last week',
        'audience statements --segment "Central Jakarta" --last month --language id',
    ),
    "figures": (
        "audience figures --last week --segment men_under_40",
        'audience figures --campaign "Year-End Sale" --every day --csv',
    ),
    "exports": (
        "audience exports --advertiser adv-01 --last month",
        'audience exports --campaign "Year-End Sale" --language id',
        "audience exports --json",
    ),
    "verify": ("audience verify", "audience verify received/published"),
    "check": ("audience check published/exports/adv-01/campaign-day-2026-10-31",),
    "deliver": (
        "audience deliver --dry-run",
        "audience deliver --destination crm_of_maju --now",
    ),
    "deliveries": ("audience deliveries", "audience deliveries --log --json"),
    "package": ("audience package adv-01 2026-10-31", "audience package adv-01 2026-W44 --out w44"),
    "suppressed": (
        "audience suppressed --campaign cmp-0003 --day 2026-10-31",
        "audience suppressed --campaign everyone --period 2026-10 --reasons",
    ),
    "withdraw-release": (
        'audience withdraw-release campaign-day-2026-11-02 --reason "Visits came twice."',
    ),
    "correct-release": (
        'audience correct-release campaign-day-2026-11-02 --reason "Visits came twice."',
    ),
    "protect": ("audience protect cells.csv --count people --out published.csv --k 10",),
    "audit": (
        "audience audit year-end-sale_week-2026-W44.xlsx",
        "audience audit published.csv --inference-k 5 --hierarchy region=regions.csv",
    ),
    "compare-naive": ("audience compare-naive", "audience compare-naive --json"),
    "policy": ("audience policy check", "audience policy explain"),
    "policy check": ("audience policy check",),
    "policy explain": ("audience policy explain",),
    "policy history": ("audience policy history --json",),
    "policy approve": (
        "audience policy approve",
        'audience policy approve --digest 0123456789abcdef --reason "Small regencies are wanted."',
    ),
    "whatif": (
        "audience whatif --k 20,50,100 --rounding 5,10 --inference-k 10,20",
        "audience whatif --add-segment female:25-29+30-34:31.71 --period 2026-W44 --json",
        "audience whatif --k 20,50 --store",
    ),
    "officer": ("audience officer", "audience officer --port 8110"),
    "segment-request": (
        "audience segment-request list --open",
        "audience segment-request show 0123456789ab",
    ),
    "segment-request list": (
        "audience segment-request list",
        "audience segment-request list --open --json",
    ),
    "segment-request show": ("audience segment-request show 0123456789ab --period 2026-W44",),
    "segment-request approve": (
        'audience segment-request approve 0123456789ab --reason "Several advertisers need it."',
    ),
    "segment-request reject": (
        'audience segment-request reject 0123456789ab --reason "A larger segment serves as well."',
    ),
    "evidence": ("audience evidence", "audience evidence --language id"),
    "retire-exports": (
        'audience retire-exports --before 2025-01-01 --reason "Older than our contracts."',
    ),
    "change-key": (
        'audience change-key --reason "The old key was in a log."',
        'audience change-key --to new.key --reason "The old key was in a log."',
    ),
    "backup": ("audience backup /backups/2026-11-14",),
    "restore": (
        "audience restore /backups/2026-11-14 --home home",
        "audience restore /backups/2026-11-14 --head 0123456789abcdef",
    ),
    "health": ("audience health", "audience health --json"),
    "policy reference": ("audience policy reference",),
    "rights": ("audience rights list --open", "audience rights withdraw --user u0012345"),
    "rights withdraw": ("audience rights withdraw --user u0012345",),
    "rights erase": ("audience rights erase --user u0012345",),
    "rights correct": ("audience rights correct --user u0012345",),
    "rights access": ("audience rights access --user u0012345",),
    "rights review": (
        "audience rights review",
        'audience rights review --decide requests/r.csv:7 --as erase --reason "Says hapuss."',
    ),
    "rights list": ("audience rights list --open",),
    "rights done": ('audience rights done requests/r.csv:7 --reason "Answered by post."',),
    "retention": ("audience retention",),
    "ledger": ("audience ledger list", "audience ledger verify"),
    "ledger list": ("audience ledger list", "audience ledger list --json"),
    "ledger show": ("audience ledger show campaign-day-2026-10-31",),
    "ledger verify": ("audience ledger verify",),
    "ledger copy": ("audience ledger copy --home home",),
}
