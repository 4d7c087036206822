"""The player of the clips in a real browser, from the disk: in step, by keys and slider, on a desk and on a phone."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from axe_core_python.selenium import Axe
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from advxai.common.files import publish_text
from advxai.common.jsonfile import read_object
from advxai.report.page.clips import clips, of_run, read
from advxai.report.page.make import SECTIONS
from advxai.report.page.tables import Cell
from advxai.video.page import write
from tests.browser import chromium, complaints, shoot
from tests.patience import PATIENCE
from tests.unit.film_data import T, films, key
from tests.unit.page_data import page

TABLE = """\
Means over clips called fake.

| explainer | tau | mu | n |
|:---|---:|---:|---:|
| SHAP3D | **0.900** | <u>-0.100</u> | 12 |
| RISE3D | 0.500 | **0.200** | 12 |
| *controls* |  |  |  |
| a\\|b | 0.1 | 0.2 | 12 |

Best in bold, second best underlined, at the precision shown.

One note.
"""
REDUCED = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
TIMES = "return [...document.querySelectorAll('#player video')].map((one) => one.currentTime)"
SETTLED = "return [...document.querySelectorAll('#player video')].every((one) => one.readyState >= 2 && !one.seeking)"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with index.html and films."""
    folder = tmp_path_factory.mktemp("clips")
    found = films(folder)
    found.write(folder / "clips.json")
    (folder / "video.md").write_text(TABLE, encoding="utf-8")
    write(
        folder / "index.html",
        "Run tiny: clips",
        ["Four clips."],
        clips(found.content, "films", [read(folder / "video.md")], whole=True),
        "",
    )
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), 1280, 1000) as browser:
        yield browser


def opened(browser: Chrome, page: Path, width: int = 1280, reduced: bool = True, address: str = "") -> Chrome:
    browser.get("about:blank")
    complaints(browser)
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", REDUCED if reduced else {"features": []})
    browser.get(page.as_uri() + address)
    return browser


def player(browser: Chrome):
    return browser.find_element(By.ID, "player")


def in_step(browser: Chrome, frame: int) -> None:
    """All films show the middle of this frame, from 0, and so does what is said."""
    WebDriverWait(browser, 20 * PATIENCE).until(lambda _: browser.execute_script(SETTLED))
    times = browser.execute_script(TIMES)
    assert len(times) == 4 and len(set(times)) == 1  # the clip, and three rows
    # the browser says the film's end for the middle of its last frame, at times
    assert times[0] == pytest.approx((frame + 0.5) / 8) or (frame == T - 1 and times[0] == pytest.approx(1))
    assert browser.find_element(By.ID, "player-frame").get_attribute("value") == str(frame + 1)
    assert browser.find_element(By.ID, "player-now").text.startswith(
        f"frame {frame + 1} of {T} (the video's {frame + 4},"
    )


def marked(video) -> float:
    """Where the film that is seen marks the present frame, in pixels of the film."""
    pixels = cv2.imdecode(np.frombuffer(video.screenshot_as_png, np.uint8), cv2.IMREAD_COLOR_RGB).astype(int)
    orange = ((pixels[..., 0] > 150) & (pixels[..., 2] < 90) & (pixels[..., 1] < 130)).sum(axis=0)
    return np.flatnonzero(orange > 0.7 * orange.max()).mean() * 128 / pixels.shape[1]


def test_a_table_is_read_as_it_was_written(made):
    table = read(made / "video.md")
    assert (table.name, table.caption, table.notes) == ("video", "Means over clips called fake.", ["One note."])
    assert table.columns == ["explainer", "tau", "mu", "n"]
    assert table.lines[0] == [Cell("SHAP3D", "SHAP3D"), Cell("0.900", 0.9, "best"), Cell("-0.100", -0.1, "second")] + [
        Cell("12", 12)
    ]
    assert [[cell.text for cell in line] for line in table.lines[2:]] == [["controls"], ["a|b", "0.1", "0.2", "12"]]


def test_a_note_of_several_tables_stands_once_and_a_class_is_named(made, tmp_path):
    for name in ("video", "video_attacks"):
        (tmp_path / f"{name}.md").write_text(f"{TABLE}\nOnly of {name}.\n", encoding="utf-8")
    content = read_object(made / "clips.json", "")
    content["clips"][0]["named"] = {"class": "Face2Face", "p": 0.62}
    content["clips"][0]["fake"] = None
    publish_text(tmp_path / "clips.json", json.dumps(content))
    html = of_run(tmp_path / "clips.json", [tmp_path / "video.md", tmp_path / "video_attacks.md"], "films")["html"]
    assert [html.count(note) for note in ("One note.", "Only of video.", "Only of video_attacks.")] == [1, 1, 1]
    assert "Deepfakes 000, from frame 4: called fake (Face2Face 0.62), p(fake) 0.78" in html
    assert '"said":"Deepfakes 000, from frame 4: called fake (Face2Face 0.62)"' in html  # and not (fake)
    assert "Not known whether real" in html


def test_keys_and_slider_move_all_films_in_step(browser, made):
    opened(browser, made / "index.html")
    in_step(browser, 0)
    assert player(browser).get_attribute("data-playing") == "false"  # less motion is wanted
    moves = ((Keys.ARROW_RIGHT, 1), (Keys.ARROW_RIGHT, 2), (Keys.ARROW_LEFT, 1), (Keys.END, 7), (Keys.ARROW_RIGHT, 7))
    for keys, frame in (*moves, (Keys.HOME, 0)):
        player(browser).send_keys(keys)
        in_step(browser, frame)
    slider = browser.find_element(By.ID, "player-frame")
    slider.send_keys(Keys.ARROW_RIGHT)
    in_step(browser, 1)
    browser.execute_script("arguments[0].value = 6; arguments[0].dispatchEvent(new Event('input'))", slider)
    in_step(browser, 5)
    assert slider.get_attribute("aria-valuetext") == "frame 6 of 8 (the video's 9, at 0.20 s): p(fake) 0.850"
    mark = browser.find_element(By.CSS_SELECTOR, "#player-curve .now").get_attribute("d")
    assert mark == "M412.5,0V120"  # 600 * 5.5 / 8
    browser.execute_script("document.getElementById('player-films').scrollIntoView()")  # else a picture is of elsewhere
    for video in browser.find_elements(By.CSS_SELECTOR, "#player video"):
        # frames are 11.75 pixels apart; what is around the film is in the picture, too
        assert marked(video) == pytest.approx(26 + (128 - 26 - 8) * 5.5 / 8, abs=4)
    assert complaints(browser) == []


def test_keys_are_the_page_s_until_the_player_has_the_focus(browser, made):
    opened(browser, made / "index.html")
    in_step(browser, 0)
    body = browser.find_element(By.TAG_NAME, "body")
    assert browser.switch_to.active_element == body
    body.send_keys(Keys.END)
    in_step(browser, 0)
    assert browser.execute_script("return scrollY") > 0 or browser.execute_script(
        "return document.documentElement.scrollHeight <= innerHeight"
    )
    assert "while the player has the focus" in browser.find_element(By.ID, "player-keys").text


def test_an_address_names_a_clip(browser, made):
    address = f"#clip={quote(key('FaceSwap'), safe='')}"
    opened(browser, made / "index.html", address=address)
    assert browser.find_element(By.ID, "player-called").text.startswith(
        "FaceSwap 000, from frame 4 (fake): called real"
    )
    player(browser).send_keys(Keys.ARROW_DOWN)
    assert browser.execute_script("return location.hash") == f"#clip={quote(key('Real'), safe='')}"
    browser.execute_script("location.hash = arguments[0]", address)
    WebDriverWait(browser, 20 * PATIENCE).until(
        lambda _: browser.find_element(By.ID, "player-called").text.startswith("FaceSwap")
    )
    browser.execute_script("location.hash = '#clip=%E0%A4%A'")  # no address of ours
    assert browser.find_element(By.ID, "player-called").text.startswith("FaceSwap")
    assert complaints(browser) == []


def test_the_curve_has_an_axis_and_bars_of_each_row_s_own_segments(browser, made):
    opened(browser, made / "index.html")
    axis = {one.text: one.get_attribute("class") for one in browser.find_elements(By.CSS_SELECTOR, "#player-axis span")}
    assert axis == {"0": "", "1": "", "0.5": "line"}  # from which the clip is called fake
    numbers = [one.text for one in browser.find_elements(By.CSS_SELECTOR, "#player-numbers span")]
    assert numbers == [str(number) for number in range(1, T + 1)]
    bars = [
        (one.text, one.get_attribute("title"), "shown" in one.get_attribute("class"))
        for one in browser.find_elements(By.CSS_SELECTOR, "#player-bars .part")
    ]
    assert bars == [
        ("1", "SHAP3D, 1: frames 1 to 4", True),
        ("2", "SHAP3D, 2: frames 5 to 8", False),
        ("1", "RISE3D, 1: frames 5 to 8", False),
        ("2", "RISE3D, 2: frames 5 to 8", False),
        ("1", "random, 1: frames 1 to 4", True),
        ("2", "random, 2: frames 5 to 8", False),
    ]


def test_clips_are_chosen_by_keys_and_by_name(browser, made):
    opened(browser, made / "index.html")
    choice = Select(browser.find_element(By.ID, "player-clip"))
    groups = [group.get_attribute("label") for group in browser.find_elements(By.CSS_SELECTOR, "#player-clip optgroup")]
    assert groups == ["Fakes called fake", "Fakes called real", "Real ones"]
    assert [option.text.strip() for option in choice.options] == [
        "Deepfakes 000, from frame 4: called fake, p(fake) 0.78",
        "Face2Face 000, from frame 4: called fake, p(fake) 0.80",
        "FaceSwap 000, from frame 4: called real, p(fake) 0.30",
        "Real 000, from frame 4: called real, p(fake) 0.10",
    ]
    player(browser).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert choice.first_selected_option.text.strip().startswith("FaceSwap")
    assert "no map: nothing was measured" in player(browser).text
    player(browser).send_keys(Keys.ARROW_UP, Keys.ARROW_UP, Keys.ARROW_UP)
    assert choice.first_selected_option.text.strip().startswith("Real")
    choice.select_by_index(1)
    in_step(browser, 0)
    assert "Face2Face 000, from frame 4 (fake): called fake, p(fake) 0.800, fake from 0.5" in player(browser).text


def test_it_plays_once_to_the_end_and_in_step(browser, made):
    opened(browser, made / "index.html", reduced=False)
    Select(browser.find_element(By.ID, "player-speed")).select_by_visible_text("four times")
    WebDriverWait(browser, 20 * PATIENCE).until(
        lambda _: (
            browser.execute_script("return document.getElementById('player-frame').value") == str(T)
            and player(browser).get_attribute("data-playing") == "false"
        )
    )  # by itself
    in_step(browser, T - 1)
    player(browser).send_keys(" ")
    assert player(browser).get_attribute("data-playing") == "true"
    player(browser).send_keys(" ", Keys.HOME)
    in_step(browser, 0)
    assert complaints(browser) == []


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_and_all_is_accessible(browser, made, width):
    opened(browser, made / "index.html", width)
    in_step(browser, 0)
    player(browser).send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    in_step(browser, 2)
    assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [width] * 2
    found = Axe().run(browser)["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    loaded = browser.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert {address.partition(":")[0] for address in loaded} <= {"file", "data"}
    player(browser).parent.execute_script("document.getElementById('player').scrollIntoView()")
    shoot(browser, f"clips-{width}")
    assert complaints(browser) == []


def test_the_report_has_the_same_player(browser, made, tmp_path):
    (tmp_path / "video").mkdir()
    (tmp_path / "video/films").symlink_to(made / "films")
    shown = of_run(made / "clips.json", [made / "video.md"], "video/films")
    report = page(tmp_path, 10**9, sections=[*SECTIONS[:5], ("clips", "Clips"), *SECTIONS[5:]], clips=shown)
    opened(browser, report, 390)
    in_step(browser, 0)
    player(browser).send_keys(Keys.END, Keys.ARROW_LEFT)
    in_step(browser, T - 2)
    assert not browser.find_element(By.ID, "player-gone").is_displayed()
    assert [link.text for link in browser.find_elements(By.CSS_SELECTOR, "nav a")][4:7] == [
        "Figures",
        "Clips",
        "Gallery",
    ]
    assert browser.find_elements(By.CSS_SELECTOR, "#clips h3#table-video + p + .scroll strong.best")
    assert len(browser.find_elements(By.CSS_SELECTOR, "#cards button")) == 6
    assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [390] * 2
    assert Axe().run(browser)["violations"] == []
    assert complaints(browser) == []


def test_missing_films_are_said(browser, made, tmp_path):
    shutil.copy(made / "index.html", tmp_path)
    opened(browser, tmp_path / "index.html")
    said = browser.find_element(By.ID, "player-gone")
    WebDriverWait(browser, 20 * PATIENCE).until(lambda _: "SHAP3D.mp4" in said.text)
    assert said.text.endswith(
        "The films belong into the folder films beside this page: put it there and open the page anew."
    )
    player(browser).send_keys(Keys.ARROW_RIGHT)  # the score can be looked at still
    assert browser.find_element(By.ID, "player-now").text.startswith("frame 2 of 8")


def test_without_scripts_there_are_sheets_and_films(made):
    text = (made / "index.html").read_text(encoding="utf-8")
    plain = text[text.index("<noscript>") : text.index("</noscript>")]
    assert plain.count("<img") == 4 and plain.count("<video controls") == 4 * 4 - 1  # RISE3D lacks one
    for part in plain.split('src="')[1:]:
        assert (made / part.split('"')[0]).is_file()
    assert key("Real") in text
