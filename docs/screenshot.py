"""Takes the README's screenshot: the real window, the real small model, the demo's example, until the review.

python docs/screenshot.py      writes docs/window.png
"""

import asyncio
import html
import re
import tempfile
from pathlib import Path

import cairosvg
from rich.cells import cell_len

from ossa.tui.__main__ import make_app
from ossa.tui.demo import make_example
from ossa.tui.options import parse

SIZE = (164, 40)
LIMIT = 170.0
"""Seconds until the change must be there."""
TARGET = Path(__file__).with_name("window.png")


def monospaced(svg: str) -> str:
    """The picture in a font that every Linux has, each character where Textual wants it: cairo rounds their widths."""

    def placed(match: re.Match[str]) -> str:
        head, start, length, rest, text = match.groups()
        place, places = float(start), list[str]()
        step = float(length) / max(cell_len(html.unescape(text)), 1)
        for character in html.unescape(text):
            places.append(f"{place:.1f}")
            place += step * cell_len(character)
        return f'{head}x="{" ".join(places)}" {rest}>{text}<'

    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    return re.sub(r'(<text class="[^"]*" )x="([\d.]+)" (?=[^>]*textLength="([\d.]+)")([^>]*)>([^<]*)<', placed, svg)


async def take() -> None:
    """Repair the example in the window and save what it shows when it asks for the review."""
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(parse([str(make_example(Path(folder)))]), "/fix")
        async with app.run_test(size=SIZE) as pilot:
            async with asyncio.timeout(LIMIT):
                while app.window.change.phase != "reviewing":
                    await pilot.pause(0.2)
            await pilot.pause(1.0)
            svg = app.export_screenshot(title="ossa")
    cairosvg.svg2png(bytestring=monospaced(svg).encode(), write_to=str(TARGET), output_width=1600)
    print(f"{TARGET} shows the change that waits for its review")


if __name__ == "__main__":
    asyncio.run(take())
