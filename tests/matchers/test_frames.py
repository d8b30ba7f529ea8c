"""Which frames are looked at, and what hostile files can do: nothing."""

import io
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from core.errors import MediaUnreadable, NotFound, SettingsWrong
from matchers.examples import scene
from matchers.frames import FIRST, KEYS, SECONDS, WHOLE, Clip, Frame, Limits, Plan, denser, picture, read
from tests.matchers import media

QUADRANT = np.zeros((80, 160), np.uint8)
QUADRANT[:40, :80] = 250  # the bright corner says which way is up


def offsets(clip: Clip) -> list[float]:
    return [round(frame.offset_s, 3) for frame in clip.frames]


def corner(luma: np.ndarray) -> str:
    """Name the bright quarter."""
    height, width = luma.shape
    quarters = {
        "top left": luma[: height // 2, : width // 2],
        "top right": luma[: height // 2, width // 2 :],
        "bottom left": luma[height // 2 :, : width // 2],
        "bottom right": luma[height // 2 :, width // 2 :],
    }
    return max(quarters, key=lambda name: float(quarters[name].mean()))


def test_video_gives_one_frame_a_second(tmp_path: Path) -> None:
    """The first frame, then the first at or after each whole second."""
    clip = read(media.video(tmp_path / "a.mp4", media.moving(17)), plan=SECONDS)

    assert (offsets(clip), clip.kind, clip.container, clip.duration_s, clip.truncated) == (
        [0.0, 1.0, 2.0, 3.0],
        "video",
        "mov",
        3.4,
        None,
    )


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.ts", "libx264"),
        ("a.mkv", "libx264"),
        ("a.webm", "libvpx-vp9"),
        ("a.mpg", "mpeg2video"),
    ],
)
def test_containers_agree_on_the_moments(tmp_path: Path, name: str, codec: str) -> None:
    """Where a container's clock begins (MPEG-TS: 1.4 s) does not move a frame."""
    clip = read(media.video(tmp_path / name, media.moving(60), rate=25, codec=codec), plan=SECONDS)

    assert offsets(clip) == pytest.approx([0.0, 1.0, 2.0], abs=0.041)


def test_skipped_frames_change_nothing(tmp_path: Path) -> None:
    """Frames that no other refers to are dropped unseen, and the sampled ones stay bit for bit."""
    path = media.video(tmp_path / "a.mp4", media.moving(50), rate=8, pixels="yuvj420p", coding={"bf": "3"})
    with av.open(str(path)) as container:
        every = {round(frame.time, 3): frame.to_ndarray()[:90] for frame in container.decode(video=0)}
    taken = [(round(frame.offset_s, 3), frame.luma) for frame in read(path, plan=SECONDS).frames]

    assert [(luma == every[moment]).all() for moment, luma in taken] == [True] * 7


def test_variable_rate_takes_the_next_frame(tmp_path: Path) -> None:
    """A frame that comes late serves every second it was late for, at its true time."""
    stamps = [0, 400, 900, 1300, 1700, 4600, 4800, 5200]
    clip = read(media.video(tmp_path / "a.mkv", media.moving(8), stamps=stamps), plan=SECONDS)

    assert offsets(clip) == [0.0, 1.3, 4.6, 5.2]


def test_default_plan_begins_densely(tmp_path: Path) -> None:
    """Eight frames in the first second, four in each after it, each the first at or after its moment."""
    clip = read(media.video(tmp_path / "a.mp4", media.moving(60), rate=24))

    assert offsets(clip) == [0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1, 1.25, 1.5, 1.75, 2, 2.25]


def test_ticks_are_the_frames_of_one_a_second(tmp_path: Path) -> None:
    """What expensive methods look at does not depend on the plan, bit for bit."""
    path = media.video(tmp_path / "a.mp4", media.moving(70, width_px=640, height_px=360), rate=23)
    plain = [(frame.offset_s, frame.luma.tobytes()) for frame in read(path, plan=SECONDS).frames]
    ticks = [(frame.offset_s, frame.luma.tobytes()) for frame in read(path).frames if frame.tick]

    assert (ticks, len(plain)) == (plain, 4)


def test_first_look_takes_the_same_frames(tmp_path: Path) -> None:
    """Hashing sees all that it would see in a whole look, so that it need not look twice."""
    path = media.video(tmp_path / "a.mp4", media.moving(45), rate=5)
    first, whole = (
        [(frame.offset_s, frame.tick, frame.luma.tobytes()) for frame in read(path, plan=plan).frames]
        for plan in (FIRST, WHOLE)
    )

    assert first == whole


def test_late_frame_serves_every_moment_it_missed(tmp_path: Path) -> None:
    """With a variable rate no frame is taken for a moment that an earlier one has served."""
    stamps = [0, 40, 130, 700, 740, 760, 2100, 2120, 2260, 2490, 2510]
    frames = list(read(media.video(tmp_path / "a.mkv", media.moving(11), stamps=stamps)).frames)

    assert [round(frame.offset_s, 3) for frame in frames] == [0, 0.13, 0.7, 0.76, 2.1, 2.26, 2.51]
    assert [frame.offset_s for frame in frames if frame.tick] == [0, 2.1]


def test_clock_that_leaps_hides_nothing(tmp_path: Path) -> None:
    """Behind a frame that claims to be shown for a day the clip goes on."""
    stamps = [0, 500, 1000, 86_400_000, 86_400_500, 86_401_000]
    clip = read(media.video(tmp_path / "a.mkv", media.moving(6), stamps=stamps), plan=SECONDS)

    assert (offsets(clip), clip.truncated) == ([0, 1, 2.2], None)


def test_rounded_time_stamps_keep_their_moment(tmp_path: Path) -> None:
    """A container that counts milliseconds may round a frame to just before its moment."""
    clip = read(media.video(tmp_path / "a.mkv", media.moving(90), rate=30), plan=Plan(dense_s=0, fps=3))

    assert offsets(clip) == [0, 0.333, 0.667, 1, 1.333, 1.667, 2, 2.333, 2.667]


def test_key_frames_only(tmp_path: Path) -> None:
    """The first pass sees the frames that decode by themselves, at their times, and they are exact."""
    path = media.video(tmp_path / "a.mp4", media.moving(60), rate=10, coding={"g": "15", "sc_threshold": "0"})
    every = {frame.offset_s: frame.luma.tobytes() for frame in read(path, plan=Plan(fps=10, dense_s=0)).frames}
    keys = [(frame.offset_s, frame.luma.tobytes()) for frame in read(path, plan=KEYS).frames]

    assert keys == [(at, every[at]) for at in (0, 1.5, 3.0, 4.5)]


def test_clip_without_a_key_frame_is_decoded_whole(tmp_path: Path) -> None:
    """Nobody hides from the first pass by marking no frame as key."""
    path = media.video(tmp_path / "a.mp4", media.moving(30), rate=10, codec="libx265")

    assert offsets(read(media.without_key_frames(path, tmp_path / "b.mkv"), plan=KEYS)) == [0, 1, 2]


def test_key_frames_are_not_taken_on_trust(tmp_path: Path) -> None:
    """A container that calls every frame a key frame shows no half-decoded ones."""
    path = media.video(tmp_path / "a.mkv", media.moving(30), rate=10, codec="libx265")

    assert offsets(read(media.without_key_frames(path, tmp_path / "b.mp4"), plan=KEYS)) == [0]


def test_denser_plan_sees_all_that_the_first_saw() -> None:
    """From key frames to the default, and on to twice its rates; never without end."""
    steps = [KEYS]
    for _ in range(9):
        steps.append(denser(steps[-1]))

    assert (steps[1], steps[2].fps, steps[-1].fps) == (Plan(), 8, 240)
    assert denser(FIRST) == WHOLE


@pytest.mark.parametrize(
    "wrong", [{"fps": 0}, {"dense_fps": float("nan")}, {"dense_s": -1}, {"fps": 1e9}, {"dear_s": 0}]
)
def test_absurd_plan_is_refused(wrong: dict[str, float]) -> None:
    """A plan that could sample nothing, or everything for ever, says so."""
    with pytest.raises(SettingsWrong, match=r"rates lie between|dear_s is"):
        Plan(**wrong)


def test_large_frames_are_let_go(tmp_path: Path) -> None:
    """A run of 64 frames of 1080p fits in memory: what is no tick keeps only small colour."""
    pan = media.moving(2, width_px=1920, height_px=1080)
    ticks = {frame.tick: frame.colour(4000).shape for frame in read(media.video(tmp_path / "a.mp4", pan)).frames}

    assert ticks == {True: (1080, 1920, 3), False: (288, 512, 3)}


def test_drawn_frame_has_its_luma_as_colour() -> None:
    """A frame without a file behind it is gray."""
    colour = Frame(offset_s=0.0, luma=scene(1)).colour(160)

    assert (colour.shape, np.ptp(colour, axis=2).max()) == ((90, 160, 3), 0)


@pytest.mark.parametrize(
    ("rotation", "where"), [(0, "top left"), (90, "bottom left"), (-90, "top right"), (180, "bottom right")]
)
def test_rotation_of_a_video_is_honoured(tmp_path: Path, rotation: int, where: str) -> None:
    """A phone clip is hashed as it is shown (the corners are FFmpeg's own, from its autorotate)."""
    clip = read(media.video(tmp_path / "a.mp4", [QUADRANT] * 3, rotation=rotation))
    luma = next(clip.frames).luma

    assert (corner(luma), luma.shape) == (where, (clip.height_px, clip.width_px))


def test_rotation_of_a_photo_is_honoured(tmp_path: Path) -> None:
    """EXIF orientation 6 turns the picture a quarter clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(QUADRANT).save(tmp_path / "a.jpg", exif=exif)
    clip = read(tmp_path / "a.jpg")

    assert (corner(next(clip.frames).luma), clip.width_px, clip.height_px) == ("top right", 80, 160)


def test_transparency_lies_over_white(tmp_path: Path) -> None:
    """What a page shows is what is hashed: a clear pixel is white, whatever colour it hides."""
    clear = np.zeros((40, 40, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "a.png")
    luma = next(read(tmp_path / "a.png").frames).luma

    assert luma.min() == 255


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    """Pillow would clip 16-bit samples to white; here they keep their shades."""
    Image.fromarray(scene(1).astype(np.uint16) * 257).save(tmp_path / "a.png")
    luma = next(read(tmp_path / "a.png").frames).luma

    assert (luma == scene(1)).all()


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.avif"])
def test_animated_picture_is_a_video(tmp_path: Path, name: str) -> None:
    """GIF, WebP, PNG and AVIF animations are sampled by their own frame times."""
    pictures = [Image.fromarray(luma) for luma in media.moving(9)]
    pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=300)
    clip = read(tmp_path / name, plan=SECONDS)

    assert (clip.kind, offsets(clip)) == ("video", [0.0, 1.2, 2.1])


@pytest.mark.parametrize("size", [(37, 91), (1, 1), (2, 500)])
def test_odd_sizes_keep_their_shape(tmp_path: Path, size: tuple[int, int]) -> None:
    """No row or column of padding is taken for picture."""
    Image.new("L", size, 90).save(tmp_path / "a.png")
    luma = next(read(tmp_path / "a.png").frames).luma

    assert (luma == np.full(size[::-1], 90)).all()


def test_padded_rows_are_cut_off(tmp_path: Path) -> None:
    """FFmpeg pads its rows to 32 or 64 bytes; the padding is no picture."""
    flat = np.full((94, 54), 200, np.uint8)
    luma = next(read(media.video(tmp_path / "a.mp4", [flat] * 3)).frames).luma

    assert (luma.shape, np.ptp(luma) <= 4) == ((94, 54), True)


def test_large_frames_are_scaled_down(tmp_path: Path) -> None:
    """No frame is larger than a method looks at."""
    clip = read(media.video(tmp_path / "a.mp4", media.moving(3, width_px=320)), limits=Limits(max_side_px=80))

    assert next(clip.frames).luma.shape[1] == 80


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.mp4", b"hello world\n" * 99),
        ("empty.mp4", b""),
        ("page.jpg", b"<!doctype html><title>Log in</title>" * 20),
        ("head.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    ],
)
def test_junk_is_unreadable(tmp_path: Path, name: str, content: bytes) -> None:
    """What is no media says so, by file name, and what to do."""
    (tmp_path / name).write_bytes(content)

    with pytest.raises(MediaUnreadable, match=f"{name}.*fetch"):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile {secret}\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n",
        '<?xml version="1.0"?><MPD><Period><AdaptationSet><BaseURL>{secret}</BaseURL></AdaptationSet></Period></MPD>',
    ],
)
def test_playlist_reads_no_other_file(tmp_path: Path, script: str) -> None:
    """A playlist under the name of a video must not show us files of this machine."""
    secret = media.video(tmp_path / "secret.ts", media.moving(10))
    (tmp_path / "clip.mp4").write_text(script.format(secret=secret))

    with pytest.raises(MediaUnreadable, match=r"clip\.mp4"):
        read(tmp_path / "clip.mp4")


@pytest.mark.parametrize("side", [9_000, 50_000])
def test_decompression_bomb_is_refused_before_decoding(tmp_path: Path, side: int) -> None:
    """A PNG that claims 2.5 billion pixels costs its header, not the machine's memory."""
    bomb = media.png_header(tmp_path / "bomb.png", side, side)

    with pytest.raises(MediaUnreadable, match="smaller rendition"):
        read(bomb)


def test_oversized_video_is_refused(tmp_path: Path) -> None:
    """The pixel limit holds for videos."""
    path = media.video(tmp_path / "a.mp4", media.moving(3))

    with pytest.raises(MediaUnreadable):
        read(path, limits=Limits(max_pixels=10_000))


def test_endless_picture_is_cut(tmp_path: Path) -> None:
    """A million frames end at the limit, with what was seen and a word on why."""
    clip = read(media.endless_gif(tmp_path / "a.gif", 1_000_000), limits=Limits(max_duration_s=50))

    assert (len(offsets(clip)), clip.truncated) == (51, "stopped at 50 s, the limit for one clip")


def test_endless_decoding_is_cut(tmp_path: Path) -> None:
    """A processor limit ends what the duration does not."""
    clip = read(media.endless_gif(tmp_path / "a.gif", 200_000), limits=Limits(max_decode_s=0.2))
    offsets(clip)

    assert "decoding took" in (clip.truncated or "")


def test_long_video_is_cut(tmp_path: Path) -> None:
    """Ten empty hours behind a stolen minute do not hide the minute."""
    clip = read(media.video(tmp_path / "a.mp4", media.moving(50)), limits=Limits(max_duration_s=4))

    assert (offsets(clip)[-1], clip.truncated) == (4.0, "stopped at 4 s, the limit for one clip")


def test_cut_video_keeps_its_frames(tmp_path: Path) -> None:
    """Half a download is half a clip, and says so."""
    path = media.video(tmp_path / "a.mp4", media.moving(60), options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-1500])
    clip = read(path, plan=SECONDS)

    assert (len(offsets(clip)), clip.truncated) == (8, "cut short or damaged: 1 packets do not decode")


def test_sound_alone_is_unreadable(tmp_path: Path) -> None:
    """A sound track has nothing to look at."""
    with pytest.raises(MediaUnreadable, match="sound only"):
        read(media.sound(tmp_path / "a.m4a"))


@pytest.mark.parametrize(
    ("name", "heard", "silent"), [("a.mp4", False, True), ("a.mp4", True, False), ("a.mkv", False, False)]
)
def test_silence_is_told_by_a_header_that_names_all_streams(
    tmp_path: Path, name: str, *, heard: bool, silent: bool
) -> None:
    """So that a file is not opened a second time for its sound; other containers may name a stream later."""
    path = media.video(tmp_path / name, media.moving(5))
    if heard:
        with_sound = tmp_path / "b.mp4"
        inputs = ["-i", str(path), "-i", str(media.tone(tmp_path / "tone.m4a"))]
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *inputs, "-c", "copy", with_sound], check=True)
        path = with_sound

    assert read(path).silent == silent


def test_missing_file_is_not_found(tmp_path: Path) -> None:
    """A path without a file is our mistake, not the clip's."""
    with pytest.raises(NotFound):
        read(tmp_path / "none.mp4")


@pytest.mark.parametrize(("offset_s", "shown"), [(0.0, 0), (3.0, 15), (6.8, 34), (99.0, 40)])
def test_picture_shows_the_moment(tmp_path: Path, offset_s: float, shown: int) -> None:
    """The side-by-side shows the frame that was matched, and the last sampled one past the end."""
    pan = media.moving(44)
    jpeg = picture(media.video(tmp_path / "a.mp4", pan), offset_s)
    luma = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), float)
    distances = [float(np.abs(luma - frame).mean()) for frame in pan]

    assert int(np.argmin(distances)) == shown


def test_picture_fits_its_limits(tmp_path: Path) -> None:
    """A page of a hundred hits stays light: size in pixels and bytes are promises."""
    noise = np.random.default_rng(1).integers(0, 256, (900, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    jpeg = picture(tmp_path / "a.png", 0.0, max_px=400, max_bytes=9_000)

    assert (len(jpeg) <= 9_000, max(Image.open(io.BytesIO(jpeg)).size) <= 400) == (True, True)
