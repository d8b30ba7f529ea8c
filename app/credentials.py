"""Credentials: from the environment, never from a file of ours, never into a log."""

import os
from collections.abc import Iterable

from crawler.facts import Secret

PREFIX = "CLIPWARDEN_"


def secrets_of(wanted: Iterable[Secret]) -> dict[str, str]:
    """Those of the wanted credentials that are given, by name."""
    found = {secret.name: os.environ.get(PREFIX + secret.name, "") for secret in wanted}
    return {name: value for name, value in found.items() if value}
