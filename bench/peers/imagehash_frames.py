"""imagehash.phash, 64 bits, of one frame a second: what most scripts and platforms start from."""

import av
import imagehash
import numpy as np
from PIL import Image

from bench.peers.lines import serve

FLAT = 6.0  # standard deviation of luma; black and plain frames are the same everywhere, and help no one


def fingerprint(file: str) -> list[str]:
    """Return a hash a second, as hex, of the frames that show something."""
    hashes, next_s = [], 0.0
    with av.open(file) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            offset_s = float(frame.time or 0.0)
            if offset_s + 1e-6 < next_s:
                continue
            next_s = int(offset_s) + 1.0
            image = Image.fromarray(frame.to_ndarray(format="rgb24"))
            if float(np.asarray(image.convert("L")).std()) >= FLAT:
                hashes.append(str(imagehash.phash(image)))
    return hashes


if __name__ == "__main__":
    serve(f"imagehash {imagehash.__version__}, phash 64 bit, 1 frame/s", fingerprint)
