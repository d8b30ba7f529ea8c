"""Instagram items as its web client loads them."""

from functools import partial

from crawler.captures.capture import Reader
from crawler.captures.meta_items import posts_of

READER = Reader(
    platform="instagram", sources=frozenset({"instagram.com"}), read=partial(posts_of, platform="instagram")
)
