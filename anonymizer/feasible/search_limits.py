"""How far the search for feasible tables goes: sizes and effort, the same on every machine.

Measured on the tables of `benchmarks/`. Larger numbers find more tables and take longer; none of
them decides what a proof is.
"""

# Neighbours of a first table, side by side
# of the modules (class_witnesses, figure_lists, neighbouring_tables)
ATTEMPT_STEPS = 60  # moves of one attempt
ATTEMPT_CANDIDATES = 24  # classes of a figure looked at for one move
ATTEMPTS = 256  # side by side
ATTEMPT_FIGURES = 2**21  # of all attempts together: memory
SEARCH_TRIES = 3  # with other moves, as long as
SEARCH_FEW = 32  # classes are left, which takes less than a program
FEW_CLASSES_SUMMED = 256  # to these no second pass over classes in many figures is worthwhile
PATIENT_TRIES = 8  # where no program decides the rest, as long as
PATIENT_SHARE = 0.1  # of what is left was reached by the last one
STARTS = (1, 3, 9, 27, 81, 243)  # of the tables found, by number: others depart from these

# Moving people until all figures fit (integer_tables, repair)
REPAIR_CANDIDATES = 128  # classes of a figure looked at for one move
REPAIR_TRIES = 4  # to make one table fit
REPAIR_STEPS = 2  # of one try, for each figure, and these besides
REPAIR_STEPS_BESIDES = 60  # of one try, however few figures there are
INTEGER_STEPS = 2  # for each class in which people are divided

# Small programs around a broken figure (neighbourhood)
NEIGHBOURS = (150, 500, 1_500, 4_000)  # classes that may change, each time more
NEIGHBOURHOOD_STEPS = 200  # to make a solution whole
NEARBY_BROKEN = 50  # figures; with more the table is given up
NEARBY_VERTICES = 6  # tried of one program, if it has
NEARBY_FEW_CLASSES = 2_000  # or fewer; else one

# First tables (proportional_fitting, start)
START_ROUNDS = 200  # of fitting in proportion to a guess
START_INSIDE = (0.3, 0.2, 0.4, 0.1, 0.05, 0.0)  # shares of a figure's room, to keep off its ends
START_LARGE_FIGURE = 100  # classes; only such figures keep off their ends
PROPORTIONAL_ROUNDS = 600  # of fitting, unless the caller wants fewer

# Programs for one requirement after the other (programs)
REQUIREMENT_ITERATIONS = 50_000  # of the simplex method
REQUIREMENT_NODES = 50  # of branch and bound
REQUIREMENT_ATTEMPTS = 6  # vertices, to find a whole one
REQUIREMENT_STEPS = 200  # to make a solution whole

# Proved ends, and programs over everything
# of the modules (blocks, bounds, ends, fractional_tables, ranges, solver)
WHOLE_PROGRAM_CLASSES = 10_000  # of programs in whole numbers, where effort is limited
PROGRAMS_AT_HAND = 64  # kept for the next question
LARGE_PROGRAM = 5_000  # columns; from here the first corner comes from interior points
BLOCK_SHARE = 0.5  # of the columns; beyond, one program over everything is as quick
SMALL_COMPONENT = 60  # classes; up to here integer programming looks for the rest
END_STEPS = 20  # of integer programming for one end
END_FAILURES = 300  # to make a table whole, one after the other
RANGE_ROUNDS = 60  # until ranges change no more
WORTHWHILE = 0.03  # of what is sought; a table that fulfils less is the last
FRACTIONAL_TABLES = 300  # asked for
PROGRAM_NODES = 2_000  # of branch and bound in one program

# What one unit of work does, as measured
# of the modules (elimination, neighbouring_tables, programs, proportional_fitting, repair,
# solver, work)
UNITS_OF_A_STEP = 30  # of all attempts, and one more for each that moves
UNITS_OF_A_MOVE = 8  # of one person, when a table is repaired
ENTRIES_SUBTRACTED = 60  # of rows
ENTRIES_FITTED = 500  # of figures
ROWS_A_STEP = 2_000  # an iteration takes as long as the program is high
ENTRIES_STARTED = 25  # of a program that is started
ENTRIES_INSIDE = 15  # of a program that goes on through the middle
SIZE_STEPPED = 400  # rows and columns that a simplex step passes over
SIZE_STEPPED_WHOLE = 20  # the same in integer programming, with much besides
UNITS_OF_A_RUN = 60  # of any program
STEPS_OF_A_NODE = 50  # of branch and bound
TELL_EVERY = 5_000  # units

# Seeds of random choices, so that every machine makes the same ones
# of the modules (classes, elimination, fractional_tables, neighbourhood, neighbouring_tables,
# repair, start, totals)
CLASSES_SEED = 20_261_122
ELIMINATION_SEED = 20_261_122
TOTALS_SEED = 20_261_123
REPAIR_SEED = 20_261_125
NEIGHBOURING_SEED = 20_261_125
FRACTIONAL_SEED = 20_261_128
NEIGHBOURHOOD_SEED = 20_261_128
START_SEED = 20_261_129
