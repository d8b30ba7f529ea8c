"""What all tests share: the gate draws the same examples every time, a person's run draws new ones."""

import os

from hypothesis import settings

settings.register_profile("gate", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("gate")
