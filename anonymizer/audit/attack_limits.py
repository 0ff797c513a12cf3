"""How far the attack on one table goes, and how much of what it finds is said.

The effort as a whole is the limit of work. What the checker accepts does not depend on these.
"""

# The search
# of the modules (differencing, exact_disclosure, singletons, subtraction, table_attack,
# table_audit)
UNDECIDED_CLASSES = 20  # where no limit of work says when to give up
UNDECIDED_TOTALS = 20  # where no limit of work says when to give up
MOST_WHOLE = 400  # classes that figures tie together; up to here integer programming
FEW_SEGMENTS = 1_000  # of which intervals take little time
SHARE_OF_GUESS = 3  # of the limit at most one part in so many: it counts for nothing
SINGLETON_PARTS = 12  # of a simple fraction
PAIRS_AT_ONCE = 4_096  # figures compared at once: memory
SUBTRACTION_ROUNDS = 50  # in which intervals are narrowed by one another
DISCLOSURE_SEED = 20_261_122  # every machine makes the same random choices

# The report (attack, reports, singletons, summary)
GROUPS_NAMED = 5  # of one finding
SINGLETONS_NAMED = 3  # segments of one finding
IDS_NAMED = 20  # segments that a report lists
PARTS_NAMED = 3  # of a set of values of one dimension
FIGURES_NAMED = 8  # of a sum
FINDINGS_LISTED = 3  # of one kind
LONGEST_TEXT = 600  # characters of a finding

# Workbooks that are read (export_file)
SHEET_BYTES = 1 << 28  # once it is decompressed
