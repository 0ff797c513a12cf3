"""How long runs and alerts wait, how far the schedule looks back, how much is listed.

No figure depends on these.
"""

from datetime import timedelta

# How long somebody waits for another (alerts, pages, resources, stages)
PAUSES = (5.0, 10.0)  # seconds before each further attempt of a stage
PATIENCE_SECONDS = 600  # how long a run waits for another to end, and
LOCK_PAUSE_SECONDS = 1  # between two attempts to get its lock
ALERT_SECONDS = 10  # for the webhook of alerts to answer
PAGES_PAUSE_SECONDS = 0.5  # between two looks at Dagster's processes
PAGES_SECONDS_TO_END = 60  # for Dagster's processes to end, until they are killed

# Days side by side, and engines beside that of a step (cluster_intake, days_in_advance, engines)
FEWEST_DAYS = 4  # two processes take as long to start as two small days take
LEAST_MEGABYTES = 512  # for each process
TASK_MEGABYTES = 512  # of a task on a cluster, which sees a batch of rows at a time
SHAPES_MEGABYTES = 256  # of one in memory that only reads what columns a file has

# How late or how old a thing may be (health, jobs, lineage, schedules)
QUIET_SECONDS = 120  # a run has the lock as it works; before and after, it reports more often
LOOKED_BACK = timedelta(days=40)  # for periods: as long as their working data can be there
CAUGHT_UP = timedelta(days=7)  # days that an outage left out are run with the newest one
DELIVERED_BY = timedelta(hours=3)  # after the days are run, raw files are late
GRACE = timedelta(hours=6)  # after the schedule, for the run and for a held day's repair

# The second opinion (verdicts)
BUDGET = 3_000_000  # units of work for all tables of a release: about 30 seconds of one core

# What is listed, so that a page stays readable (arrivals, deadlines, intake_stage,
# plausibility_gate, screen)
FILES_LISTED = 100  # broken files of days that wait
REQUESTS_LISTED = 100  # overdue requests
OBJECTIONS_LISTED = 100  # more are in the list of: audience rights review
EXAMPLES = 5  # most files of a deviation, and most rows of each, that are named
LINES_OF_A_ROW = 6  # of a table; a list of the row is easier to read than more
