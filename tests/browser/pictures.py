"""Makes the pictures of the README from the running app: ``python -m tests.browser.pictures``."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.support.app.server import FLAGS, find_chromium, served

from .conftest import Visit

__all__ = ["FOLDER", "MOST_BYTES", "PICTURES", "main", "smallest"]

FOLDER = Path(__file__).parent / "pictures"
PICTURES = {
    "convergence": "/convergence?conv_n=10&conv_tau=0.56&conv_number=1000",
    "cluster_sizes": "/cluster_sizes?clu_step=150",
}
"""Address of the page in each picture."""

MOST_BYTES = 200_000
_SIZE = (1280, 840)


def main() -> None:
    """Visits the pages in the light theme and writes one PNG of each, with as many colours as its size allows.

    Raises:
        SystemExit: if this machine has no Chromium, or a page has an error.
    """
    program = find_chromium()
    if program is None:
        raise SystemExit("the pictures need Chromium: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with served() as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for name, address in PICTURES.items():
            visit = Visit.start(browser.new_page(), app + address, _SIZE, "light")
            if visit.wrongs:
                raise SystemExit(f"{address}: {'; '.join(visit.wrongs)}")
            picture = smallest(visit.page.screenshot())
            (FOLDER / f"{name}.png").write_bytes(picture)
            print(f"{name}.png: {len(picture):,} bytes")
        browser.close()


def smallest(screenshot: bytes, most: int = MOST_BYTES) -> bytes:
    """Encodes a screenshot as PNG, with fewer colours where it would be larger than allowed.

    Args:
        screenshot: encoded image in any format.
        most: largest size in bytes.

    Returns:
        The encoded PNG.

    Raises:
        ValueError: if the PNG is too large with 16 colours as well.
    """
    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    for colours in (256, 128, 64, 32, 16):
        written = io.BytesIO()
        image.quantize(colours, dither=Image.Dither.NONE).save(written, "PNG", optimize=True)
        if written.tell() <= most:
            return written.getvalue()
    raise ValueError(f"the picture has {written.tell():,} bytes with 16 colours; at most {most:,} are allowed")


if __name__ == "__main__":
    main()
