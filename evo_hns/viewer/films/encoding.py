"""Pictures into a file: MP4 (H.264, which every browser plays), GIF, WebP, PNG.

MP4 needs the ffmpeg that the package imageio-ffmpeg brings along; the others need Pillow alone. A file is there
whole or not at all.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from evo_hns.config import ConfigError
from evo_hns.system.installation import how_to_install
from evo_hns.system.output_file import check_output, output_file

INSTALL = how_to_install("render")
FILM_PACKAGES = ("imageio-ffmpeg", "pillow")
FORMATS = (".mp4", ".gif", ".webp", ".png")

_COLOURS = 96  #: of a GIF
_QUALITY = 20  #: of H.264: 0 is lossless, 51 the worst


def check_film(path: Path) -> None:
    """Refuse a file that could not be written, before anything is played.

    Raises:
        ConfigError: another ending than those of `FORMATS`, a missing package, or a file that cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"got the output {path}, expected a name that ends with {', '.join(FORMATS)}")
    if importlib.util.find_spec("PIL") is None:
        raise ConfigError(f"pictures need Pillow: {INSTALL}")
    if path.suffix.lower() == ".mp4" and not has_video():
        raise ConfigError(f"an MP4 needs imageio-ffmpeg: {INSTALL}, or ask for a .gif")
    check_output(path)


def has_video() -> bool:
    """Whether an MP4 can be made here."""
    return importlib.util.find_spec("imageio_ffmpeg") is not None


def write_film(path: Path, frames: Iterable[np.ndarray], fps: float, *, quality: int | None = None) -> int:
    """Write moving pictures.

    Args:
        path: ends with .mp4, .gif or .webp; what is there is replaced.
        frames: `(height, width, 3)` uint8 each, all of one size with even edges.
        fps: pictures per second.
        quality: of an MP4, as H.264's rate factor counts, 0 to 51, less is better; of a WebP, 0 to 100, more is.

    Returns:
        How many pictures there are.

    Raises:
        ConfigError: the file cannot be written.
    """
    counted = _Counted(frames)
    with output_file(path) as partial:
        if path.suffix.lower() == ".mp4":
            _write_mp4(partial, counted, fps, _QUALITY if quality is None else quality)
        else:
            _write_animation(partial, counted, fps, quality)
    return counted.count


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write a still.

    Raises:
        ConfigError: the file cannot be written.
    """
    from PIL import Image

    with output_file(path) as partial:
        Image.fromarray(picture).save(partial)


def contact_sheet(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures of one size in rows, from the top left; places that are left over are white."""
    height, width, channels = pictures[0].shape
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * height, columns * width, channels), 255, dtype=np.uint8)
    for number, picture in enumerate(pictures):
        row, column = divmod(number, columns)
        sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = picture
    return sheet


class _Counted:
    """An iterable that knows how much of it was taken."""

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        self._frames, self.count = frames, 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for frame in self._frames:
            self.count += 1
            yield np.ascontiguousarray(frame)


def _write_mp4(path: Path, frames: Iterable[np.ndarray], fps: float, quality: int) -> None:
    import imageio_ffmpeg

    iterator = iter(frames)
    first = next(iterator)
    size = (first.shape[1], first.shape[0])
    options = ["-crf", str(quality), "-preset", "medium", "-movflags", "+faststart", "-threads", "1"]
    writer = imageio_ffmpeg.write_frames(
        str(path), size, fps=fps, quality=None, macro_block_size=2, codec="libx264", output_params=options
    )
    try:
        writer.send(None)
    except RuntimeError:  # the wheels of some platforms have no ffmpeg in them
        raise ConfigError("an MP4 needs ffmpeg, which imageio-ffmpeg does not bring here: install it") from None
    try:
        writer.send(first)
        for frame in iterator:
            writer.send(frame)
    finally:
        writer.close()


def _write_animation(path: Path, frames: Iterable[np.ndarray], fps: float, quality: int | None) -> None:
    """A GIF or WebP; times are whole hundredths of a second in the one and thousandths in the other."""
    from PIL import Image

    images = (Image.fromarray(frame) for frame in frames)
    milliseconds = max(20, 10 * round(100 / fps)) if path.suffix.lower() == ".gif" else round(1000 / fps)
    if path.suffix.lower() == ".gif":
        first = next(images).quantize(_COLOURS, dither=Image.Dither.NONE)
        rest = (image.quantize(palette=first, dither=Image.Dither.NONE) for image in images)
        first.save(path, save_all=True, append_images=rest, duration=milliseconds, loop=0, optimize=False)
        return
    first = next(images)
    first.save(
        path,
        save_all=True,
        append_images=images,
        duration=milliseconds,
        loop=0,
        quality=60 if quality is None else quality,
        method=3,
    )
