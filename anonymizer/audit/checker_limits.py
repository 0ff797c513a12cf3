"""How much the checker looks at in one piece, and how much it says: memory and length.

What it accepts does not depend on these.
"""

OUTCOME_PAIRS_AT_ONCE = 2**18  # groups compared (shared_outcomes)
WITNESS_PAIRS_AT_ONCE = 2**16  # figures compared (witness_check)
FLAGS_AT_ONCE = 2**23  # of people in strata (linked_checker)
SEGMENTS_LISTED = 20  # that one finding names (checker)
