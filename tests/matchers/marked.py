"""Files with marks of origin, made by code for the tests of matchers/marks*.py.

The C2PA ones are signed by certificates made here, that nobody trusts.
"""

import json
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import av
import c2pa  # type: ignore[import-untyped]  # no stubs
import imageio_ffmpeg
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from matchers.marks import Kind, Mark, marks
from tests.matchers.media import moving

AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PART_AI = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
CAMERA = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
KEEP_TAGS = {"movflags": "use_metadata_tags"}


def label(**changes: object) -> str:
    """Return an AIGC label as JSON; a key changed to None is left out."""
    whole: dict[str, object] = {
        "Label": "1",
        "ContentProducer": "kling",
        "ProduceID": "2026-0001",
        "ReservedCode1": "",
        "ContentPropagator": "kling",
        "PropagateID": "2026-0001",
        "ReservedCode2": "",
    }
    return json.dumps({key: value for key, value in {**whole, **changes}.items() if value is not None})


def clip(path: Path, tags: dict[str, str] | None = None, *, options: dict[str, str] | None = None) -> Path:
    """Encode three frames by FFmpeg's own muxer for the path's ending, with metadata."""
    codec = {".webm": "libvpx"}.get(path.suffix, "libx264")
    with av.open(str(path), "w", options=options or {}) as container:
        stream: Any = container.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        container.metadata.update(tags or {})
        for number, pixels in enumerate(moving(3)):
            frame = av.VideoFrame.from_ndarray(pixels, format="gray").reformat(format="yuv420p")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def remux(source: Path, target: Path, *flags: str) -> Path:
    """Copy the streams into a new file, as a downloader does that joins sound and picture."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(source), "-c", "copy", *flags, str(target)]
    subprocess.run(command, check=True)
    return target


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return an MP4 box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def data(text: str) -> bytes:
    """Return the value of an ilst entry."""
    return box(b"data", struct.pack(">II", 1, 0), text.encode())


def freeform(name: str, text: str) -> bytes:
    """Return an ilst entry of its own name, as iTunes and some phones write it."""
    return box(b"----", box(b"mean", b"\0\0\0\0com.apple.iTunes"), box(b"name", b"\0\0\0\0", name.encode()), data(text))


def boxed(
    path: Path, *, ilst: bytes = b"", udta: bytes = b"", after: bytes = b"", media: bytes = b"", wide: bool = False
) -> Path:
    """Write an MP4 of metadata only: no track, no sample.

    wide    the size of udta takes 64 bits, and that of moov is 0: to the end of the file
    """
    meta = box(b"meta", b"\0\0\0\0", box(b"hdlr", b"\0" * 8, b"mdir", b"\0" * 13), box(b"ilst", ilst))
    user = box(b"udta", meta, udta)
    if wide:
        user = struct.pack(">I4sQ", 1, b"udta", 8 + len(user)) + user[8:]
    movie = box(b"moov", user)
    if wide:
        movie = bytes(4) + movie[4:]
    sample = box(b"mdat", media)
    path.write_bytes(box(b"ftyp", b"isom\0\0\2\0isom") + sample + movie + after)
    return path


def xmp(*elements: str, attributes: str = "") -> bytes:
    """Return an XMP packet with properties, given as elements or as attributes."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
        ' xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:dcterms="http://purl.org/dc/terms/"'
        f' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attributes}>{"".join(elements)}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def aigc_element() -> bytes:
    """Return XMP with the label as Doubao writes it: JSON in an element."""
    return xmp(f"<TC260:AIGC>{escape(label())}</TC260:AIGC>")


def aigc_attribute() -> bytes:
    """Return XMP with the label in an attribute."""
    return xmp(attributes=f"TC260:AIGC={quoteattr(label())}")


def aigc_properties() -> bytes:
    """Return XMP with one property for each key."""
    pairs: dict[str, str] = json.loads(label())
    return xmp(*(f"<TC260:{key}>{escape(value)}</TC260:{key}>" for key, value in pairs.items()))


def source_type(uri: str) -> bytes:
    """Return XMP with an IPTC digital source type."""
    return xmp(f"<Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>")


def picture() -> Image.Image:
    """A small drawn picture."""
    return Image.fromarray(np.ascontiguousarray(moving(1)[0])).convert("RGB")


def still(path: Path, *, packet: bytes = b"", comment: str = "", software: str = "") -> Path:
    """Save a picture with XMP and EXIF, in the format of the path's ending."""
    exif = Image.Exif()
    if comment:
        exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + comment.encode()
    if software:
        exif[0x0131] = software
    more: dict[str, Any] = {"exif": exif} if len(exif) or comment else {}
    if packet:
        more["xmp"] = packet
    picture().save(path, **more)
    return path


def plain(at: Path, name: str) -> Path:
    """Make an unmarked clip or picture by its name's ending."""
    moves = name.endswith((".mp4", ".mov", ".mkv", ".webm", ".flv"))
    return clip(at / name) if moves else still(at / name)


def png(path: Path, *, packed: bool = False, **texts: str) -> Path:
    """Save a PNG with text chunks; a text beyond Latin-1 becomes iTXt."""
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text, zip=packed)
    picture().save(path, pnginfo=info)
    return path


def png_xmp(path: Path, packet: bytes) -> Path:
    """Save a PNG with XMP where the standard says: an iTXt chunk."""
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet.decode())
    picture().save(path, pnginfo=info)
    return path


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return a PNG chunk; its checksum is not looked at."""
    return struct.pack(">I4s", len(body), kind) + body + b"\0\0\0\0"


def gif_xmp(path: Path, packet: bytes) -> Path:
    """Put XMP into a GIF as Adobe defines it: as it is, then a run of bytes that ends any reading by blocks."""
    picture().save(path)
    raw = path.read_bytes()
    start = 13 + (3 << ((raw[10] & 7) + 1) if raw[10] & 0x80 else 0)
    run = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    path.write_bytes(raw[:start] + b"\x21\xff\x0bXMP DataXMP" + packet + run + raw[start:])
    return path


def tiff_xmp(path: Path, packet: bytes) -> Path:
    """Save a TIFF with XMP under its tag."""
    picture().save(path, tiffinfo={0x02BC: packet})
    return path


def live(path: Path, key: str, text: str) -> Path:
    """Write WebM as a recorder streams it: segment and clusters of unknown size, tags at the end."""
    unknown, block = b"\x01" + b"\xff" * 7, b"\xa3\x84\x81\0\0\0"
    simple = b"\x45\xa3" + _sized(key.encode()) + b"\x44\x87" + _sized(text.encode())
    tags = b"\x12\x54\xc3\x67" + _sized(b"\x73\x73" + _sized(b"\x67\xc8" + _sized(simple)))
    clusters = (b"\x1f\x43\xb6\x75" + unknown + block * 3) * 2
    path.write_bytes(b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67" + unknown + clusters + tags)
    return path


def _sized(body: bytes) -> bytes:
    return struct.pack(">Q", 1 << 56 | len(body)) + body


def avi(path: Path, **tags: str) -> Path:
    """Write an AVI of metadata only."""
    chunks = b"".join(
        struct.pack("<4sI", key.encode(), len(text)) + text + b"\0" * (len(text) % 2)
        for key, text in ((key, text.encode() + b"\0") for key, text in tags.items())
    )
    info = b"LIST" + struct.pack("<I", 4 + len(chunks)) + b"INFO" + chunks
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(info)) + b"AVI " + info)
    return path


def mp3(path: Path, key: str, text: str) -> Path:
    """Write an ID3v2.4 tag with one TXXX frame, and no sound."""
    body = b"\3" + key.encode() + b"\0" + text.encode()
    frame = b"TXXX" + _syncsafe(len(body)) + b"\0\0" + body
    path.write_bytes(b"ID3\4\0\0" + _syncsafe(len(frame)) + frame)
    return path


def _syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


@dataclass(frozen=True)
class Signer:
    """A certificate for one signer and the root that issued it, PEM."""

    chain: bytes
    key: bytes
    root: str


@cache
def signer() -> Signer:
    """Make a signer that C2PA accepts: ES256, e-mail protection, issued by a root that is not itself."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = _certificate("Root of a test", root_key, "Root of a test", root_key, authority=True)
    leaf = _certificate("Unheard-of Studio", key, "Root of a test", root_key, authority=False)
    pem = [certificate.public_bytes(Encoding.PEM) for certificate in (leaf, root)]
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer(chain=b"".join(pem), key=secret, root=pem[1].decode())


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, authority: bool
) -> x509.Certificate:
    now, rights = datetime.now(UTC), {"key_cert_sign": authority, "crl_sign": authority}
    usage = x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
        **rights,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    pairs = ((NameOID.COUNTRY_NAME, "US"), (NameOID.ORGANIZATION_NAME, name), (NameOID.COMMON_NAME, f"{name} 1"))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in pairs])


def signed(
    source: Path,
    target: Path,
    *,
    source_uri: str = AI,
    agent: str = "",
    parameters: dict[str, str] | None = None,
    prepare: Callable[[Any], None] = lambda _: None,
    opened: bool = False,
) -> Path:
    """Sign a file by c2pa-python's own builder.

    prepare     what is done to the builder first: a remote address, an ingredient
    opened      begin with c2pa.opened, as an editor does, and say nothing of the source
    """
    action: dict[str, Any] = {"action": "c2pa.created", "digitalSourceType": source_uri}
    if agent:
        action |= {"softwareAgent": {"name": agent}, "parameters": parameters or {}}
    actions = [] if opened else [action]
    manifest = {
        "claim_generator_info": [{"name": "test-generator", "version": "1.0"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}] if actions else [],
    }
    mime = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}[source.suffix]
    info = c2pa.C2paSignerInfo(b"es256", signer().chain, signer().key, None)
    builder, out = c2pa.Builder(json.dumps(manifest)), BytesIO()
    prepare(builder)
    with source.open("rb") as stream:
        builder.sign(c2pa.Signer.from_info(info), mime, stream, out)
    target.write_bytes(out.getvalue())
    return target


def only(path: Path, kind: Kind, **more: Any) -> Mark:
    """Return the one mark of a kind."""
    (mark,) = [mark for mark in marks(path, **more) if mark.kind == kind]
    return mark


LABELLED: dict[str, Callable[[Path], Path]] = {
    "mp4 keys": lambda at: clip(at / "a.mp4", {"AIGC": label()}, options=KEEP_TAGS),
    "mov keys": lambda at: clip(at / "a.mov", {"AIGC": label()}, options=KEEP_TAGS),
    "mkv tag": lambda at: clip(at / "a.mkv", {"AIGC": label()}),
    "webm tag, live": lambda at: live(at / "a.webm", "AIGC", label()),
    "mp4 large sizes": lambda at: boxed(at / "a.mp4", ilst=freeform("AIGC", label()), wide=True),
    "webm tag": lambda at: clip(at / "a.webm", {"AIGC": label()}),
    "flv onMetaData": lambda at: clip(at / "a.flv", {"AIGC": label()}),
    "avi info": lambda at: avi(at / "a.avi", AIGC=label()),
    "mp3 TXXX": lambda at: mp3(at / "a.mp3", "AIGC", label()),
    "mp4 free form": lambda at: boxed(at / "a.mp4", ilst=freeform("AIGC", label())),
    "mp4 udta": lambda at: boxed(at / "a.mp4", udta=box(b"AIGC", label().encode())),
    "mp4 comment": lambda at: boxed(at / "a.mp4", ilst=box(b"\xa9cmt", data(label()))),
    "jpeg xmp element": lambda at: still(at / "a.jpg", packet=aigc_element()),
    "jpeg xmp attribute": lambda at: still(at / "a.jpg", packet=aigc_attribute()),
    "jpeg xmp properties": lambda at: still(at / "a.jpg", packet=aigc_properties()),
    "jpeg exif": lambda at: still(at / "a.jpg", comment=f'{{"AIGC": {label()}}}'),
    "png text": lambda at: png(at / "a.png", AIGC=label()),
    "png packed text": lambda at: png(at / "a.png", packed=True, AIGC=label()),
    "png international": lambda at: png(at / "a.png", AIGC=label(ReservedCode1="海螺")),
    "png xmp": lambda at: png_xmp(at / "a.png", aigc_element()),
    "webp xmp": lambda at: still(at / "a.webp", packet=aigc_element()),
    "webp exif": lambda at: still(at / "a.webp", comment=label()),
    "gif xmp": lambda at: gif_xmp(at / "a.gif", aigc_element()),
    "avif xmp": lambda at: still(at / "a.avif", packet=aigc_element()),
    "tiff xmp": lambda at: tiff_xmp(at / "a.tiff", aigc_element()),
}
