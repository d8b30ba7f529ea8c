"""Names that encoders write into the first bytes of the sound and picture itself.

Looks at a piece of bytes; never decodes it.
"""

import re

from matchers.marks_file import Bytes, Found

SIGNED_BYTES = 64 << 10  # the SEI stands before the first frame
SIGNATURES = re.compile(
    rb"x264 - core \d{1,4}(?: r\d{1,5})?"
    rb"|x265 \(build \d{1,4}\)"
    rb"|kling-ai"  # a SEI of Kling's own: matchers/marks_vendors.py
    rb"|Lavc\d{1,3}\.\d{1,3}\.\d{1,3}"
)


def signatures(file: Bytes, found: Found, raw: bytes, where: str) -> None:
    """Keep each name once.

    raw     the first bytes of the first sample
    source  H.264 D.2.7, user data unregistered SEI: free text after a UUID
    """
    for text in dict.fromkeys(match.group().decode("ascii") for match in SIGNATURES.finditer(raw)):
        file.keep(found, "user data SEI", text, where)
