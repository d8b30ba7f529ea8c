"""Threads items as its web client loads them."""

from functools import partial

from crawler.captures.capture import Reader
from crawler.captures.meta_items import posts_of

READER = Reader(
    platform="threads", sources=frozenset({"threads.net", "threads.com"}), read=partial(posts_of, platform="threads")
)
