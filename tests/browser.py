"""A headless Chromium for tests of the report: no network, console watched, screenshots kept."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

SHOTS = Path(os.environ.get("ADVXAI_SCREENSHOTS", Path(__file__).parents[1] / "build" / "screenshots"))
# Nothing is asked of any network, whatever the page wants; a browser of its own for each test.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9",
)  # fmt: skip


@contextmanager
def chromium(profile: Path, width: int, height: int = 900) -> Iterator[Chrome]:
    """A browser whose pages are `width` CSS pixels wide; the test is skipped where none is installed.

    Args:
        profile: an empty folder.
        width, height: of the page.
    """
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs chromium and chromium-driver (`apt-get install chromium chromium-driver`)")
    options = ChromeOptions()
    options.binary_location = binary
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(flag)
    browser = Chrome(options=options, service=ChromeService(driver))
    try:
        # a window is no narrower than 500 pixels; a phone's page is
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield browser
    finally:
        browser.quit()


def complaints(browser: Chrome) -> list[str]:
    """What the console has said since it was last asked."""
    return [f"{entry['level']}: {entry['message']}" for entry in browser.get_log("browser")]


def shoot(browser: Chrome, name: str) -> Path:
    """Keep a screenshot of what is in view as <name>.png."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    path = SHOTS / f"{name}.png"
    browser.save_screenshot(str(path))
    return path
