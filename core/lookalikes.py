"""Letters and digits written to look like others: what a reader sees, in Latin letters.

The tables are our own selection from the idea of Unicode's confusables (UTS 39): letters that stand
for a Latin one in captions seen to dodge filters, not every pair that a font could confuse.
"""

import re
import unicodedata

# Each Latin letter, and what is written for it. Capitals are told from small letters where they differ:
# Cyrillic Н looks like H, Greek Η too, but Greek η looks like n.
_LOOKS = {
    "a": "аАαΑДдᴀɑɐꭺᎪꓮəΔΛ",
    "b": "вВбБьЬЪъβΒʙƀɓᏴꓐ฿",
    "c": "сСϲᴄɔꞓᏟꓚϹ",
    "d": "ԁᴅđɗÐðᎠꓓδ",
    "e": "еЕэЭєЄεΕᴇǝɛԑξΣᎬꓰз",
    "f": "ғҒƒꜰϝфꓝ",
    "g": "ɡɢɠԍᏀꓖց",
    "h": "нНһҺʜħΗհᎻꓧɥ",
    "i": "іІїιΙɪıɨɩᎥᏆꓲ",
    "j": "јЈᴊɉᎫꓙ",
    "k": "кКκΚᴋҝќᏦꓗʞ",
    "l": "ӏӀʟłɭᏞꓡ",
    "m": "мМΜᴍɱмᎷꓟɯ",
    "n": "пПиИѝйЙΝηɴŋɲոռꓠ",
    "o": "оОοΟσΘθᴏøөӨօфФφΦꓳ",
    "p": "рРρΡᴘþᏢꓑ",
    "q": "ԛզգ",
    "r": "гГяЯʀɹɾᏒꓣ",
    "s": "ѕЅꜱʂςᏚꓢ",
    "t": "тТτΤᴛŧʇᎢꓔ",
    "u": "υцЦμᴜʉսꓴ",
    "v": "ѵѴνᴠʌᏙꓦ",
    "w": "шШщЩωᴡѡաᎳꓪ",
    "x": "хХχΧжЖᚷꓫ",
    "y": "уУүҮγΥʏɣчЧʎꓬ",
    "z": "ΖᴢʐᏃꓜ",
}
# Round, square and flag letters, which Unicode folds to nothing: 🅐, 🅰, 🇦.
_SHAPED = {start + nth: chr(97 + nth) for start in (0x1F150, 0x1F170, 0x1F1E6) for nth in range(26)}
_MARKS = {mark: letter for letter, marks in reversed(_LOOKS.items()) for mark in marks}
_CAPITALS = {mark.upper(): letter for mark, letter in _MARKS.items() if len(mark.upper()) == 1}
_LATIN = _SHAPED | {ord(mark): letter for mark, letter in (_CAPITALS | _MARKS).items() if not mark.isascii()}
SHAPED = "\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff"  # the inside of a class

_DIGITS = {"0": "o", "1": "i", "2": "z", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g"}
_SYMBOLS = {"$": "s", "@": "a", "!": "i", "|": "i", "+": "t", "€": "e", "£": "i", "¢": "c", "¥": "y", "(": "c"}
SYMBOLS = re.escape("".join(_SYMBOLS))  # the inside of a class
# One class for what stands for one another: 1, ! and | are written for i as for l.
_CLASSES = str.maketrans(_DIGITS | _SYMBOLS | {"l": "i"})
_RUN = re.compile(r"(.)\1+", re.DOTALL)


def skeleton(word: str) -> str:
    """The Latin letters a word looks like; the word itself where any letter of it looks like none.

    “Вrіdgеrtоn” with Cyrillic letters is "Bridgerton"; “Бриджертоны” has letters of its own (д, ж, ы)
    of which some look like none, and stays.
    """
    if word.isascii():
        return word
    seen = unicodedata.normalize("NFKC", word).translate(_LATIN)
    base = "".join(letter for letter in unicodedata.normalize("NFKD", seen) if not unicodedata.combining(letter))
    return base if base.isascii() else word


def letters_for_digits(word: str) -> str:
    """A folded word with digits and signs as the letters they stand for; l as i, since 1 stands for both."""
    return word.translate(_CLASSES)


def single(word: str) -> str:
    """A word with every run of one letter as one letter: gameeee is game, and happy is hapy."""
    return _RUN.sub(r"\1", word)
