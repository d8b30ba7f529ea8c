"""The desk's pages and its API: one file a subject, each with a `router`, found by the walk in desk.py."""
