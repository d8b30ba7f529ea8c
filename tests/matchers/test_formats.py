"""Clips as cameras, editors and platforms write them: each is seen as a viewer sees it.

Every file is made here by code. Where two versions of one picture must agree, they agree in the
bits of a hash, since that is what a wrong range, field or turn would cost.
"""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import MediaUnreadable
from matchers import phash
from matchers.examples import scene
from matchers.frames import SECONDS, Clip, Limits, Luma, picture, read
from tests.matchers import media

NEARLY = 8  # of 256 bits: what a codec alone moves
WIDE = scene(5, width_px=320, height_px=180)


def first(path: Path) -> Luma:
    return next(read(path).frames).luma


def moved(one: Luma, other: Luma) -> int:
    """Count the bits between the hashes of two frames."""
    hashes = phash.bits([one, other])
    return int(np.bitwise_count(hashes[0] ^ hashes[1]).sum())


def offsets(clip: Clip) -> list[float]:
    return [round(frame.offset_s, 2) for frame in clip.frames]


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx265", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.webm", "libvpx", "yuv420p"),
        ("a.mp4", "libsvtav1", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj422p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv444p10le"),
        ("a.mkv", "ffv1", "bgr0"),
        ("a.mkv", "ffv1", "gray16le"),
        ("a.mov", "png", "rgb24"),
        ("a.flv", "flv", "yuv420p"),
        ("a.mp4", "libx264", "nv12"),
    ],
)
def test_codec_shows_the_picture(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    """Whatever codec and layout carry it, it is the same picture, black to white."""
    luma = first(media.video(tmp_path / name, [WIDE] * 3, codec=codec, pixels=pixels))

    assert (luma.shape, moved(luma, WIDE) <= NEARLY) == (WIDE.shape, True)
    assert abs(int(luma.min()) - int(WIDE.min())) + abs(int(luma.max()) - int(WIDE.max())) < 40


@pytest.mark.parametrize("codec", ["libvpx-vp9", "mjpeg"])
@pytest.mark.parametrize("size", [(173, 97), (97, 173), (641, 363)])
def test_odd_video_keeps_its_shape(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    """No column of padding is taken for picture, and a portrait stays one."""
    picture = scene(3, width_px=size[0], height_px=size[1])
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = read(media.video(tmp_path / "a.mkv", [picture] * 2, codec=codec, pixels=pixels))
    luma = next(clip.frames).luma

    assert ((clip.width_px, clip.height_px), moved(luma, picture) <= NEARLY) == (size, True)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1"])
def test_header_that_is_believed_changes_no_frame(tmp_path: Path, codec: str) -> None:
    """An MP4 is opened without a trial decode, a Matroska file is not: one stream shows the same in both."""
    path = media.video(tmp_path / "a.mp4", media.moving(24), rate=10, codec=codec)
    media.ffmpeg("-i", path, "-c", "copy", tmp_path / "b.mkv")
    clips = [read(path), read(tmp_path / "b.mkv")]
    one, other = ([(round(frame.offset_s, 2), frame.luma.tobytes()) for frame in clip.frames] for clip in clips)

    assert (len(one) > 10, one == other, clips[0].width_px, clips[0].height_px) == (True, True, 160, 90)


@pytest.mark.parametrize("size", [(0, 0), (16, 9), (32_000, 18_000)])
def test_header_that_lies_about_the_size_refuses_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    """Players ask the codec how large the picture is, and so do we."""
    path = media.video(tmp_path / "a.mp4", [WIDE] * 3)
    data = bytearray(path.read_bytes())
    place = data.index(b"avc1" + bytes(6)) + 28
    data[place : place + 4] = struct.pack(">HH", *size)
    path.write_bytes(data)
    clip = read(path)

    assert (clip.width_px, clip.height_px, len(list(clip.frames))) == (320, 180, 3)


def test_shape_of_a_pixel_that_only_the_codec_knows(tmp_path: Path) -> None:
    """Anamorphic video is widened also where the container says nothing of it."""
    path = media.video(tmp_path / "a.mp4", [WIDE] * 3, coding={"x264-params": "sar=3/2"})
    path.write_bytes(path.read_bytes().replace(b"pasp", b"free"))
    clip = read(path)

    assert (clip.width_px, clip.height_px, next(clip.frames).luma.shape) == (480, 180, (180, 480))


@pytest.mark.parametrize("flip", ["", "hflip"])
@pytest.mark.parametrize("quarters", [0, 90, 180, 270])
def test_turned_and_mirrored_video_is_upright(tmp_path: Path, quarters: int, flip: str) -> None:
    """All eight display matrices give what FFmpeg itself shows, in luma and in colour."""
    plain = media.video(tmp_path / "plain.mp4", [WIDE] * 3)
    turned = tmp_path / "turned.mp4"
    flags = ["-display_hflip"] if flip else []
    media.ffmpeg(*flags, "-display_rotation:v:0", quarters, "-i", plain, "-c", "copy", turned)
    media.ffmpeg("-i", turned, "-frames:v", "1", tmp_path / "shown.png")
    shown = np.asarray(Image.open(tmp_path / "shown.png").convert("L"))
    frame = next(read(turned).frames)

    assert frame.luma.shape == shown.shape
    assert moved(frame.luma, shown) <= NEARLY
    assert moved(frame.colour(512)[..., 1], shown) <= NEARLY


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_of_any_orientation_is_upright(tmp_path: Path, orientation: int) -> None:
    """EXIF knows eight; each is turned and mirrored back, in luma and in colour."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {
        1: WIDE,
        2: WIDE[:, ::-1],
        3: WIDE[::-1, ::-1],
        4: WIDE[::-1],
        5: WIDE.T,
        6: np.rot90(WIDE, 1),
        7: WIDE[::-1, ::-1].T,
        8: np.rot90(WIDE, -1),
    }[orientation]
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    frame = next(read(tmp_path / "a.jpg").frames)

    assert (moved(frame.luma, WIDE) <= NEARLY, moved(frame.colour(512)[..., 1], WIDE) <= NEARLY) == (True, True)


@pytest.mark.parametrize("name", ["a.webp", "a.avif", "a.png", "a.gif", "a.bmp", "a.tiff"])
def test_still_shows_the_picture(tmp_path: Path, name: str) -> None:
    """Every format of stills gives one frame, of the picture, at 0 s."""
    Image.fromarray(WIDE).save(tmp_path / name)
    clip = read(tmp_path / name)
    (frame,) = clip.frames

    assert (clip.kind, frame.offset_s, frame.tick, moved(frame.luma, WIDE) <= NEARLY) == ("image", 0.0, True, True)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p"])
@pytest.mark.parametrize("width_px", [320, 960])
def test_ranges_agree(tmp_path: Path, pixels: str, width_px: int) -> None:
    """Limited and full range, scaled or not, come out as the picture was: 0 black, 255 white."""
    picture = scene(6, width_px=width_px, height_px=width_px * 9 // 16)
    small = np.asarray(Image.fromarray(picture).resize((512, 288), Image.Resampling.BOX)) if width_px > 512 else picture
    luma = first(media.video(tmp_path / "a.mp4", [picture] * 2, pixels=pixels))

    assert (moved(luma, small) < 4, float(np.abs(luma.astype(int) - small).mean()) < 3) == (True, True)


def test_colour_is_the_colour_shown(tmp_path: Path) -> None:
    """Red is red and white is white, in a film of limited range as in a photograph."""
    picture = np.zeros((90, 160, 4), np.uint8)
    picture[..., 3] = 255
    picture[:, :80, 0] = 255
    picture[:, 80:, :3] = 255
    film = next(read(media.video(tmp_path / "a.mp4", [picture] * 2)).frames).colour(160)
    Image.fromarray(picture[..., :3]).save(tmp_path / "a.png")
    photo = next(read(tmp_path / "a.png").frames).colour(160)

    assert (film.shape, photo.shape) == ((90, 160, 3), (90, 160, 3))
    assert np.abs(film[45, [20, 140]].astype(int) - photo[45, [20, 140]]).max() <= 6


def _pq(picture: Luma) -> np.ndarray:
    """Grade a gray picture for HDR10: page white at 203 nits, in 10 bits of limited range."""
    nits = 203 * (picture / 255.0) ** 2.4
    power = (nits / 10_000) ** 0.1593017578125
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return np.round(64 + 876 * signal).astype(np.uint16)


def test_hdr_matches_the_standard_version(tmp_path: Path) -> None:
    """A PQ master hashes like its page-white version, and shows it in the same shades."""
    graded = _pq(WIDE)
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx265", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p10le"
        stream.codec_context.options = {
            "x265-params": "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:crf=12"
        }
        planes = np.concatenate([graded.ravel(), np.full(320 * 180 // 2, 512, np.uint16)])
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(planes.reshape(270, 320), format="yuv420p10le")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    frame = next(read(tmp_path / "a.mp4").frames)
    bright = WIDE > 215  # rolled off: above what a page's screen can show of it
    apart = np.abs(frame.luma.astype(int) - WIDE)[~bright]

    assert (moved(frame.luma, WIDE) <= NEARLY, float(apart.mean()) < 4) == (True, True)
    assert np.abs(frame.colour(320).astype(int).mean(axis=2) - frame.luma).mean() < 4


def test_interlaced_frame_is_one_moment(tmp_path: Path) -> None:
    """Of two fields 20 px apart the first is seen, not their comb."""
    wide = scene(8, width_px=360, height_px=180)
    woven = wide[:, :320].copy()
    woven[1::2] = wide[1::2, 20:340]
    coding = {"x264-params": "tff=1", "flags": "+ildct+ilme", "crf": "10"}
    luma = first(media.video(tmp_path / "a.mp4", [woven] * 3, coding=coding))

    assert moved(luma, wide[:, :320]) <= NEARLY < moved(woven, wide[:, :320])


def test_wide_pixels_are_stretched(tmp_path: Path) -> None:
    """Anamorphic video is seen in the shape it is shown in."""
    narrow = np.asarray(Image.fromarray(WIDE).resize((160, 180)))
    plain = media.video(tmp_path / "plain.mp4", [narrow] * 3)
    media.ffmpeg("-i", plain, "-c", "copy", "-aspect", "16:9", tmp_path / "a.mp4")
    clip = read(tmp_path / "a.mp4")
    frame = next(clip.frames)

    assert (clip.width_px, frame.luma.shape, frame.colour(320).shape) == (320, (180, 320), (180, 320, 3))


def _boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Split an MP4 into its boxes: (kind, bytes)."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    return found


def _parts(tmp_path: Path) -> tuple[bytes, list[bytes]]:
    """An init segment and the media segments of a clip, as HLS and DASH serve them."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    path = media.video(tmp_path / "whole.mp4", media.moving(60), rate=10, options=options, coding={"g": "20"})
    boxes = _boxes(path.read_bytes())
    starts = [number for number, (kind, _) in enumerate(boxes) if kind == b"moof"]
    segments = [boxes[number][1] + boxes[number + 1][1] for number in starts]
    return b"".join(body for _, body in boxes[: starts[0]]), segments


def test_hls_part_with_its_init_is_read_from_zero(tmp_path: Path) -> None:
    """A later part joined to its init segment is a clip of its own, and starts at 0 s."""
    init, segments = _parts(tmp_path)
    (tmp_path / "a.m4s").write_bytes(init + segments[1])

    assert offsets(read(tmp_path / "a.m4s", plan=SECONDS)) == [0.0, 1.0]


def test_hls_part_without_its_init_says_so(tmp_path: Path) -> None:
    """A part alone cannot be decoded by anyone; the error says what is missing."""
    (tmp_path / "a.m4s").write_bytes(_parts(tmp_path)[1][1])

    with pytest.raises(MediaUnreadable, match="init segment"):
        read(tmp_path / "a.m4s")


def test_transport_stream_part_is_read_from_zero(tmp_path: Path) -> None:
    """A .ts part begins in the middle of a film's clock; its first frame is at 0 s."""
    whole = media.video(tmp_path / "a.mkv", media.moving(60), rate=10, coding={"g": "20"})
    media.ffmpeg("-i", whole, "-c", "copy", "-f", "segment", "-segment_time", "2", tmp_path / "part%d.ts")

    assert offsets(read(tmp_path / "part1.ts", plan=SECONDS)) == [0.0, 1.0]


def test_joined_streams_go_on(tmp_path: Path) -> None:
    """Parts written one after the other, each with a clock of its own, are one clip."""
    one = media.video(tmp_path / "a.ts", media.moving(30), rate=10)
    (tmp_path / "b.ts").write_bytes(one.read_bytes() * 3)

    assert offsets(read(tmp_path / "b.ts", plan=SECONDS)) == pytest.approx([float(n) for n in range(9)], abs=0.11)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_clock_that_starts_late_or_early_is_zero_at_the_first_frame(tmp_path: Path, name: str) -> None:
    """Offsets count from the first frame shown, whatever the container's clock says."""
    plain = media.video(tmp_path / "plain.mp4", media.moving(30), rate=10)
    media.ffmpeg("-itsoffset", "7.3", "-i", plain, "-c", "copy", "-copyts", tmp_path / name)

    assert offsets(read(tmp_path / name, plan=SECONDS)) == [0.0, 1.0, 2.0]


def test_edit_list_hides_what_players_hide(tmp_path: Path) -> None:
    """A cut without re-encoding keeps frames before it; the first one shown is at 0 s."""
    pan = media.moving(60)
    plain = media.video(tmp_path / "plain.mp4", pan, rate=10, coding={"g": "20", "crf": "10"})
    media.ffmpeg("-ss", "1.5", "-i", plain, "-c", "copy", tmp_path / "cut.mp4")
    clip = read(tmp_path / "cut.mp4", plan=SECONDS)
    frame = next(clip.frames)

    assert (round(frame.offset_s, 2), moved(frame.luma, pan[15]) <= NEARLY) == (0.0, True)


@pytest.mark.parametrize(("name", "codec", "pixels"), [("a.avi", "mjpeg", "yuvj420p"), ("a.mkv", "ffv1", "yuv420p")])
def test_frames_that_stand_alone_are_skipped_exactly(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    """Leaving undecoded what no moment needs changes neither times nor pictures."""
    pan = media.moving(30)
    frames = list(read(media.video(tmp_path / name, pan, rate=10, codec=codec, pixels=pixels)).frames)
    seen = [min(range(len(pan)), key=lambda n, luma=frame.luma: moved(luma, pan[n])) for frame in frames]

    assert [round(10 * frame.offset_s) for frame in frames] == seen
    assert seen == [0, 2, 3, 4, 5, 7, 8, 9, 10, 13, 15, 18, 20, 23, 25, 28]


def test_stream_that_appears_midway_does_not_end_the_clip(tmp_path: Path) -> None:
    """A transport stream may announce sound only later; the picture goes on."""
    one = media.video(tmp_path / "a.ts", media.moving(30), rate=10)
    media.ffmpeg("-i", one, "-f", "lavfi", "-i", "sine=440:d=3", "-c:v", "copy", "-c:a", "mp2", tmp_path / "b.ts")
    (tmp_path / "c.ts").write_bytes(one.read_bytes() * 8 + (tmp_path / "b.ts").read_bytes())
    clip = read(tmp_path / "c.ts", plan=SECONDS)

    assert (len(offsets(clip)), clip.truncated) == (27, None)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.flv", "flv", "yuv420p"),
        ("a.gif", "", ""),
        ("a.webp", "", ""),
        ("a.png", "", ""),
        ("a.avif", "", ""),
    ],
)
def test_damaged_clip_harms_nothing(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    """Whatever bytes are changed, there are frames, or a word on why not."""
    pan = media.moving(12)
    if codec:
        media.video(tmp_path / name, pan, codec=codec, pixels=pixels)
    else:
        pictures = [Image.fromarray(luma) for luma in pan]
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:6], duration=300)
    whole, outcomes = (tmp_path / name).read_bytes(), []
    for seed in range(24):
        (tmp_path / name).write_bytes(whole)
        media.damaged(tmp_path / name, seed)
        try:
            frames = list(read(tmp_path / name, limits=Limits(max_pixels=1_000_000, max_decode_s=5)).frames)
            outcomes.append({frame.colour(64).shape[2] for frame in frames} == {3})
            picture(tmp_path / name, 1.2)
        except MediaUnreadable:
            outcomes.append(True)

    assert all(outcomes)
