"""The report for everybody: axe finds nothing against it, and a phone does not scroll sideways."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import axe_core_python
import pytest

pytestmark = pytest.mark.slow
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
# A phone's width, which a window of its own cannot have in headless Chromium.
LOOK = """
<script>{axe}</script>
<script>
const phone = document.createElement('iframe');
phone.style = 'width: 390px; height: 844px; position: absolute; left: 0; top: 0; border: 0';
addEventListener('load', async () => {{
  const found = await axe.run(document, {{
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }});
  const broken = found.violations.map(v => [v.id, v.help, v.nodes.map(n => n.html.slice(0, 120))]);
  phone.srcdoc = document.getElementById('whole').textContent;
  phone.onload = () => {{
    const page = phone.contentDocument.documentElement;
    const answer = {{passes: found.passes.length, broken, width: page.scrollWidth, shown: page.clientWidth}};
    const out = document.createElement('pre');
    out.id = 'answer';
    out.textContent = JSON.stringify(answer);
    document.body.append(out);
  }};
  document.body.append(phone);
}});
</script>
"""


@pytest.fixture
def looked_at(document: str, tmp_path: Path) -> dict[str, object]:
    """What headless Chromium finds in the report."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    # The page forbids scripts, so what looks at it comes without that line.
    report = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", document)
    whole = report.replace("&", "&amp;").replace("<", "&lt;")
    look = LOOK.format(axe=AXE.read_text(encoding="utf-8"))
    page = tmp_path / "report.html"
    page.write_text(
        report.replace("</body>", f'<textarea id="whole" hidden>{whole}</textarea>{look}</body>'), encoding="utf-8"
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [
        chromium,
        *options,
        "--window-size=1280,2000",
        "--virtual-time-budget=30000",
        "--dump-dom",
        page.as_uri(),
    ]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r'<pre id="answer">(.*?)</pre>', shown, re.DOTALL)
    assert found, shown[-2000:]
    answer: dict[str, object] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return answer


def test_axe_finds_nothing_and_a_phone_shows_the_whole_width(looked_at):
    assert looked_at["passes"] > 20
    assert looked_at["broken"] == []
    assert looked_at["width"] == looked_at["shown"] < 400
