"""The sound track: the same recording under another picture, or the same picture's own sound.

Survives another codec, volume, speech or music mixed over it, cuts, a change of speed up to a
quarter and of tempo alone. Says that the sound was copied, and nothing about the picture: a tune is
used by thousands, so it only suggests.
Never recognises a melody sung anew, nor anything in silence, hum, noise or a held chord.
"""

from core.records import Basis, Fingerprint
from matchers import chromaprint, examples_sound
from matchers.chromaprint import NOTHING, items, pack
from matchers.method import Method, Sense
from matchers.sound_bank import LEAST_ITEMS, SPEEDS, region_at, sound_bank
from matchers.sounds import Sound

MISSING = "no ffmpeg with Chromaprint; install imageio-ffmpeg's wheel for this platform, which brings one"


def fingerprint(sound: Sound) -> list[Fingerprint]:
    """Fingerprint the whole sound, once for each speed it is listened to.

    returns one a speed (see SPEEDS): value, items of 32 bits, big-endian, 0 where nothing is heard; quality, the
            share of them that is; [] when there is too little to recognise
    """
    found = []
    for speed in SPEEDS:
        heard = items(sound, speed=speed)
        count = int((heard != NOTHING).sum())
        if count < LEAST_ITEMS:
            continue
        found.append(
            Fingerprint(
                offset_s=sound.offset_s,
                region=region_at(speed),
                value=pack(heard),
                quality=max(1, count * 100 // len(heard)),
            )
        )
    return found


def _missing() -> str | None:
    return None if chromaprint.executable() else MISSING


METHOD = Method(
    name="sound",
    version=1,
    unit="‰ of bits",
    threshold=240,
    lone_threshold=130,
    least_quality=1,
    sense=Sense.SOUND,
    basis=Basis.SUGGESTION,
    fingerprint=fingerprint,
    bank=sound_bank,
    alike=examples_sound.alike,
    unlike=examples_sound.unlike,
    missing=_missing,
)
