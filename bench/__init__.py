"""Speed and quality, measured on real input, beside peers in the same run."""

import os

# One thread each, as the product's workers have (app/isolation.py): idle ones spin, and are counted.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")
