"""How much of foreign files and databases is looked at, how long is waited, how much is listed.

What a mapping makes of a row does not depend on these.
"""

# Rows that a mapping is applied to (mapped_source)
MAPPING_MEGABYTES = 512  # of the engine; a batch of 65,536 rows at most is mapped at a time

# Samples for a proposal (mapping_proposal, value_shapes)
SAMPLE_BYTES = 2_000_000  # of a file, of which
SAMPLE_ROWS = 2_000  # rows are looked at: enough for shapes of values
MOST_DEPTH = 6  # levels of an object; deeper fields are not proposed
SHAPE_SHARE = 0.95  # of the values that have to have a shape
LONGEST_SHAPE = 40  # characters that are shown of one

# Checks of a mapping (source_check)
CHECKED_ROWS = 2_000  # of a file
EXAMPLES = 3  # rows that are named for a fault
ENOUGH_ROWS = 50  # below it, shares say little
WORTH_A_REMARK = 0.05  # share of values from which a fault is told

# Files of sources (source_zone)
UNMATCHED_LISTED = 20  # names of files that no pattern takes
MANIFEST_BYTES = 1_000_000  # of a manifest; a longer one is not readable

# Consent in strings of any length (tc_strings)
LONGEST_CONSENT = 20_000  # characters; bounds the work on one
CONSENTS_REMEMBERED = 1_024  # strings read; a long one takes half a megabyte

# Databases as sources (warehouse)
ROWS_AT_A_TIME = 2_000  # fetched: memory
SECONDS_TO_CONNECT = 10  # to the server
SECONDS_TO_ANSWER = 900  # a statement; the first portion of rows waits for their order
SECONDS_OF_SILENCE = SECONDS_TO_ANSWER + 30.0  # the server ends a statement first if it can
