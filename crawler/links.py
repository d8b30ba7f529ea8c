"""Links to clips on other sites, as posts of link boards carry them."""

from urllib.parse import urlsplit

# Sites whose pages yt-dlp reads, and where a link is most likely a clip.
CLIP_HOSTS = frozenset(
    {"v.redd.it", "youtube.com", "youtu.be", "streamable.com", "tiktok.com", "vimeo.com", "redgifs.com", "gfycat.com",
     "dailymotion.com", "streamff.com", "imgur.com"}
)  # fmt: skip
FILES = (".mp4", ".webm", ".mov", ".m4v", ".gif", ".gifv")


def is_clip_page(url: str) -> bool:
    """Whether an address is the page of a clip, to be read by yt-dlp, and no file."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.").removeprefix("old.")
    return host in CLIP_HOSTS and not parts.path.lower().endswith(FILES)
