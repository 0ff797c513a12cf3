"""How far secondary suppression goes: sizes and effort, the same on every machine.

Measured on the tables of `benchmarks/`. The effort as a whole is `effort` of the policy.
"""

# Rounded figures (differences, proof, suppression)
FEW_ROWS = 2_000  # exact figures of smaller tables are cut down, not built up
SEARCH_AGAIN = 16  # with the effort spent: after rows for one open target in so many
SAMPLE = 32  # open targets, to see whether a search is worthwhile
HELPED = 0.75  # share of the sample that may stay open
FEW_TARGETS = 5  # open; a search would not pay
STEPS_A_SEARCH = 5  # of one target, on average
DIFFERENCE_ROOM = 24  # people that a table may differ from the first one in a pair

# Exact figures (exact_figures, stepwise_publication)
MEGABYTES = 2_048  # of a basis of the null space
BYTES_AN_ENTRY = 300  # of a basis, with all that points to it
SHORTEST = 36  # columns that are looked at to publish a row
PIVOTS_TRIED = 12  # of these
COLUMNS_A_STEP = 100  # of one unit of work
MOST_COMBINED = 16  # aims for which sums of columns are looked for

# Sums of columns (combinations)
SEEDS = 40  # columns that touch the aim
NEARBY = 80  # columns of one program
EXPANDED = 12  # columns whose neighbours are added
UNBALANCED = 12  # columns that are not balanced on the row
MOST_TIMES = 50.0  # that one column is added
VERTICES = 6  # tried, to find a whole one
SHARE_OF_COMBINATIONS = 8  # of the effort, one part in so many
STEPS_OF_A_PROGRAM = 10  # of work, to set it up

# Near sets, and tables side by side (near_pairs, release_suppression)
FILTER_BITS = 22  # of a key, to pass over what no other key has
PAIRS_AT_ONCE = 1 << 20  # pairs compared at once: memory
LEAST_COST = 1_000  # people; an empty table takes as long as so many more in another

# Figures with small remainders (remainders)
OVERLAPS = 1 << 26  # pairs of figures looked at: memory
