"""Marks of generators' own making, and the names of encoders: one table, each row with its source.

Never takes an encoder's name for a sign of generation: YouTube, phones and editors write them too.
"""

import re
from dataclasses import dataclass
from typing import Any

from matchers.marks_file import Limits, Tag
from matchers.marks_labels import key_of, parsed
from matchers.marks_mark import Claim, Mark, shown

SOFTWARE = frozenset(
    {"software", "encoder", "creatortool", "©too", "©swr", "©enc", "writingapp", "encoded_by", "tsse", "tenc"}
)
REMARKS = frozenset({"comment", "©cmt", "comm", "description", "©des", "imagedescription", "artist", "©art"})
GRAPHS = frozenset({"prompt", "workflow", "usercomment", "make", "model", "imagedescription", *REMARKS})
PRODUCTS = (
    r"(?:OpenAI Sora|Sora(?: 2)?|Google Veo|Veo [23](?:\.\d)?|Kling(?: ?AI)?|可灵|Hailuo(?: ?AI)?|海螺|MiniMax|Seedance"
    r"|Jimeng|即梦|Dreamina|Runway(?:ML)?|Pika(?: Labs)?|Luma(?: AI| Dream Machine)?|Dream Machine|Vidu|PixVerse"
    r"|Midjourney|Adobe Firefly|Stable (?:Video )?Diffusion|DALL[·-]E|Wan ?2\.\d)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A generator's mark: its name, the keys it stands under, what stands there, and who says so."""

    name: str
    keys: frozenset[str]
    text: re.Pattern[str]
    claim: Claim = "generated"
    source: str


ROWS = (
    Row(
        name="Kling",
        keys=frozenset({"user data sei"}),
        text=re.compile(r"^kling-ai$"),
        source="user data SEI seen in Kling files, 2026",
    ),
    Row(
        name="ComfyUI",
        keys=GRAPHS,
        text=re.compile(r'"(?:class_type|type)"\s*:\s*"[^"]{0,80}(?:Sampler|ToVideo)'),
        source="ComfyUI nodes.py SaveImage, SaveVideo; VideoHelperSuite: the graph, here with a sampler in it",
    ),
    Row(
        name="ComfyUI",
        keys=GRAPHS,
        text=re.compile(r'"class_type"\s*:|"last_node_id"\s*:'),
        claim="silent",
        source="the same, without a sampler: a graph may only scale or cut",
    ),
    Row(
        name="Stable Diffusion web UI",
        keys=frozenset({"parameters", "usercomment", *REMARKS}),
        text=re.compile(r"\bSteps: \d{1,4}, Sampler: "),
        source="stable-diffusion-webui modules/processing.py create_infotext",
    ),
    Row(
        name="InvokeAI",
        keys=frozenset({"invokeai_metadata", "invokeai_graph", "sd-metadata"}),
        text=re.compile(r"\{"),
        source="InvokeAI, image metadata",
    ),
    Row(
        name="NovelAI",
        keys=frozenset({"software"}),
        text=re.compile(r"^NovelAI"),
        source="NovelAI PNG files: Software",
    ),
    Row(
        name="Midjourney",
        keys=frozenset({"description", "imagedescription"}),
        text=re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f-]{27}"),
        source="Midjourney PNG files: Description",
    ),
    Row(
        name="Google AI",
        keys=frozenset({"credit"}),
        text=re.compile(r"^(?:Made|Edited) with Google AI"),
        source="IPTC Credit line of Google's generators",
    ),
    Row(
        name="",  # the product that was named
        keys=SOFTWARE,
        text=re.compile(rf"^\W*(?:made with )?({PRODUCTS})(?!\w)", re.IGNORECASE),
        source="a product's name in the field for the writing software; by name only, no sample seen",
    ),
    Row(
        name="",
        keys=REMARKS,
        text=re.compile(rf"^\W*(?:made|created|generated) (?:with|by|using|in) ({PRODUCTS})(?!\w)", re.IGNORECASE),
        source="a remark that names the product; by name only, no sample seen",
    ),
)
ENCODERS = SOFTWARE | {"muxingapp", "handler_name", "compressor", "codecname", "user data sei", "hardware"}
USUAL = {"videohandler", "soundhandler", "subtitlehandler", "datahandler", "core media video", "core media audio"}
POST_ID = re.compile(r"vid:[0-9a-z]{8,64}")  # comment of a file saved from TikTok; TikTok's own export


def vendor(tag: Tag, limits: Limits) -> Mark | None:
    """Match a tag against the table, then against what ByteDance's apps export."""
    key = key_of(tag)
    for row in ROWS:
        hit = row.text.search(tag.value) if key in row.keys else None
        if hit:
            name = row.name or shown(hit[1], 60)
            said = f"{name}: {shown(tag.value, 120)}"
            return _mark(tag, limits, name, {"source": row.source}, claim=row.claim, said=said)
    if tag.value.startswith("{"):
        value = parsed(tag.value)
        return _exported(tag, value, limits) if isinstance(value, dict) else None
    return None


def _mark(tag: Tag, limits: Limits, name: str, fields: dict[str, str], *, claim: Claim, said: str) -> Mark:
    where = shown(tag.where, 200)
    return Mark(
        kind="vendor",
        state="present",
        claim=claim,
        generator=name,
        fields={shown(tag.key, 80): shown(tag.value, limits.field_chars), **fields},
        where=where,
        sentence=f"Mark of a generator in {where}: {said}",
    )


def _exported(tag: Tag, value: dict[str, Any], limits: Limits) -> Mark | None:
    """Read the JSON that ByteDance's apps leave: Dreamina and Jimeng, CapCut, TikTok.

    aigc_label_type: 0 none, 1 by the creator, 2 by the platform, as TikTok's aigcLabelType
    source  Dreamina app exports: product, exportType, source_info, aigc_label_type, trace_info.originItemId
    """
    inner = value.get("data")
    merged = {**value, **inner} if isinstance(inner, dict) else value
    app = any(key in merged for key in ("exportType", "source_info", "trace_info")) and "product" in merged
    labelled = merged.get("aigc_label_type")
    if not app and labelled is None:
        return None
    product = shown(str(merged.get("product", "")), 60)
    trace = merged.get("trace_info")
    origin = trace.get("originItemId") if isinstance(trace, dict) else None
    fields = {
        key: shown(str(text), limits.field_chars)
        for key, text in {
            "product": merged.get("product"),
            "exportType": merged.get("exportType"),
            "source_info": merged.get("source_info"),
            "aigc_label_type": labelled,
            "trace_info.originItemId": origin,
        }.items()
        if isinstance(text, str | int | float)
    }
    generator = re.search(r"dreamina|jimeng|即梦", product, re.IGNORECASE)
    said = ", ".join(f"{key} {shown(text, 60)}" for key, text in fields.items())
    if generator:
        return _mark(tag, limits, f"Dreamina ({product})", fields, claim="generated", said=said)
    if str(labelled) in {"1", "2"}:
        by = {"1": "its creator", "2": "the platform"}[str(labelled)]
        name = f"labelled in ByteDance's {product or 'TikTok'}"
        said = f"labelled as AI-generated by {by}: {said}"
        return _mark(tag, limits, name, fields, claim="generated", said=said)
    if origin:  # no word of generation, but the id under which ByteDance finds what it was made from
        return _mark(tag, limits, f"ByteDance app ({product})", fields, claim="silent", said=said)
    return None


def encoder(tag: Tag, limits: Limits) -> Mark | None:
    """Say what wrote the file, where a tag does; None for the names that every file has."""
    key, value = key_of(tag), shown(tag.value, limits.field_chars)
    post = POST_ID.match(tag.value) if key in {"comment", "©cmt"} else None
    if (key not in ENCODERS and not post) or value.lower() in USUAL:
        return None
    where = shown(tag.where, 200)
    name = "ByteDance app, video id" if post else shown(tag.key, 80)
    return Mark(
        kind="encoder",
        state="present",
        generator=None if post else value,
        fields={name: value},
        where=where,
        sentence=f"Encoder name in {where}: {name} {shown(value, 120)}",
    )
