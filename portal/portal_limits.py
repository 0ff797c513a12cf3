"""How long the portal's sessions last, how much one account may ask for, how long pages are.

Rules for passwords and what a page may read are with their modules.
"""

from datetime import timedelta

# How long somebody stays signed in (account_store, api_tokens, sign_in_pages)
IDLE_SECONDS = 30 * 60  # without a request, after which a session ends
LONGEST_SECONDS = 12 * 60 * 60  # of a session, however busy: a working day
DEVICE_SECONDS = 180 * 24 * 60 * 60  # in which a device is known from an earlier sign-in
SESSION_NOTED_SECONDS = 30  # between two notes of a session's use: writing costs more than reading
TOKEN_NOTED_SECONDS = 60  # the same for a token, which programs use more often
TOKEN_DAYS = 366  # that a token may be valid: a year

# Signing in at a provider (application, identity_provider, provider_identities, provider_pages,
# sign_in_settings)
SIGN_IN_SECONDS = 10 * 60  # to sign in there and to come back
PROVIDER_SECONDS = 10.0  # for the provider to answer
METADATA_SECONDS = 60 * 60  # in which its metadata and keys are not asked for again
NEW_KEYS_SECONDS = 60  # in which a key that is unknown makes nobody ask again
LEEWAY_SECONDS = 60  # between two clocks
LONGEST_CODE = 4_096  # characters of what the browser brings back
SECRET_BYTES = 4_096  # of the file with the client's secret
RETURNS_AT_ONCE = 8  # others wait without a thread: a provider may be slow

# What one request, account or minute may take (api_answers, api_description, request_limit, site)
LARGEST_BODY = 16 * 1024  # bytes of a request to the API
LARGEST_FORM = 16 * 1024  # bytes of a form
MOST_FIELDS = 30  # of a form
LONGEST_PARAMETER = 200  # characters
FIGURES_AT_ONCE = 2  # requests for figures; another one waits for its turn
REQUESTS_PER_MINUTE = 300  # of an account
FILE_REQUESTS_PER_MINUTE = 30_000  # of shared tables, whose clients ask for many parts

# Files that are sent (api_objects, application, download_pages, ended_connections,
# file_addresses, file_sendings)
PACKAGES_AT_ONCE = 2  # that are built; another request waits for its turn
SENT_AT_ONCE = 6  # for an account; browsers have as many connections to a host
RETRY_SECONDS = 10  # after which somebody with too many may ask again
SHORTEST_SECONDS = 60.0  # that any sending may take, and beyond that
BYTES_PER_SECOND = 64 * 1024  # that a reader has to take
SECONDS_TO_TAKE = 20.0  # what is left of an answer that has ended
ADDRESS_SECONDS = 15 * 60  # in which a signed address is valid

# The server, and answers that it keeps (health_answer, kept_answers, server)
GRACE_SECONDS = 10  # for requests to end when the server does
MOST_CONNECTIONS = 200  # at once
NEWEST_CHECK = timedelta(hours=26)  # a day, and the time that a run takes
METRICS_BYTES = 64 * 1024  # of the file of metrics; it has a few lines
KEPT_ANSWERS = 512  # to the same question: memory
KEPT_ROWS = 120  # of an answer; longer ones are asked again

# Length of pages (reading_pages, request_pages, segment_outlook)
CAMPAIGNS_OF_A_PAGE = 50  # then comes the next page
NEWS_OF_A_PAGE = 8  # the newest; how many more is said
CHOICES = 500  # campaigns to choose from
TREND_PERIODS = 62  # two months of days
RECENT_PERIODS = 8  # that say how likely a segment is published
OPEN_REQUESTS = 20  # segments of a login that wait for a decision
