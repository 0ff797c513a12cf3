"""How much storage holds in memory, how long it waits, and what starting a process costs.

Of these, the bytes of files depend on the rows of a group alone.
"""

# Files that are written and read (files, text_columns)
ROWS_OF_A_GROUP = 1 << 20  # of a Parquet file: memory of who reads it
TEXT_ROWS = 5_000  # read at a time from text

# Buckets of raw files (object_store, object_tree)
COPIED_BYTES = 4 << 20  # read at a time; two portions are held
KEPT_FILES = 128  # copies of objects that stay open, and
KEPT_BYTES = 8 << 30  # bytes of these: room in the temporary folder
CONNECT_SECONDS = 10  # to reach the store
SILENT_SECONDS = 20  # without an answer
GOOGLE_SECONDS = 60  # in which Google's client tries again by itself
SMALL_OBJECT_BYTES = 1_000_001  # of what is read in memory; more than a manifest may have

# Parquet from others, before it is decoded (parquet_pages, parquet_tables)
HEADER_WINDOW = 1 << 16  # bytes in which the header of a page is looked for first
LONGEST_HEADER = 1 << 24  # bytes, as Arrow's
DEEPEST_STRUCT = 8  # levels of a header; deeper ones are no header
MOST_MEGABYTES = 4_096  # of memory that reading may take
PAGE_COPIES = 4  # of a page that reading makes: what it takes at least, as the three below
ROW_BYTES = 50  # of a row in a column
TEXT_BYTES = 160  # of one more text
LIBRARY_BYTES = 120_000_000  # what PyArrow takes for itself

# Processes of a run (processes)
PAUSE_SECONDS = 0.5  # between two looks whether the run is to stop
PREPARATION_SECONDS = 0.2  # of the time so far: getting ready, which no process shortens
SHARE_OF_READY_ONES = 0.3  # of what a start costs: they are sent what is shared, and read it
GRACE_SECONDS = 5.0  # for what is at work when nobody needs it any more

# Commands that print a secret (secret_texts)
PATIENCE_SECONDS = 60  # until one has to have ended: it may ask a service elsewhere
PRINTED_BYTES = 10_000  # that it may print
