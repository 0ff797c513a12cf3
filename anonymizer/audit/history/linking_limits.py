"""How far the search over linked tables goes: sizes and effort, the same on every machine.

What is not decided within these is withheld.
"""

# Tables put together (join, linked_attack, linked_suppression, nested_tables)
TABLES_IN_ALL_WAYS = 4  # up to here every set of tables is a kind of people
FIGURES_AS_ONE = 4_000  # times kinds of people; larger joins are attacked pair by pair
PROGRAMS = 300  # for single groups of one join
PROGRAM_ROWS = 120_000  # figures of all programs together, but
FEWEST_PROGRAMS = 15  # at least so many programs
ROUNDS = 20  # in which one figure of a finding goes, or those at odds are shared
PROGRAM_FIGURES = 3_000  # no single program ends in a reasonable time beyond
FIRST_TABLES = 3  # that others are looked for around, before programs decide
FOUND_AT_ONCE = 2_000  # findings; the rest can wait for the next round
ITERATIONS = 50_000  # of one program

# Tables fixed inside of another (fixed_tables, nested_tables, pairs)
PAIRS = 3  # of tables found together, for what is left
MARGINS = (0.4, 0.25, 0.1)  # shares of the room in a figure: how far inside its ends
ROOMY = 2  # people that a class has to be able to take
PARTS_RECEIVING = 6  # to share out people of one class
PARTS_GIVING = 60  # to collect them
NESTED_SEED = 20_261_128  # every machine makes the same random choices

# Figures compared (cover_differences, nearness)
NEARNESS_ROUNDS = 100  # of fitting; what matters is found long before
IN_THE_MIDDLE = 0.4  # of the room in a figure
TURNS = 10  # of the largest tables, from which others are added
