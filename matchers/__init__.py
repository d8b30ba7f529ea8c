"""Pixels in, fingerprints and distances out. Pure: never stores, fetches or logs anything."""
