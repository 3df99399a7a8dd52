import base64
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from motet.data.picture import MAX_PIXELS, fit, read_picture, to_rgb, upright_rgb
from motet.data.problem import ItemError, Reason
from motet.errors import DataError, ShapeError

Paint = Callable[..., Path]


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds one byte of pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def noise(size: tuple[int, int] = (64, 64)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8))


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def reason_of(where: Path | str | bytes) -> Reason:
    with pytest.raises(ItemError) as caught:
        read_picture(where)
    assert isinstance(caught.value, DataError)
    return caught.value.reason


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_half_a_picture_is_called_truncated(form: str) -> None:
    whole = saved(noise(), form)
    assert reason_of(whole[: len(whole) // 2]) == Reason.TRUNCATED


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_picture_cut_inside_its_header_is_called_truncated(form: str) -> None:
    assert reason_of(saved(noise(), form)[:10]) == Reason.TRUNCATED


def test_words_are_not_an_image() -> None:
    assert reason_of(b"<html>not found</html>") == Reason.NOT_AN_IMAGE


def test_postscript_is_not_opened_whatever_it_is_called(tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    path.write_bytes(saved(noise(), "EPS"))
    assert reason_of(path) == Reason.NOT_AN_IMAGE


def test_an_empty_file_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    assert reason_of(tmp_path / "empty.png") == Reason.EMPTY_FILE
    assert reason_of(tmp_path / "nowhere.png") == Reason.MISSING_FILE


@pytest.mark.parametrize("where", [Path("AAAA/" * 180), Path("A" * 900)])
def test_a_long_path_is_not_repeated_whole(where: Path) -> None:
    with pytest.raises(ItemError, match=r"'AAAA.*AAA'") as caught:
        read_picture(where)
    assert caught.value.reason == Reason.MISSING_FILE and len(caught.value.detail) < 150


@pytest.mark.parametrize("side", [8001, 10_000, 60_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    assert side**2 > MAX_PIXELS
    assert reason_of(png_header(side, side)) == Reason.TOO_LARGE


def test_a_picture_at_the_limit_is_not_called_a_bomb() -> None:
    assert reason_of(png_header(8000, 8000)) == Reason.TRUNCATED


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr"])
def test_eight_bit_modes_become_rgb(mode: str) -> None:
    grey = to_rgb(Image.new("RGB", (4, 4), "white").convert(mode))
    assert grey.mode == "RGB"
    assert np.asarray(grey).min() >= 250


def test_sixteen_bit_grey_keeps_its_brightness() -> None:
    ramp = np.array([[0, 257 * 100, 65535]], dtype=np.uint16)
    picture = read_picture(saved(Image.fromarray(ramp), "PNG"))
    assert picture.mode.startswith("I;16")
    assert np.asarray(picture.image)[0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4), np.float32), np.zeros((4, 4), np.int32), np.zeros((4, 4), np.uint16)]
)
def test_deep_modes_without_a_range_are_refused(array: np.ndarray) -> None:
    assert reason_of(saved(Image.fromarray(array), "TIFF")) == Reason.UNSUPPORTED_MODE


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_is_transparent_is_seen_on_white(form: str) -> None:
    half = Image.new("RGBA", (4, 4), (255, 0, 0, 128))
    pixel = read_picture(saved(half, form, lossless=True)).image.getpixel((0, 0))
    assert pixel == (255, 127, 127)


def test_a_transparent_palette_colour_is_seen_on_white() -> None:
    picture = Image.new("P", (4, 4), 0)
    picture.putpalette([9, 9, 9, 200, 0, 0])
    picture.putpixel((1, 0), 1)
    read = read_picture(saved(picture, "PNG", transparency=0)).image
    assert read.getpixel((0, 0)) == (255, 255, 255)
    assert read.getpixel((1, 0)) == (200, 0, 0)


def test_a_photograph_is_turned_as_its_exif_says() -> None:
    image = Image.new("RGB", (16, 8), "blue")
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(image, "JPEG", exif=exif)
    picture = read_picture(content)
    assert picture.size == (16, 8)
    assert picture.image.size == (8, 16)
    given = Image.open(io.BytesIO(content))
    assert upright_rgb(given).size == (8, 16)
    assert given.size == (16, 8)


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_picture(content).image.getpixel((0, 0)) == (255, 0, 0)


def test_a_data_url_is_a_picture() -> None:
    url = "data:image/png;base64," + base64.b64encode(saved(Image.new("RGB", (3, 2), "red"), "PNG")).decode()
    assert read_picture(url).image.size == (3, 2)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("data:image/png;base64,!!!", Reason.TRUNCATED),
        ("data:image/png,abc", Reason.INVALID_ENTRY),
        ("data:image/png;base64,", Reason.EMPTY_FILE),
    ],
)
def test_a_bad_data_url_says_what_is_wrong(url: str, reason: Reason) -> None:
    assert reason_of(url) == reason


def test_fit_takes_the_largest_centred_crop() -> None:
    wide = Image.new("RGB", (30, 10), "black")
    wide.paste("white", (10, 0, 20, 10))
    assert np.asarray(fit(wide, (10, 10))).min() == 255
    assert fit(wide, (4, 12)).size == (12, 4)


def test_fit_leaves_a_picture_of_the_right_size_alone() -> None:
    image = noise((6, 6))
    assert np.array_equal(np.asarray(fit(image, (6, 6))), np.asarray(image))


def test_fit_refuses_a_size_of_nothing() -> None:
    with pytest.raises(ShapeError, match="0x4"):
        fit(noise(), (0, 4))
