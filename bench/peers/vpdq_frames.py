"""vpdq 0.2.5 as its package computes it; where it could not be built, its hash and rule by pdqhash."""

from bench.peers.lines import serve

try:
    import vpdq  # type: ignore[import-not-found]  # in the peers' environment only
except ImportError:
    vpdq = None

LEAST_QUALITY = 50  # as vpdq's own documents advise; both sides


def built(file: str) -> list[str]:
    """Return the 256-bit hashes, as hex, of one frame a second with enough quality."""
    found = vpdq.computeHash(file, seconds_per_hash=1.0, thread_count=1)
    return [one.hex for one in found if one.quality >= LEAST_QUALITY]


def written_out(file: str) -> list[str]:
    """Do the same by pdqhash and PyAV."""
    import av  # noqa: PLC0415  (only where vpdq is missing)
    import numpy as np  # noqa: PLC0415  (the same)
    import pdqhash  # type: ignore[import-not-found]  # noqa: PLC0415  (in the peers' environment only)

    hashes, next_s = [], 0.0
    with av.open(file) as container:
        for frame in container.decode(video=0):
            offset_s = float(frame.time or 0.0)
            if offset_s + 1e-6 < next_s:
                continue
            next_s = int(offset_s) + 1.0
            bits, quality = pdqhash.compute(frame.to_ndarray(format="rgb24"))
            if quality >= LEAST_QUALITY:
                hashes.append(np.packbits(bits).tobytes().hex())
    return hashes


if __name__ == "__main__":
    if vpdq is None:
        serve("vpdq's rule (1 frame/s, quality >= 50) written out over pdqhash 0.2.8", written_out)
    else:
        serve("vpdq 0.2.5, 1 frame/s, quality >= 50", built)
