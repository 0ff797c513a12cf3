"""How much intake reads at a time and lists of what it found: memory and length.

What a row of the contract is does not depend on these, but for the longest row and the most faults,
which refuse what is no file of the contract.
"""

# Rows at a time, and what is no row (csv_reader, file_assessment, file_inspection,
# json_lines, parquet_reader, quoting)
ROWS_PER_BATCH = 65_536  # rows that are judged together: memory against statements
LONGEST_ROW = 1 << 20  # bytes; a longer one is not parsed: one field cannot fill the memory
MOST_FAULTS = 1_000_000  # unreadable rows of a file, since pointers to them take memory

# Bytes of raw files (csv_reader, landing_zone, raw_source)
HEADER_BYTES = 65_536  # looked at for the names of columns
MANIFEST_BYTES = 1_000_000  # of a manifest; a longer one is not readable
HASHED_BYTES = 1 << 20  # read at a time for the digest of a file

# Parquet, which expands (parquet_batches, parquet_reader)
MOST_DECODED = 1 << 25  # bytes that are decoded at a time
MOST_IN_A_GROUP = 1 << 30  # bytes of the columns that are read, decompressed
MOST_VALUES = 1 << 26  # of a column in a row group; a list has several a row

# Snapshots that many days need (assessed_files)
ASSESSED_BYTES = 64_000_000  # kept in memory, so that each day need not read them again

# What a message lists, so that it fits on a screen (contract, file_assessment, quarantine)
EXAMPLES = 5  # row numbers of one kind of fault
FREQUENT_FAULTS = 5  # kinds of faults, the most frequent first
COLUMNS_LISTED = 30  # names of a file's columns
SIMILARITY = 0.65  # (difflib's ratio) from which one name is suggested for another
