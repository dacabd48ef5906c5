"""Look at every dashboard in headless Chromium: a chart without data or with an error fails; pages are kept as PNG.

    SUPERSET_USER=… SUPERSET_PASSWORD=… python deploy/superset/look.py http://127.0.0.1:8088 FOLDER [CHROMIUM]

Runs in Superset's environment: it signs in and drives the browser by its debugging protocol.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import websocket

# As high as the longest dashboard, so that no chart waits to be scrolled to; much higher ones stay blank.
WIDTH, HEIGHT = 1400, 2200
LONGEST_SECONDS = 300  # beside a suite of tests
# What stands in a chart that Superset could not fill.
STATE = """
(() => {
  const charts = [...document.querySelectorAll('.dashboard-component-chart-holder')];
  return JSON.stringify({
    charts: charts.length,
    drawn: charts.filter(c => c.querySelector('canvas, table, .header-line, [class*="ag-root"], svg.chart')).length,
    loading: document.querySelectorAll('[data-test="loading-indicator"], .loading').length,
    wrong: charts.filter(c => c.querySelector('[role="alert"], [data-test="error-container"], .ant-empty')
      || /No results were returned|No data|Unexpected error|Data error/.test(c.innerText))
      .map(c => c.innerText.slice(0, 200)),
    height: Math.max(...charts.map(chart => chart.getBoundingClientRect().bottom + 16), 0),
  });
})()
"""


class Browser:
    """A page of headless Chromium."""

    def __init__(self, address: str) -> None:
        page = next(each for each in requests.get(f"{address}/json", timeout=10).json() if each["type"] == "page")
        self._socket = websocket.create_connection(page["webSocketDebuggerUrl"], suppress_origin=True, timeout=60)
        self._number = 0

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def state(self) -> dict[str, Any]:
        """Return how far the dashboard has come."""
        result = self.call("Runtime.evaluate", expression=STATE, returnByValue=True)["result"]
        return dict(json.loads(result["value"])) if "value" in result else {"charts": 0, "loading": 1}

    def photograph(self, file: Path, height: int) -> None:
        """Keep the whole page."""
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip)
        file.write_bytes(base64.b64decode(shot["data"]))


def sign_in(address: str) -> requests.Session:
    """Sign in as the administrator that start.py made."""
    session = requests.Session()
    page = session.get(f"{address}/login/", timeout=60).text
    token = re.search(r"csrf_token[^\w-]+(?:value=\W+)?([\w.-]{30,})", page)
    form = {
        "username": os.environ["SUPERSET_USER"],
        "password": os.environ["SUPERSET_PASSWORD"],
        "csrf_token": token.group(1) if token else "",
    }
    session.post(f"{address}/login/", data=form, timeout=60)
    session.get(f"{address}/api/v1/me/", timeout=60).raise_for_status()
    return session


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Start the browser, and end it afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   "--remote-debugging-port=0", f"--user-data-dir={profile}", "--no-first-run",
                   f"--window-size={WIDTH},{HEIGHT}", "about:blank"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                port_file = Path(profile) / "DevToolsActivePort"
                deadline = time.monotonic() + LONGEST_SECONDS
                while not port_file.exists() or not port_file.read_text():
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise RuntimeError(f"{program} does not start")
                    time.sleep(0.2)
                yield Browser(f"http://127.0.0.1:{port_file.read_text().split()[0]}")
            finally:
                process.terminate()


def look(browser: Browser, address: str, slug: str, charts: int, folder: Path) -> list[str]:
    """Open a dashboard, wait until all charts are drawn, and return what is wrong with it."""
    browser.call("Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False)
    # A page without charts between them, so that none of the dashboard before is counted.
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=f"{address}/superset/dashboard/{slug}/?standalone=1")
    deadline = time.monotonic() + LONGEST_SECONDS
    state: dict[str, Any] = {}
    while time.monotonic() < deadline:
        time.sleep(1)
        state = browser.state()
        shown = state.get("drawn", 0) + len(state.get("wrong", []))
        if state["charts"] >= charts and not state["loading"] and shown >= charts:
            break
    time.sleep(3)  # drawing ends with an animation
    state = browser.state()
    browser.photograph(folder / f"{slug}.png", int(state.get("height") or HEIGHT))
    wrong = [f"{slug}: {' '.join(text.split())}" for text in state.get("wrong", [])]
    if state.get("drawn", 0) < charts:
        wrong.append(f"{slug}: {state.get('drawn', 0)} of {charts} charts are drawn")
    return wrong


def main(address: str, target: str, program: str = "chromium") -> None:
    """Look at all dashboards, and end with 1 if something is wrong with one."""
    folder = Path(target)
    folder.mkdir(parents=True, exist_ok=True)
    session = sign_in(address)
    found = session.get(f"{address}/api/v1/dashboard/", params={"q": "(page_size:100)"}, timeout=60).json()["result"]
    if not found:
        sys.exit("Superset has no dashboard.")
    wrong = []
    with chromium(program) as browser:
        for cookie in session.cookies:
            browser.call("Network.setCookie", name=cookie.name, value=cookie.value, url=address)
        for dashboard in found:
            charts = session.get(f"{address}/api/v1/dashboard/{dashboard['id']}/charts", timeout=60).json()["result"]
            wrong += look(browser, address, dashboard["slug"], len(charts), folder)
    for line in wrong:
        print(line)
    print(f"{len(found)} dashboards, {len(wrong)} faults; pictures in {folder}.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
