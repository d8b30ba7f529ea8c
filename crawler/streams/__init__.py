"""Platforms that send what is posted as it is posted: one file a stream, found by the walk in stream.py."""
