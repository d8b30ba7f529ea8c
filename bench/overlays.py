"""What attackers lay over a picture, drawn by code: captions, stickers, logos, a phone's screen.

The wordings are few and shared by all queries, strangers too: captions match captions, and a bench
whose lettering were always new would never show it. Never reads a file.
"""

from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WORDINGS = (
    ("WAIT FOR THE END, YOU WILL", "NOT BELIEVE THIS ONE"),
    ("POV: you found the", "deleted scene"),
    ("AI made this in 5 minutes", "and nobody noticed"),
    ("Part 2 is on my profile", "follow for more"),
    ("This was cut from the film", "(full clip in bio)"),
    ("like + share before", "it gets taken down"),
    ("When the dragon finally", "comes back home"),
    ("no way they animated this", "with a free app"),
    ("TRAILER LEAKED", "coming this summer"),
    ("tag a friend who", "needs to see this"),
)
COLOURS = ("#ffffff", "#ffe14d", "#7df9ff", "#ff5fa2", "#b6ff6a", "#ff9a3c")
LETTERING = ("band", "stroke", "box")  # how captioning apps set words off against the picture


def overlay(kinds: tuple[str, ...], width_px: int, height_px: int, random: Random) -> Image.Image:
    """Draw the kinds one over the other on a clear RGBA canvas of the picture's own size.

    kinds   of KINDS: caption, heavy captions, stickers, logo, phone
    raises  KeyError for another kind
    """
    image = Image.new("RGBA", (width_px, height_px), (0, 0, 0, 0))
    for kind in kinds:
        KINDS[kind](image, random)
    return image


def _words(image: Image.Image, lines: tuple[str, ...], top_px: float, size_px: int, random: Random) -> None:
    """Set centred lines from `top_px` down; a line too long for the picture is set smaller."""
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    style, colour = random.choice(LETTERING), random.choice(COLOURS)
    font = ImageFont.load_default(size_px)
    widest = max(draw.textlength(line, font=font) for line in lines)
    if widest > image.width * 0.94:
        size_px = max(9, int(size_px * image.width * 0.94 / widest))
        font = ImageFont.load_default(size_px)
    step = size_px * 1.3
    if style == "band":
        draw.rectangle((0, top_px - size_px * 0.3, image.width, top_px + step * len(lines)), fill=(0, 0, 0, 130))
    for number, line in enumerate(lines):
        length = draw.textlength(line, font=font)
        left, top = (image.width - length) / 2, top_px + number * step
        if style == "box":
            draw.rounded_rectangle(
                (left - 8, top - 2, left + length + 8, top + size_px * 1.2), radius=6, fill=(20, 20, 20, 235)
            )
        draw.text(
            (left, top), line, fill=colour, font=font, stroke_width=max(1, size_px // 11), stroke_fill=(0, 0, 0, 255)
        )
    image.alpha_composite(layer)


def _caption(image: Image.Image, random: Random) -> None:
    size_px = max(11, round(min(image.width, image.height) * 0.085))
    _words(image, random.choice(WORDINGS), image.height * random.choice((0.08, 0.70, 0.74)), size_px, random)


def _heavy_captions(image: Image.Image, random: Random) -> None:
    """A third of the picture in words: two wordings, above and below."""
    size_px = max(13, round(min(image.width, image.height) * 0.115))
    first, second = random.sample(WORDINGS, 2)
    _words(image, first, image.height * 0.05, size_px, random)
    _words(image, second, image.height * 0.70, size_px, random)


def _stickers(image: Image.Image, random: Random) -> None:
    """Nine faces, hearts and stars of 9 to 16 % of the height."""
    draw = ImageDraw.Draw(image)
    for number in range(9):
        size = image.height * random.uniform(0.09, 0.16)
        x, y = random.uniform(0, image.width - size), random.uniform(0, image.height - size)
        if number % 3 == 0:
            draw.ellipse((x, y, x + size, y + size), fill="#ffd93b", outline="#c99a00")
            for eye in (0.3, 0.62):
                draw.ellipse((x + size * eye, y + size * 0.3, x + size * (eye + 0.1), y + size * 0.45), fill="black")
            mouth = (x + size * 0.25, y + size * 0.35, x + size * 0.75, y + size * 0.8)
            draw.arc(mouth, 20, 160, fill="black", width=2)
        elif number % 3 == 1:
            draw.ellipse((x, y, x + size * 0.55, y + size * 0.55), fill="#e8304a")
            draw.ellipse((x + size * 0.45, y, x + size, y + size * 0.55), fill="#e8304a")
            point = [(x + 1, y + size * 0.35), (x + size - 1, y + size * 0.35), (x + size / 2, y + size)]
            draw.polygon(point, "#e8304a")
        else:
            turns = [k * np.pi / 5 - np.pi / 2 for k in range(10)]
            radii = [size / 2 if k % 2 == 0 else size / 5 for k in range(10)]
            points = [
                (x + size / 2 + r * np.cos(t), y + size / 2 + r * np.sin(t)) for r, t in zip(radii, turns, strict=True)
            ]
            draw.polygon(points, fill=random.choice(COLOURS), outline="black")


def _logo(image: Image.Image, random: Random) -> None:
    """A channel's mark in a corner, and its name thrice across the picture, faint."""
    size = max(10, image.height // 14)
    draw = ImageDraw.Draw(image)
    x, y = random.choice((0.03, 0.72)) * image.width, random.choice((0.04, 0.86)) * image.height
    draw.ellipse((x, y, x + size * 1.3, y + size * 1.3), fill="#ff2d55")
    draw.polygon([(x + size * 0.45, y + size * 0.3), (x + size * 0.45, y + size), (x + size, y + size * 0.65)], "white")
    draw.text((x + size * 1.5, y), "@clipz_daily", fill="white", font=ImageFont.load_default(size))
    faint = Image.new("RGBA", image.size, (0, 0, 0, 0))
    for share in (0.2, 0.5, 0.8):
        ImageDraw.Draw(faint).text(
            (image.width * (share - 0.15), image.height * share),
            "@clipz_daily",
            fill=(255, 255, 255, 90),
            font=ImageFont.load_default(size * 3 // 2),
        )
    image.alpha_composite(faint)


def _phone(image: Image.Image, random: Random) -> None:
    """The bars and buttons of a phone's player, and the fine lines of one screen filming another."""
    width, height = image.size
    rows, columns = np.mgrid[0:height, 0:width]
    pitch = random.uniform(2.6, 3.4)
    waves = np.sin(2 * np.pi * (rows + columns * 0.06) / pitch) + np.sin(2 * np.pi * columns / (pitch * 1.07))
    lines = np.zeros((height, width, 4), np.uint8)
    lines[..., 3] = np.clip(18 + 14 * waves, 0, 60)
    image.alpha_composite(Image.fromarray(lines, "RGBA"))
    draw, small = ImageDraw.Draw(image), ImageFont.load_default(13)
    draw.rectangle((0, 0, width, 26), fill="#101014")
    draw.text((14, 6), "9:41", fill="white", font=small)
    draw.rectangle((width - 40, 8, width - 16, 18), outline="white")
    draw.rectangle((0, height - 62, width, height), fill="#101014")
    draw.text((14, height - 52), "@user8812  Follow", fill="white", font=small)
    draw.text((14, height - 30), "original sound - trending", fill="#bbbbbb", font=small)
    for number in range(4):
        top = height * 0.45 + number * 46
        draw.ellipse((width - 44, top, width - 12, top + 32), fill=(255, 255, 255, 210))
        draw.text((width - 40, top + 32), f"{random.randint(1, 99)}K", fill="white", font=small)


KINDS: dict[str, Callable[[Image.Image, Random], None]] = {
    "caption": _caption,
    "heavy captions": _heavy_captions,
    "stickers": _stickers,
    "logo": _logo,
    "phone": _phone,
}
