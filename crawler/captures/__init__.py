"""What an analyst's browser captured, read as posts: one file a platform, found by the walk in capture.py."""
