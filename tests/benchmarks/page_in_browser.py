"""Open the pages of a run in Chromium, as wide as a desk's screen and as a phone's, and follow their inner links.

tests/benchmarks/page_in_browser.py [PAGE.html...] [--shots FOLDER]

Prints a line of JSON for each page and width. Ends with 1 where the console has an error, the page scrolls sideways, or
an inner link leads to nothing that is seen then. Needs Debian's package chromium.
"""

import argparse
import asyncio
import base64
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

PAGES = ("results/smoke/report/index.html", "results/smoke/report/problems.html")
WIDTHS = (1280, 390)
LONGEST = 16000  # pixels of a screenshot
FOLLOW = """
[...new Set([...document.querySelectorAll('a[href^="#"]')].map(a => a.getAttribute('href')))].filter(href => {
  location.hash = href;
  if (typeof reveal === 'function') reveal();
  const target = document.getElementById(href.slice(1));
  return !target || !target.checkVisibility() || (target.tagName.toLowerCase() === 'details' && !target.open);
})
"""


class Browser:
    """A session with one tab over the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number, self.errors = socket, 0, list[str]()
        self._session: dict[str, str] = {}

    async def open(self) -> None:
        target = await self.ask("Target.createTarget", url="about:blank")
        attached = await self.ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        for domain in ("Page", "Runtime", "Log"):
            await self.ask(f"{domain}.enable")

    async def ask(self, method: str, **words: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": words, **self._session})
        while True:
            told = await self._socket.receive_json(timeout=60)
            self._note(told)
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']['message']}")
                return dict(told["result"])

    async def value(self, script: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=script, returnByValue=True))["result"].get("value")

    def _note(self, told: dict[str, Any]) -> None:
        words = told.get("params", {})
        if told.get("method") == "Runtime.exceptionThrown":
            self.errors.append(words["exceptionDetails"]["text"])
        elif told.get("method") == "Log.entryAdded" and words["entry"]["level"] == "error":
            self.errors.append(words["entry"]["text"])
        elif told.get("method") == "Runtime.consoleAPICalled" and words["type"] in ("error", "assert"):
            self.errors.append(str(words["args"]))


async def look(browser: Browser, page: Path, width: int, shots: Path | None) -> dict[str, Any]:
    """What is wrong with a page at a width."""
    browser.errors.clear()
    await browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    await browser.ask("Page.navigate", url=page.resolve().as_uri())
    while await browser.value("document.readyState") != "complete":
        await asyncio.sleep(0.05)
    wide, high = await browser.value("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    if shots:
        clip = {"x": 0, "y": 0, "width": width, "height": min(high, LONGEST), "scale": 1}
        shot = await browser.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        (shots / f"{page.stem}-{width}.png").write_bytes(base64.b64decode(shot["data"]))
    links = await browser.value(FOLLOW)
    return {"page": str(page), "width": width, "errors": list(browser.errors), "scrolls": wide > width, "dead": links}


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, default=[path for path in map(Path, PAGES) if path.exists()])
    parser.add_argument("--shots", type=Path, help="folder for a picture of each")
    args = parser.parse_args()
    program = shutil.which("chromium")
    if program is None or not args.pages:
        print("no pages: run make smoke" if program else "no chromium here: apt-get install chromium", file=sys.stderr)
        return 0
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={folder}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port, path = address_of(Path(folder, "DevToolsActivePort"))
            async with aiohttp.ClientSession() as session:
                url = f"ws://127.0.0.1:{port}{path}"
                async with session.ws_connect(url, max_msg_size=0) as socket:
                    browser = Browser(socket)
                    await browser.open()
                    found = [await look(browser, page, w, args.shots) for page in args.pages for w in WIDTHS]
        finally:
            process.terminate()
            process.wait()
    for line in found:
        print(json.dumps(line))
    return int(any(line["errors"] or line["scrolls"] or line["dead"] for line in found))


def address_of(file: Path) -> tuple[str, str]:
    """Where Chromium listens, once it has written that down."""
    deadline = time.monotonic() + 60
    while not file.exists() or len(lines := file.read_text().splitlines()) < 2:
        if time.monotonic() > deadline:
            raise TimeoutError("chromium did not start")
        time.sleep(0.05)
    return lines[0], lines[1]


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
