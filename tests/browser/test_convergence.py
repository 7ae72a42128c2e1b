"""The convergence page in a browser: the cooling plays, links reproduce it, and figure and data can be downloaded."""

from __future__ import annotations

import csv
import time
from urllib.parse import parse_qs, urlsplit

from .conftest import READY, served

# Where the single samples are on the screen, from the second layer of points: discs, dots, rings, followed sample.
SHOWN = 150
DOTS = """() => [...document.querySelectorAll('.js-plotly-plot .subplot.xy .scatterlayer .trace')]
  .filter(trace => trace.querySelectorAll('path.point').length === (window.shown ?? 150))
  .flatMap(trace => [...trace.querySelectorAll('path.point')].map(point => point.getAttribute('transform')))"""
# On every frame that the browser draws: what the bar, the sentence and the slider say, how many points there are.
WATCH = """() => {
  window.seen = []
  const look = () => {
    const stated = selector => document.querySelector(selector).textContent.match(/τ = ([\\d.]*\\d)/)?.[1]
    const points = document.querySelectorAll('.hg-plot .scatterlayer path.point').length
    const slider = document.querySelector('.hg-controls [data-name=tau] output').textContent
    window.seen.push([stated('.hg-bar output'), stated('.hg-sentence'), points, slider])
    window.looking = requestAnimationFrame(look)
  }
  look()
}"""
SEEN = "() => { cancelAnimationFrame(window.looking); return window.seen }"


def button(page, words: str):
    return page.locator(".updatemenu-button").filter(has_text=words)


def test_the_first_link_that_a_new_server_gets_goes_through_the_app(visit):
    with served() as address:
        opened = visit("/convergence?conv_n=14", base=address)
        assert opened.page.title() == "hypergeo"
        assert opened.page.get_by_role("link", name="Home").is_visible()
        assert opened.slider("Balls drawn n").input_value() == "14"
        opened.page.close()  # before its server goes, which it would ask for in vain


def test_cooling_shows_every_temperature_with_its_sentence(visit):
    opened = visit("/convergence?conv_tau=10")
    page = opened.page
    before = page.evaluate(DOTS)
    assert len(before) == SHOWN
    page.evaluate(WATCH)
    page.keyboard.press(" ")
    opened.wait_for(lambda: opened.temperature() == "τ = 0.01", "the coldest", seconds=60)
    opened.settle()
    seen = page.evaluate(SEEN)
    assert all(bar == sentence for bar, sentence, *_ in seen), "the sentence is of another picture"
    assert all(float(bar) == float(slider) for bar, *_, slider in seen), "the slider is ahead of the picture"
    temperatures = [float(bar) for bar, *_ in seen]
    assert temperatures == sorted(temperatures, reverse=True), "it heats"
    assert len(set(temperatures)) >= 20, "temperatures were left out"
    assert min(points for _, _, points, _ in seen) > SHOWN, "the figure flickered"
    after = page.evaluate(DOTS)
    assert sum(a != b for a, b in zip(before, after, strict=True)) > 100, "single samples do not move"
    opened.wait_for(lambda: parse_qs(urlsplit(page.url).query).get("conv_tau") == ["0.01"], "the address")


def test_pausing_acts_within_one_step(visit):
    opened = visit("/convergence?conv_tau=10&conv_speed=slow")
    page = opened.page
    page.keyboard.press(" ")
    opened.wait_for(lambda: opened.position() >= 2, "two steps", seconds=40)
    page.keyboard.press(" ")
    at_once = opened.position()
    page.wait_for_timeout(900)
    stopped = opened.position()
    assert stopped - at_once <= 1
    opened.settle()
    still = page.evaluate(DOTS)
    page.keyboard.press(" ")
    opened.wait_for(lambda: opened.position() > stopped, "playing to go on from where it was paused", seconds=40)
    page.keyboard.press(" ")
    opened.settle()
    assert page.evaluate(DOTS) != still


def test_an_address_shows_the_same_numbers_to_the_last_sample(visit):
    path = "/convergence?conv_tau=0.18&conv_seed=42&conv_w2=7.9&conv_m1=9&conv_n=15&conv_number=500&conv_follow=33"
    first, second = visit(path), visit(path, fresh=True)
    assert first.text() == second.text()
    assert first.page.evaluate(DOTS) == second.page.evaluate(DOTS)
    other = visit(path.replace("seed=42", "seed=43"))
    assert other.text() != first.text()
    assert other.page.evaluate(DOTS) != first.page.evaluate(DOTS)


def test_what_is_set_by_hand_is_in_the_address_and_in_the_link(visit):
    opened = visit("/convergence")
    page = opened.page
    page.get_by_role("button", name="One heavy group").click()
    opened.settle()
    slider = opened.slider("Balls drawn n")
    before = page.evaluate("history.length")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**conv_n=15**", timeout=10_000)
    opened.settle()
    assert page.evaluate("history.length") == before + 1, "three keys in a row are one commit"
    address = parse_qs(urlsplit(page.url).query)
    assert address["conv_n"] == ["15"]
    assert address["conv_w2"] == ["10"]
    link = page.get_by_test_id("stText").filter(has_text="conv_groups").last.inner_text().replace("\n", "")
    parts = urlsplit(link)
    assert parts.path == "/convergence"
    again = visit(f"{parts.path}?{parts.query}", fresh=True)
    assert again.text() == opened.text()
    assert again.page.evaluate(DOTS) == page.evaluate(DOTS)


def test_bad_input_is_said_in_place_and_keeps_the_picture(visit):
    opened = visit("/convergence?conv_n=20")
    page = opened.page
    picture = page.evaluate(DOTS)
    opened.slider("Balls drawn n").focus()
    page.keyboard.press("End")
    alert = page.get_by_role("alert").filter(has_text="The urn holds only 36 balls, so 60 cannot be drawn.")
    alert.wait_for(timeout=10_000)
    opened.settle()
    assert page.evaluate(DOTS) == picture
    page.keyboard.press("Home")
    alert.wait_for(state="detached", timeout=10_000)


def test_an_address_out_of_range_is_mended_and_said_so(visit):
    opened = visit("/convergence?conv_tau=99&conv_seed=-5", fresh=True)
    page = opened.page
    words = page.get_by_role("alert").inner_text()
    assert 'The link has an invalid temperature ("99"; allowed: steps from 0.01 to 10); using 10.' in words
    assert 'The link has an invalid seed ("-5"; allowed: whole numbers from 0 to 9999); using 0.' in words
    assert opened.temperature() == "τ = 10"


def test_the_figure_can_be_taken_away_and_plays_offline(visit, browser, tmp_path):
    opened = visit("/convergence?conv_tau=10&conv_number=100")
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Figure (HTML, opens offline)").click()
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    assert target.name == "convergence.html"
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(target.as_uri())
    page.wait_for_selector(READY)
    page.evaluate("window.shown = 100")
    page.wait_for_timeout(1000)
    before = page.evaluate(DOTS)
    assert len(before) == 100
    assert (page.locator("text.slider-label").first.text_content() or "").endswith("= 10"), "it starts by itself"
    button(page, "Cool down").click()
    page.wait_for_timeout(1500)
    assert page.evaluate(DOTS) != before
    label = page.locator("text.slider-label").first.text_content() or ""
    assert float(label.split("= ")[1]) < 10, "it heats"
    context.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []


def test_the_data_can_be_taken_away(visit, tmp_path):
    opened = visit("/convergence?conv_number=100&conv_groups=4")
    with opened.page.expect_download() as download:
        opened.page.get_by_role("button", name="Data (CSV)").click()
    target = tmp_path / download.value.suggested_filename
    download.value.save_as(target)
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 25 * 100
    assert all(abs(sum(float(row[f"group_{group}"]) for group in range(1, 5)) - 12) < 1e-9 for row in rows)


def test_a_slider_moves_the_picture_while_the_reader_waits(visit):
    opened = visit("/convergence")
    opened.slider("Temperature τ").focus()
    before = opened.page.locator(".hg-sentence").inner_text()
    started = time.monotonic()
    opened.page.keyboard.press("ArrowRight")
    opened.wait_for(lambda: opened.page.locator(".hg-sentence").inner_text() != before, "the picture")
    assert time.monotonic() - started < 5
    assert opened.temperature() == "τ = 1.3"


def test_a_finger_drags_a_weight(browser, app):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{app}/convergence")
    page.locator(".hg-stage[data-pictures]").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    slider = page.get_by_label("Weight w₂", exact=True)
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    touch = context.new_cdp_session(page)
    pictures = int(page.locator(".hg-stage").get_attribute("data-pictures"))
    at = {"y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": box["x"] + 0.5 * box["width"], **at}]})
    for step in range(20):
        point = {"x": box["x"] + (0.5 + 0.02 * step) * box["width"], **at}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        page.wait_for_timeout(60)
    assert int(page.locator(".hg-stage").get_attribute("data-pictures")) > pictures + 1, "nothing happens under the finger"
    assert "conv_w2" not in page.url
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_url("**conv_w2=**", timeout=15_000)
    context.close()
