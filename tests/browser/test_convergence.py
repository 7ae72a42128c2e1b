"""The convergence page in a reader's hands: the sweep plays in the browser, links reproduce it, and it can be taken away."""

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
# On every frame that the browser draws: what the slider says, how many points there are, and how high the first bar is.
WATCH = """() => {
  window.seen = []
  const look = () => {
    const plot = document.querySelector('.js-plotly-plot')
    window.seen.push([
      performance.now(),
      plot?.querySelector('text.slider-label')?.textContent,
      plot?.querySelectorAll('.scatterlayer path.point').length,
      plot?.querySelector('.barlayer path')?.getAttribute('d'),
    ])
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
        assert opened.slider("Elements drawn, n").input_value() == "14"
        opened.page.close()  # before its server goes, which it would ask for in vain


def test_cooling_plays_in_the_browser_alone(visit):
    opened = visit("/convergence")
    page = opened.page
    page.wait_for_timeout(500)
    before = page.evaluate(DOTS)
    assert len(before) == SHOWN
    sent = len(opened.sent)
    page.evaluate(WATCH)
    button(page, "Cool down").click()
    page.wait_for_function("() => document.querySelector('text.slider-label').textContent.endsWith('= 0.01')", timeout=30_000)
    page.wait_for_timeout(400)
    seen = page.evaluate(SEEN)
    assert len(opened.sent) == sent, "the server was asked while the sweep played"

    shown = [label for label, previous in zip(seen, [None, *seen], strict=False) if previous is None or label[1] != previous[1]]
    temperatures = [float(label[1].split("=")[1]) for label in shown if "=" in label[1]]
    assert temperatures[0] == 1.0, "the page's own temperature comes first"
    assert temperatures[1] == 10.0
    assert temperatures[1:] == sorted(temperatures[1:], reverse=True)
    assert len(temperatures) >= 20, "frames were left out"
    assert min(entry[2] for entry in seen) == max(entry[2] for entry in seen), "the figure flickered"
    assert len({entry[3] for entry in seen}) > len(temperatures), "bars jump where they should glide"
    after = page.evaluate(DOTS)
    assert sum(a != b for a, b in zip(before, after, strict=True)) > 100, "single samples do not move"


def test_pausing_acts_within_one_step(visit):
    opened = visit("/convergence")
    page = opened.page
    button(page, "Cool down").click()
    page.wait_for_function(
        "() => ['5.6', '4.2', '3.2'].some(t => document.querySelector('text.slider-label').textContent.endsWith('= ' + t))"
    )
    button(page, "Pause").click()
    at_once = opened.temperature()
    page.wait_for_timeout(900)
    stopped = opened.temperature()
    steps = ["5.6", "4.2", "3.2", "2.4", "1.8", "1.3"]
    assert steps.index(stopped.split("= ")[1]) - steps.index(at_once.split("= ")[1]) <= 1
    still = page.evaluate(DOTS)
    page.wait_for_timeout(600)
    assert page.evaluate(DOTS) == still
    button(page, "Cool down").click()
    page.wait_for_timeout(700)
    later = float(opened.temperature().split("= ")[1])
    assert 0.1 < later < float(stopped.split("= ")[1]), "playing goes on from where it was paused"


def test_an_address_shows_the_same_numbers_to_the_last_sample(visit):
    path = "/convergence?conv_tau=0.18&conv_seed=42&conv_w2=7.9&conv_m1=9&conv_n=15&conv_number=500&conv_follow=33"
    first, second = visit(path), visit(path)
    assert first.text() == second.text()
    assert first.page.evaluate(DOTS) == second.page.evaluate(DOTS)
    other = visit(path.replace("seed=42", "seed=43"))
    assert other.text() != first.text()
    assert other.page.evaluate(DOTS) != first.page.evaluate(DOTS)


def test_what_is_set_by_hand_is_in_the_address_and_in_the_link(visit):
    opened = visit("/convergence")
    page = opened.page
    page.get_by_role("button", name="One dominant group").click()
    opened.settle()
    slider = opened.slider("Elements drawn, n")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_url("**conv_n=15**", timeout=10_000)
    opened.settle()
    address = parse_qs(urlsplit(page.url).query)
    assert address["conv_n"] == ["15"]
    assert address["conv_w2"] == ["10"]
    link = page.get_by_test_id("stText").filter(has_text="conv_groups").last.inner_text().replace("\n", "")
    parts = urlsplit(link)
    assert parts.path == "/convergence"
    again = visit(f"{parts.path}?{parts.query}")
    assert again.text() == opened.text()
    assert again.page.evaluate(DOTS) == page.evaluate(DOTS)


def test_bad_input_is_said_in_place_and_keeps_the_picture(visit):
    opened = visit("/convergence?conv_n=20")
    page = opened.page
    picture = page.evaluate(DOTS)
    opened.slider("Elements drawn, n").focus()
    page.keyboard.press("End")
    alert = page.get_by_role("alert").filter(has_text="total_count must be at most sum(group_sizes) = 36; got 60.")
    alert.wait_for(timeout=10_000)
    opened.settle()
    assert page.evaluate(DOTS) == picture
    page.keyboard.press("Home")
    alert.wait_for(state="detached", timeout=10_000)


def test_an_address_out_of_range_is_mended_and_said_so(visit):
    opened = visit("/convergence?conv_tau=99&conv_seed=-5")
    page = opened.page
    words = page.get_by_role("alert").inner_text()
    assert "conv_tau=99 is not allowed (steps from 0.01 to 10): 10 is shown." in words
    assert "conv_seed=-5 is not allowed (whole numbers from 0 to 9999): 0 is shown." in words
    assert parse_qs(urlsplit(page.url).query)["conv_tau"] == ["10"]
    assert opened.temperature() == "temperature τ = 10"


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
    before = page.evaluate(DOTS)
    assert len(before) == 100
    button(page, "Cool down").click()
    page.wait_for_timeout(1500)
    assert page.evaluate(DOTS) != before
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
    page = opened.page
    opened.slider("Temperature, τ").focus()
    before = page.get_by_test_id("stPlotlyChart").get_attribute("aria-label")
    started = time.monotonic()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('.stPlotlyChart')?.getAttribute('aria-label') !== old", arg=before)
    page.wait_for_selector(READY)
    assert time.monotonic() - started < 5
    assert opened.temperature() == "temperature τ = 1.3"
