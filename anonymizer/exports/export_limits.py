"""How much exports hold in memory, send at a time and list: memory, length and effort.

Bytes of exports depend on the effort of compression alone.
"""

# Texts that stand in many files; more than the segments of a catalogue (csv_file, workbook_parts)
FIELDS_REMEMBERED = 1 << 16  # fields of CSV files
TEXTS_REMEMBERED = 1 << 16  # texts of workbooks

# Workbooks and packages that are written or read (package, workbook_parts)
COMPRESSION = 3  # level: files are a tenth larger than with the usual 6, at half the cost
LARGEST_WORKBOOK = 512 * 2**20  # bytes of all parts, expanded: a small file can expand to anything
LARGEST_ARCHIVE = 2**30  # bytes of all files, expanded, of a package that is checked

# Files that are sent (export_files)
LARGEST_PACKAGE = 256 * 2**20  # bytes of all files that a package is made of: disk and time
PART_BYTES = 256 * 2**10  # that are read, compared and sent at a time
MEMORY_BYTES = 2**20  # of a file or package that is sent; a larger one is in a temporary file

# The analysts' database (database_growth)
LEAST_SORTED = 1_000_000  # rows of figures: fewer are read as fast in any order

# What a message lists (verification)
FAULTS_LISTED = 20  # in one message; the number of all follows
