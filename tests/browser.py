"""A page opened by Chromium without a window."""

import shutil
import subprocess
from html.parser import HTMLParser

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
WATCH = """<script>
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
console.error = (...words) => errors.push(words.join(" "));
</script>"""


def dump(text, folder, width=1280):
    """The attributes of the first element of a page that a browser has opened."""
    watched = text.replace("<head>", f"<head>{WATCH}")
    (folder / "watched.html").write_text(watched, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={folder}/profile", f"--window-size={width},900"]
    command += ["--virtual-time-budget=5000", f"file://{folder}/watched.html"]
    dumped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    parser = Attributes()
    parser.feed(dumped)
    return parser.found


class Attributes(HTMLParser):
    """The attributes of the page's first element."""

    found = None

    def handle_starttag(self, tag, attributes):
        if tag == "html" and self.found is None:
            self.found = dict(attributes)
