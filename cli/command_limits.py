"""How much commands list, and how far a search of theirs goes: length and effort."""

# The audit of a table (audit)
DEFAULT_WORK = 3_000_000  # units: about 30 seconds of one core
MOST_WORK = 10**12  # units that can be asked for
MOST_PEOPLE = 10**9  # of a rule that can be asked for

# Settings and segments that are tried (decidable_requests, setting_trials)
MOST_TRIALS = 60  # at once: each suppresses a period again
PERIODS_OF_A_REQUEST = 2  # that are looked at where none is named

# What is listed, so that it fits on a screen (demo_report, dry_run, quarantine, remarks, whatif)
FIGURES_OF_A_DEMO = 10
EXAMPLES = 5  # row numbers of one kind of fault
QUARANTINED_ROWS = 100  # unless --limit says otherwise
REMARKS_OF_A_KIND = 5  # a day may have hundreds of files
LOST_FIGURES = 20  # that a setting would no longer publish

# Memory of a command (main)
COLLECTED_AT = (50_000, 20, 20)  # objects and generations at which Python looks for cycles
