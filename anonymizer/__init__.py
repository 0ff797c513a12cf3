"""What turns visits and profiles into figures about groups, and keeps them safe."""

import os

# OpenBLAS starts threads for long products, which cost more here than they bring, and goes round
# in circles where memory ends while it starts them. It reads this as NumPy and SciPy load it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
