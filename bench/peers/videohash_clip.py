"""videohash 3.0.1: one 64-bit hash of a whole clip. Unmaintained since 2022; an old Pillow keeps it going."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import imageio_ffmpeg

from bench.peers.lines import serve


def fingerprint(file: str) -> list[str]:
    """Return the clip's one hash, as hex; its files are taken away again."""
    # It looks for ffmpeg on the PATH, which is set below; and only the peers' environment has it.
    from videohash import VideoHash  # type: ignore[import-not-found]  # noqa: PLC0415  (said above)

    with tempfile.TemporaryDirectory() as folder:
        made = VideoHash(path=file, storage_path=folder + os.sep)  # without the separator it looks for a file
        return [made.hash_hex.removeprefix("0x").rjust(16, "0")]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
        os.environ["PATH"] = folder + os.pathsep + os.environ["PATH"]
        if shutil.which("ffmpeg") is None:
            sys.exit("videohash_clip: no ffmpeg to be had; is imageio-ffmpeg in this environment?")
        serve("videohash 3.0.1, 64 bit, one hash a clip", fingerprint)
