"""Labels that a standard defines: GB 45438-2025 (AIGC) and IPTC digital source types.

Never guesses at a label: what does not parse is invalid, with why.
source  GB 45438-2025, annex E: Label 1 generated, 2 possibly, 3 suspected; TC260-PG-20258A: where it stands
        IPTC NewsCodes, digitalsourcetype
"""

import json
import re
from typing import Any

from matchers.marks_file import Limits, Tag
from matchers.marks_mark import Claim, Mark, shown
from matchers.marks_stills import LABEL_KEYS

CLAIMS: dict[str, Claim] = {"1": "generated", "2": "possibly", "3": "suspected"}
SAID = {"1": "generated", "2": "possibly generated", "3": "suspected to be generated"}
PARTIES = (("ContentProducer", "ProduceID"), ("ContentPropagator", "PropagateID"))
# Observed: 00, kind of subject, binding, unified social credit code, 1 generates or 2 propagates, model.
PARTY_CODE = re.compile(r"00[0-9A-Z]{2}([0-9A-Z]{18})[12][0-9A-Z]{4}", re.IGNORECASE)
SOURCE_TYPE = re.compile(r"(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/|digsrctype:)?([A-Za-z]{3,60})/?")
SOURCE_CLAIMS: dict[str, Claim] = {
    "trainedAlgorithmicMedia": "generated",
    "compositeWithTrainedAlgorithmicMedia": "composite",
}


def key_of(tag: Tag) -> str:
    """Return a tag's key without its namespace, in lower case."""
    return re.split(r"[.:/]", tag.key)[-1].strip().lower()


def parsed(text: str) -> Any:  # noqa: ANN401  (JSON is anything)
    """Parse JSON; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # deep nesting
        return None


def aigc(tag: Tag, limits: Limits) -> Mark | None:
    """Read a GB 45438 label: under its key, wrapped in {"AIGC": ...}, or its JSON in any other field.

    None when the tag is no such label.
    """
    named = key_of(tag) == "aigc"
    known = sum(f'"{key}"' in tag.value for key in LABEL_KEYS)
    if not named and '"AIGC"' not in tag.value and known < 3:
        return None
    value = parsed(tag.value[tag.value.find("{") :] if "{" in tag.value else tag.value)
    if isinstance(value, dict) and "AIGC" in value:
        value = value["AIGC"]
        if isinstance(value, str):
            value = parsed(value)
    elif not named and known < 3:
        return None
    where = shown(tag.where, 200)
    head = f"GB 45438 AIGC label in {where}"
    if not isinstance(value, dict):
        text = shown(tag.value, 80)
        fields = {"text": shown(tag.value, limits.field_chars)}
        sentence = f"{head} is not a JSON object: {text}"
        return Mark(kind="aigc-label", state="invalid", fields=fields, where=where, sentence=sentence)
    return _label(value, head, where, limits)


def _label(value: dict[str, Any], head: str, where: str, limits: Limits) -> Mark:
    fields = {key: shown(_scalar(value[key]), limits.field_chars) for key in LABEL_KEYS if key in value}
    number = fields.get("Label", "").strip()
    named = [party for party, _ in PARTIES if fields.get(party)]
    whole = [party for party, code in PARTIES if fields.get(party) and code in fields]
    for party in named:
        code = PARTY_CODE.fullmatch(fields[party])
        if code:
            fields[f"{party}.credit_code"] = code[1].upper()
    wrong = ""
    if "Label" not in fields:
        wrong = "it has no Label"
    elif number not in CLAIMS:
        wrong = f"Label {shown(number, 40) or 'is empty'}, not 1, 2 or 3"
    elif not whole:
        wrong = "it names neither ContentProducer with ProduceID nor ContentPropagator with PropagateID"
    read = ", ".join(f"{key} {shown(fields[key], 80)}" for pair in PARTIES for key in pair if fields.get(key))
    if wrong:
        sentence = f"{head} is not valid: {wrong}; read: Label {shown(number, 40) or 'none'}, {read or 'no party'}"
    else:
        lacks = [key for key in LABEL_KEYS if key not in fields]
        missing = f" (without {', '.join(lacks)})" if lacks else ""
        sentence = f"{head}: Label {number} ({SAID[number]}), {read}{missing}"
    return Mark(
        kind="aigc-label",
        state="invalid" if wrong else "present",
        claim="silent" if wrong else CLAIMS[number],
        generator=fields[named[0]] if named else None,
        fields=fields,
        where=where,
        sentence=sentence,
    )


def _scalar(value: Any) -> str:  # noqa: ANN401  (JSON is anything)
    """Return text and numbers as text; a nested value is never what the standard means."""
    return str(value) if isinstance(value, str | int | float) else f"({type(value).__name__})"


def iptc(tag: Tag, limits: Limits) -> Mark | None:
    """Read Iptc4xmpExt:DigitalSourceType, or the AI system that IPTC 2025.1 lets a file name."""
    key, where = key_of(tag), shown(tag.where, 200)
    value = shown(tag.value, limits.field_chars)
    if key == "aisystemused":
        return Mark(
            kind="iptc",
            state="present",
            claim="composite",  # "used to create, or to contribute to"
            generator=value,
            fields={"AISystemUsed": value},
            where=where,
            sentence=f"IPTC AI System Used in {where}: {shown(value, 120)}",
        )
    if key != "digitalsourcetype":
        return None
    term = SOURCE_TYPE.fullmatch(tag.value.strip())
    said = f"IPTC DigitalSourceType in {where}"
    return Mark(
        kind="iptc",
        state="present" if term else "invalid",
        claim=SOURCE_CLAIMS.get(term[1], "silent") if term else "silent",
        fields={"DigitalSourceType": value},
        where=where,
        sentence=f"{said}: {term[1]}" if term else f"{said} is no IPTC term: {shown(value, 80)}",
    )
