"""The report in a real browser: opened from the disk without a network, at a desk's and a phone's width."""

import io
import time
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from axe_core_python.selenium import Axe
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.browser import chromium, complaints, shoot
from tests.patience import PATIENCE
from tests.unit.page_data import KNOWN, key, page

WIDTHS = {"desk": 1280, "phone": 390}


@pytest.fixture(scope="module", params=list(WIDTHS))
def browser(request, tmp_path_factory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile"), WIDTHS[request.param]) as browser:
        browser.name_of_test = request.param
        yield browser


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    """Addresses of the same report as one file and with a folder."""
    folder = tmp_path_factory.mktemp("pages")
    return {kind: page(folder / kind, limit).as_uri() for kind, limit in (("file", 10**9), ("folder", 0))}


@pytest.fixture(params=["file", "folder"])
def opened(browser, pages, request) -> Iterator[Chrome]:
    """The report, freshly opened; no test may leave a complaint in the console."""
    browser.get("about:blank")
    complaints(browser)
    browser.get(pages[request.param])
    yield browser
    assert complaints(browser) == []


def cards(browser: Chrome) -> list[str]:
    """Names of the images that the gallery shows, in its order."""
    return [
        card.get_attribute("title").split("/")[-2][0]
        for card in browser.find_elements(By.CSS_SELECTOR, "#cards button")
    ]


def choose(browser: Chrome, **wanted: str) -> list[str]:
    """Set filters anew, by the texts that one sees; the names that are left."""
    browser.find_element(By.ID, "clear").click()
    for name, text in wanted.items():
        Select(browser.find_element(By.NAME, name)).select_by_visible_text(text)
    return cards(browser)


def view(browser: Chrome, name: str):
    """Open an image; the viewer, when its numbers are there."""
    browser.find_element(By.CSS_SELECTOR, f"#cards button[title='{key(name)}']").click()
    return shown(browser, name)


def shown(browser: Chrome, name: str):
    viewer = browser.find_element(By.ID, "viewer")
    body = browser.find_element(By.ID, "viewer-body")
    WebDriverWait(browser, 20 * PATIENCE).until(lambda _: body.get_attribute("data-key") == key(name))
    assert key(name) in viewer.text
    return viewer


def colour(element) -> list[float]:
    """Mean colour of the middle of an element, as it is seen."""
    pixels = cv2.imdecode(np.frombuffer(io.BytesIO(element.screenshot_as_png).read(), np.uint8), cv2.IMREAD_COLOR_RGB)
    height, width = pixels.shape[:2]
    return pixels[height // 3 : height // 2, width // 4 : width // 3].mean(axis=(0, 1)).tolist()


def test_nothing_comes_from_a_network_and_nothing_sticks_out(opened):
    loaded = opened.execute_script("return performance.getEntriesByType('resource').map((one) => one.name)")
    assert {address.partition(":")[0] for address in loaded} <= {"file", "blob", "data"}
    assert (
        opened.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        == [WIDTHS[opened.name_of_test]] * 2
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "abcdef"),
        ({"category": "Deepfakes"}, "abc"),
        ({"verdict": "missed (called real)"}, "d"),
        ({"verdict": "detected (called fake)"}, "abcef"),
        ({"verdict": "detected, as another class"}, "c"),
        ({"outcome": "flipped to real"}, "abce"),  # by either, top-3
        ({"outcome": "flipped to real", "k": "top-1"}, "ce"),
        ({"outcome": "not flipped", "k": "top-1"}, "abf"),  # d was called real before
        ({"outcome": "flipped to real", "explainer": "LIME"}, "ae"),
        ({"outcome": "flipped to real", "explainer": "LIME", "k": "top-1"}, "e"),
        ({"outcome": "not flipped", "explainer": "RISE", "category": "NeuralTextures"}, "ef"),
        ({"outcome": "left out of the rows", "explainer": "LIME"}, "c"),
        ({"copy": "still called fake"}, "bf"),
        ({"copy": "called real", "category": "NeuralTextures"}, "e"),
        ({"order": "surest first"}, "fadcbe"),
        ({"order": "least sure first", "category": "Deepfakes"}, "bca"),
    ],
)
def test_filters_show_the_right_images(browser, pages, wanted, expected):
    if pages["file"] not in browser.current_url:
        browser.get(pages["file"])
    assert "".join(choose(browser, **wanted)) == expected
    assert browser.find_element(By.ID, "count").text == f"{len(expected)} of 6 images"


def test_a_part_of_the_name_is_found(opened):
    choose(opened)
    opened.find_element(By.NAME, "text").send_keys("/E.mp4")
    assert cards(opened) == ["e"]


def test_the_gallery_s_pictures_are_the_images(opened):
    choose(opened, explainer="RISE")
    for name, (expected, *_) in KNOWN.items():
        card = opened.find_element(By.CSS_SELECTOR, f"#cards button[title='{key(name)}']")
        tiles = card.find_elements(By.CSS_SELECTOR, ".tile")
        assert [tile.get_attribute("aria-label") for tile in tiles] == ["face", "map of RISE"]
        seen = lambda _, tile=tiles[0], wanted=expected: colour(tile) == pytest.approx(list(wanted), abs=6)  # noqa: E731
        WebDriverWait(opened, 20 * PATIENCE).until(seen)  # a picture is decoded beside the script


def test_one_image_with_all_its_numbers(opened):
    choose(opened)
    viewer = view(opened, "a")
    views = viewer.find_elements(By.CSS_SELECTOR, ".view")
    assert [one.find_element(By.TAG_NAME, "h4").text for one in views] == [
        "Face", "Adversarial copy", "Difference, amplified", "LIME", "RISE",
    ]  # fmt: skip
    assert "called real after 7 iterations, 42 images" in views[1].text and "largest 3.0/255" in views[2].text
    lines = [line.text for line in views[3].find_elements(By.CSS_SELECTOR, "tbody tr")]
    assert lines == ["top-1 0.90 → 0.80 Deepfakes 10", "top-2 0.90 → 0.70 Real 20", "top-3 0.90 → 0.60 Real 30"]
    # numbers stand in their segments, LIME's weights are outlined by their sign
    assert [text.text for text in views[3].find_elements(By.CSS_SELECTOR, ".segments text")] == ["1", "2", "3"]
    assert len(views[3].find_elements(By.CSS_SELECTOR, "path.for")) == 3
    assert len(views[3].find_elements(By.CSS_SELECTOR, "path.against")) == 1
    for box, kind in (("show-segments", "segments"), ("show-mask", "true-mask")):
        overlay = views[3].find_element(By.CSS_SELECTOR, f".{kind}")
        assert overlay.is_displayed()
        viewer.find_element(By.ID, box).click()
        assert not overlay.is_displayed()
        viewer.find_element(By.ID, box).click()
    viewer.find_element(By.ID, "close").click()
    back = lambda _: opened.switch_to.active_element.get_attribute("title") == key("a")  # noqa: E731
    # the cards are drawn anew, perhaps between the two questions
    WebDriverWait(opened, 20 * PATIENCE, ignored_exceptions=[StaleElementReferenceException]).until(back)
    viewer = view(opened, "c")
    assert "Left out of the rows: only 2 segments" in viewer.text


def test_paging_through_images_by_keyboard(opened):
    assert choose(opened, category="Deepfakes") == ["a", "b", "c"]
    viewer = view(opened, "a")
    assert viewer.find_element(By.ID, "previous").get_attribute("aria-disabled") == "true"
    for keys, name in (
        (Keys.ARROW_RIGHT, "b"),
        (Keys.ARROW_RIGHT, "c"),
        (Keys.ARROW_RIGHT, "c"),
        (Keys.ARROW_LEFT, "b"),
    ):
        opened.switch_to.active_element.send_keys(keys)
        shown(opened, name)
    assert "(2 of 3)" in viewer.text
    opened.switch_to.active_element.send_keys(Keys.ESCAPE)
    # back where one was
    back = lambda _: opened.switch_to.active_element.get_attribute("title") == key("b")  # noqa: E731
    WebDriverWait(opened, 20 * PATIENCE).until(back)
    assert not viewer.is_displayed()


def test_a_link_shows_the_same_again(opened):
    choose(opened, category="Deepfakes", explainer="LIME")
    view(opened, "b")
    address = opened.current_url
    opened.get("about:blank")
    opened.get(address)
    shown(opened, "b")
    assert cards(opened) == ["a", "b", "c"]


def test_a_table_is_sorted_by_click_and_by_key(opened):
    table = opened.find_element(By.CSS_SELECTOR, "table[data-name=accuracy]")
    heads = table.find_elements(By.CSS_SELECTOR, "thead th")

    def column(place: int) -> list[str]:
        return [
            line.find_elements(By.CSS_SELECTOR, "th, td")[place].text
            for line in table.find_elements(By.CSS_SELECTOR, "tbody tr")
        ]

    button = heads[2].find_element(By.TAG_NAME, "button")
    opened.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    button.click()
    # what has no number is last; controls stay below explainers
    assert column(0) == ["Original", "LIME", "RISE", "SOBOL", "controls", "centre", "random"]
    assert heads[2].get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert column(0) == ["Original", "RISE", "LIME", "SOBOL", "controls", "random", "centre"]
    assert heads[2].get_attribute("aria-sort") == "descending"
    heads[1].find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert column(0) == ["Original", "SOBOL", "RISE", "LIME", "controls", "random", "centre"]
    assert heads[2].get_attribute("aria-sort") is None
    best, second = (table.find_elements(By.CSS_SELECTOR, f".{mark}") for mark in ("best", "second"))
    assert sorted(cell.text.split()[0] for cell in best) == ["0.125", "0.250"]
    assert sorted(cell.text.split()[0] for cell in second) == ["0.500", "0.500"]


def test_accessible_by_axe_s_rules(opened):
    choose(opened)
    found = Axe().run(opened)
    assert len(found["passes"]) > 20
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]] == []
    view(opened, "a")
    found = Axe().run(opened)
    assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found["violations"]] == []


def test_a_lost_folder_is_said(browser, tmp_path):
    made = page(tmp_path, 0)
    for file in (tmp_path / "report").glob("*.js"):
        file.unlink()
    browser.get(made.as_uri())
    browser.find_element(By.CSS_SELECTOR, "#cards button").click()
    body = browser.find_element(By.ID, "viewer-body")
    WebDriverWait(browser, 5 * PATIENCE).until(lambda _: "keep the folder report beside this page" in body.text)
    complaints(browser)  # the browser's own about the file


def test_looks(browser, pages):
    """Keeps pictures of the page for people to look at."""
    browser.get(pages["file"])
    for section in ("tables", "gallery"):
        browser.execute_script(f"document.getElementById('{section}').scrollIntoView()")
        time.sleep(0.2)
        assert shoot(browser, f"test-{browser.name_of_test}-{section}").stat().st_size > 5000
    view(browser, "a")
    assert shoot(browser, f"test-{browser.name_of_test}-viewer").stat().st_size > 5000


def test_an_empty_gallery_is_a_page_all_the_same(browser, tmp_path):
    browser.get(page(tmp_path, 10**9, names=()).as_uri())
    assert browser.find_element(By.ID, "count").text == "0 of 0 images"
    assert complaints(browser) == []
