"""Pictures: from a file, bytes or a data URL to an upright RGB picture on white, and to a model's size.

Only raster formats whose decoders run inside Pillow are opened; no file can start another program. The size is read
from the header and judged before a pixel is decoded. Colour profiles are not applied.
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from motet.data.problem import ItemError, Reason, shown, unreadable
from motet.errors import ShapeError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
"""Endings of picture files: a folder is searched for them, and commands write them."""

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
"""What is opened, whatever the file is called."""

MAX_PIXELS = 64_000_000
"""A picture with more pixels than this is refused unread: it is a mistake or a decompression bomb."""

_OPAQUE = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})
_TRANSPARENT = frozenset({"LA", "PA", "RGBA"})
_SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Picture:
    """A decoded picture and what its file said: ``mode`` (Pillow's name) and ``size`` (width, height) as stored."""

    image: Image.Image
    mode: str
    size: tuple[int, int]


def read_picture(where: Path | str | bytes) -> Picture:
    """Decode a file, a ``data:`` URL or bytes. The first frame of an animation is taken.

    Raises:
        ItemError: a missing, empty, damaged, too large or unsupported picture, with the reason.
    """
    content = where if isinstance(where, bytes) else _content(where)
    if not content:
        raise ItemError(Reason.EMPTY_FILE, "it has zero bytes")
    image = _open(content)
    return Picture(upright_rgb(image), image.mode, image.size)


def upright_rgb(image: Image.Image) -> Image.Image:
    """Any picture of Pillow's, decoded, turned as its EXIF says, in RGB. The one that is given stays as it is.

    Raises:
        ItemError: it cannot be decoded, or ``to_rgb`` refuses its mode.
    """
    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
    except Exception as error:  # damaged bytes make Pillow's decoders raise nearly anything
        raise ItemError(Reason.TRUNCATED, f"decoding stopped: {error}") from error
    turned.format = image.format  # a copy forgets its file's format, which says what 16 bits mean
    return to_rgb(turned)


def to_rgb(image: Image.Image) -> Image.Image:
    """RGB on a white ground.

    16-bit grey is scaled to 8 bits if it comes from a PNG, which defines its range. Other deep modes are refused.

    Raises:
        ItemError: the mode has no conversion to RGB that keeps its meaning (float, 32-bit integers, LAB, ...).
    """
    if image.mode.startswith("I;16") and image.format in ("PNG", None):
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.mode not in _OPAQUE | _TRANSPARENT:
        raise ItemError(
            Reason.UNSUPPORTED_MODE,
            f"mode {image.mode} does not say what white is; expected 8 bits a channel, or 16-bit grey in a PNG",
        )
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        ground = Image.new("RGBA", image.size, "white")
        ground.alpha_composite(image.convert("RGBA"))
        return ground.convert("RGB")
    return image.convert("RGB")


def fit(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at exactly ``size`` = (height, width): its largest centred crop of that shape, Lanczos-resized.

    A centre crop keeps proportions and fills the frame, as photographs want; a square picture is only resized.
    """
    height, width = size
    if height < 1 or width < 1:
        raise ShapeError(f"a picture cannot be {height}x{width}; give (height, width), both at least 1")
    if image.size == (width, height):
        return image
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def _open(content: bytes) -> Image.Image:
    """The picture with its header read and its size judged, its pixels still undecoded."""
    try:
        with warnings.catch_warnings():
            # Pillow's own bomb warning comes at 89 megapixels and its error at 179: our limit stands below both.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ItemError(Reason.TOO_LARGE, _too_large("over 178 megapixels")) from error
    except UnidentifiedImageError as error:
        if content.startswith(_SIGNATURES) or content[8:12] == b"WEBP":
            raise ItemError(Reason.TRUNCATED, f"its header is broken ({len(content)} bytes)") from error
        raise ItemError(Reason.NOT_AN_IMAGE, f"{len(content)} bytes that are none of {', '.join(FORMATS)}") from error
    except Exception as error:  # a broken header can raise more than Pillow documents
        raise ItemError(Reason.TRUNCATED, f"its header is broken: {error}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ItemError(Reason.TOO_LARGE, _too_large(f"{width}x{height} = {width * height / 1e6:.0f} megapixels"))
    return image


def _too_large(found: str) -> str:
    return f"{found}; at most {MAX_PIXELS / 1e6:.0f} are read: resize it"


def _content(where: Path | str) -> bytes:
    if isinstance(where, str):
        return _data_url(where)
    try:
        return where.read_bytes()
    except FileNotFoundError as error:
        raise ItemError(Reason.MISSING_FILE, f"{shown(where)} does not exist") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ItemError(Reason.MISSING_FILE, unreadable(where, error)) from error


def _data_url(url: str) -> bytes:
    head, comma, body = url.partition(",")
    if not (comma and head.startswith("data:") and head.endswith(";base64")):
        raise ItemError(Reason.INVALID_ENTRY, f"expected data:image/...;base64,..., got {url[:40]!r}")
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ItemError(Reason.TRUNCATED, f"its base64 cannot be decoded: {error}") from error
