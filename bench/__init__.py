"""Speed and quality, measured on real input, beside peers in the same run."""

import app.isolation as _as_workers_run  # noqa: F401 - one thread for each BLAS: idle ones spin, and are counted
