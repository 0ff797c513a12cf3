"""How long the officer's page is open for a login, and how much it keeps."""

from datetime import timedelta

# Sessions of the officer who started it (officer_sessions)
IDLE_SECONDS = 15 * 60  # without a request, after which a session ends
LONGEST_SECONDS = 8 * 60 * 60  # of a session, however busy
MOST_FAILURES = 10  # then the key is worth nothing: the process has to be started again

# The server, for one person (officer_site)
LARGEST_FORM = 4_096  # bytes
MOST_CONNECTIONS = 20  # at once
GRACE_SECONDS = 2  # for requests to end when the server does

# Results of trials that are kept (stored_trials)
TRIAL_AGE = timedelta(days=90)  # after which a result is removed
MOST_STORED = 100  # results; the oldest go first
