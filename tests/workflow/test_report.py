"""The report of a finished run, in a browser; Snakemake's own report of it."""

import json
from collections import Counter

import pandas as pd
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from tests.browser import chromium, complaints, shoot
from tests.workflow.conftest import copy_of, snakemake

SECTIONS = ("run", "detector", "tables", "figures", "gallery", "left-out", "provenance")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_finished_run_s_report(finished, tmp_path, width):
    run = finished / "results/tiny"
    rows = pd.concat(map(pd.read_parquet, (finished / "results/store/evaluation").glob("*/tiny/*.parquet")))
    images = rows.drop_duplicates("key")
    with chromium(tmp_path / "profile", width) as browser:
        browser.get((run / "report.html").as_uri())
        assert complaints(browser) == []
        assert browser.execute_script("return document.documentElement.scrollWidth") == width
        assert browser.find_element(By.ID, "count").text == f"{len(images)} of {len(images)} images"
        # one category, one explainer, those that its top-1 attack flipped
        category = images["category"].iloc[0]
        Select(browser.find_element(By.NAME, "category")).select_by_visible_text(category)
        Select(browser.find_element(By.NAME, "explainer")).select_by_visible_text("RISE")
        Select(browser.find_element(By.NAME, "k")).select_by_visible_text("top-1")
        one = rows[(rows["category"] == category) & (rows["explainer"] == "RISE") & (rows["k"] == 1)]
        one = one[~one["called_real"] & one["included"]]
        for outcome, wanted in (("flipped to real", one["flipped"]), ("not flipped", ~one["flipped"])):
            Select(browser.find_element(By.NAME, "outcome")).select_by_visible_text(outcome)
            cards = browser.find_elements(By.CSS_SELECTOR, "#cards button")
            assert {card.get_attribute("title") for card in cards} == set(one.loc[wanted.astype(bool), "key"])
        # the numbers of the tables and of the figures' files
        accuracy = pd.read_csv(run / "tables/accuracy.csv")
        table = browser.find_element(By.CSS_SELECTOR, "table[data-name=accuracy]")
        lines = [
            line.find_elements(By.CSS_SELECTOR, "th, td") for line in table.find_elements(By.CSS_SELECTOR, "tbody tr")
        ]
        assert [line[0].text for line in lines] == accuracy["explainer"].tolist()
        shown = [float(line[-1].get_attribute("data-v")) for line in lines]
        assert shown == pytest.approx(accuracy.iloc[:, -1].tolist(), abs=5e-4)
        figures = {
            figure.get_attribute("id").removeprefix("figure-")
            for figure in browser.find_elements(By.TAG_NAME, "figure")
        }
        assert figures == {path.stem for path in (run / "figures").glob("*.png")}
        text = browser.find_element(By.TAG_NAME, "main").text
        assert json.loads((run / "provenance.json").read_text())["code"]["commit"] in text
        reasons = Counter(pd.read_parquet(run / "tables/left_out.parquet")["stage"])
        assert all(stage in browser.find_element(By.ID, "left-out").text for stage in reasons)
        for section in SECTIONS:
            browser.execute_script(f"document.getElementById('{section}').scrollIntoView()")
            shoot(browser, f"tiny-{width}-{section}")


def test_snakemake_s_own_report(finished, tmp_path):
    copy = copy_of(finished, tmp_path)
    made = tmp_path / "snakemake.html"
    snakemake(copy, "--configfile", copy / "tiny.yaml", "--report", made)
    text = made.read_text()
    for caption in ("accuracy.csv", "LIME.png", "report.html"):
        assert caption in text
