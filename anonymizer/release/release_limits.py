"""How long the ledger's database is waited for, and what is remembered of files read before."""

# The ledger (ledger)
SECONDS_TO_CONNECT = 10  # to PostgreSQL
ROWS_REMEMBERED = 10_000  # entries that are parsed once: more than years of releases have

# Near-set states of earlier releases (near_state)
SMALL_STATE_BYTES = 200_000  # of a file that is kept in memory
SMALL_STATES = 200  # such files: about a quarter of a year's
