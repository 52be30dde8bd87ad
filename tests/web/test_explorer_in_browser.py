"""The attention explorer in a real browser, on a bare page without any host."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, chromium, new_page, served_pack
from PIL import Image

from dptn_core.inference.attention_maps import AttentionMaps

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

DOWN, ACROSS = 8, 6
CELLS = DOWN * ACROSS
TARGET = {"canvas": [120, 160], "frame": [12, 16, 96, 128]}  # cells of 16 x 16
SOURCE = {"canvas": [200, 100], "frame": [50, -10, 60, 120]}  # cells of 10 x 15


def shares() -> np.ndarray:
    """Every place looks at its own cell in layer 0 and one to the right in layer 1; head 1 one further down."""
    looks = np.zeros((2, 2, CELLS, CELLS))
    for layer in (0, 1):
        for head in (0, 1):
            for cell in range(CELLS):
                row, column = divmod(cell, ACROSS)
                seen = min(row + head, DOWN - 1) * ACROSS + min(column + layer, ACROSS - 1)
                looks[layer, head, cell, seen] = 1
    return looks


def plain(grey: int) -> str:
    """Address of an image of one grey."""
    buffer = io.BytesIO()
    Image.new("RGB", (12, 16), (grey, grey, grey)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def data() -> tuple[dict[str, Any], str]:
    """A run as the explorer takes it, without its maps, and these as a packed file."""
    run = {
        "names": ["nose", "neck"],
        "views": ["image", "body parts"],
        "target": {**TARGET, "joints": [[36, 40], None], "images": [plain(120), plain(10)]},
        "source": {**SOURCE, "joints": [[75, 30], [75, 60]], "images": [plain(120), plain(20)]},
    }
    looks = shares()
    maps = AttentionMaps(np.round(looks * 255).astype(np.uint8), looks.max(-1).astype(np.float32), (DOWN, ACROSS), 1)
    return run, base64.b64encode(maps.packed()).decode()


@pytest.fixture(scope="module")
def opened() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with served_pack() as address, chromium() as browser:
        page = new_page(browser, has_touch=True)
        page.goto(f"{address}/tests/web/explorer_page.html")
        page.wait_for_function("window.ready")
        yield page


@pytest.fixture
def page(opened) -> Any:
    opened.mouse.move(1400, 900)
    opened.evaluate("() => { window.points = []; window.mount(); }")
    opened.evaluate("([run, file]) => window.show(run, file)", list(data()))
    yield opened
    assert opened.faults == []


def screen(page: Any, side: str, x: float, y: float) -> tuple[float, float]:
    """Where a pixel of one of the images is on the page."""
    box = page.locator(f".stage[aria-label={side}]").bounding_box()
    width, height = (TARGET if side == "target" else SOURCE)["canvas"]
    return box["x"] + x / width * box["width"], box["y"] + y / height * box["height"]


def hover(page: Any, side: str, x: float, y: float) -> None:
    page.mouse.move(*screen(page, side, x, y))


def click(page: Any, side: str, x: float, y: float) -> None:
    page.mouse.click(*screen(page, side, x, y))


def drag(page: Any, side: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    hover(page, side, *start)
    page.mouse.down()
    page.mouse.move(*screen(page, side, *end), steps=5)
    page.mouse.up()


def choose(page: Any, layer: str, head: str) -> None:
    page.get_by_label("Layer").select_option(layer)
    page.get_by_label("Head").select_option(head)


def said(page: Any) -> str:
    text: str = page.locator(".said").inner_text()
    return text


def hottest(page: Any, side: str) -> list[int] | None:
    """Column and row of the cell that shines most, or None where nothing does."""
    found: list[int] | None = page.evaluate(
        """side => {
            const heat = document.querySelector(`.stage[aria-label=${side}] canvas`);
            if (heat.hidden) return null;
            const { data, width } = heat.getContext("2d").getImageData(0, 0, heat.width, heat.height);
            let [best, most] = [0, -1];
            for (let at = 0; at < data.length; at += 4) {
              const bright = (data[at] + data[at + 1] + data[at + 2]) * data[at + 3];
              if (bright > most) [best, most] = [at / 4, bright];
            }
            return [best % width, Math.floor(best / width)];
        }""",
        side,
    )
    return found


def ring(page: Any, side: str) -> list[float] | None:
    """Where the peak of what is pointed to is marked."""
    found: list[float] | None = page.locator(f".stage[aria-label={side}]").evaluate(
        """stage => {
            const matrix = stage.querySelector("g:has(> circle.peak)")?.transform.baseVal.consolidate().matrix;
            return matrix ? [matrix.e, matrix.f] : null;
        }"""
    )
    return found


def pins(page: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("window.explorer.pins")
    return found


def test_pointing_at_the_target_shines_on_the_source_through_both_frames(page):
    choose(page, "0", "0")
    hover(page, "target", 12 + 16 * 2.5, 16 + 16 * 4.5)
    assert hottest(page, "source") == [2, 4] and hottest(page, "target") is None
    assert ring(page, "source") == pytest.approx([50 + 10 * 2.5, -10 + 15 * 4.5])
    assert page.locator(".stage text").all_text_contents() == [""]  # only pins have a number
    assert said(page) == "target 52, 88 attends to source 75, 58; 100 % of its attention lies there"
    page.mouse.move(1400, 900)
    assert hottest(page, "source") is None and ring(page, "source") is None


def test_pointing_at_the_source_asks_who_used_it(page):
    choose(page, "1", "0")
    hover(page, "source", 50 + 10 * 3.5, -10 + 15 * 2.5)
    assert hottest(page, "target") == [2, 2] and hottest(page, "source") is None
    assert ring(page, "target") == pytest.approx([12 + 16 * 2.5, 16 + 16 * 2.5])
    assert "source 85, 28 is attended most by target 52, 56: 100 %" in said(page)


def test_the_last_layer_and_all_heads_are_shown_first_and_each_can_be_chosen(page):
    place = ("target", 12 + 16 * 2.5, 16 + 16 * 4.5)
    hover(page, *place)
    assert ring(page, "source") == pytest.approx([50 + 35, -10 + 15 * 5])  # between both heads of layer 1
    for layer, head, cell in (("0", "0", [2, 4]), ("1", "0", [3, 4]), ("0", "1", [2, 5]), ("1", "1", [3, 5])):
        choose(page, layer, head)
        hover(page, *place)
        assert hottest(page, "source") == cell
    choose(page, "", "0")
    hover(page, *place)
    assert ring(page, "source") == pytest.approx([50 + 30, -10 + 15 * 4.5])


def test_a_choice_of_layer_moves_what_the_pins_show(page):
    click(page, "target", 12 + 16 * 2.5, 16 + 16 * 4.5)
    page.mouse.move(1400, 900)
    choose(page, "0", "0")
    assert hottest(page, "source") == [2, 4]
    choose(page, "1", "0")
    assert hottest(page, "source") == [3, 4]


def test_clicks_pin_places_in_colours_and_a_click_on_a_pin_takes_it_away(page):
    click(page, "target", 30, 100)
    click(page, "target", 80, 100)
    click(page, "source", 70, 80)
    assert [pin["side"] for pin in pins(page)] == ["target", "target", "source"]
    assert len({pin["colour"] for pin in pins(page)}) == 3
    assert page.locator("circle.pin").count() == 3 and page.locator("circle.ring").count() == 3
    click(page, "target", 80, 100)
    assert [round(pin["box"][0]) for pin in pins(page)] == [30, 70]
    page.get_by_role("button", name="clear pins").click()
    assert pins(page) == [] and page.locator("circle.pin, circle.ring").count() == 0


def test_a_click_on_a_joint_pins_the_joint_itself(page):
    click(page, "target", 36.6, 40.5)
    (pin,) = pins(page)
    assert pin["joint"] == 0 and pin["box"] == [36, 40, 0, 0]
    page.mouse.move(1400, 900)
    assert "target 36, 40 (nose) attends to" in said(page)
    assert page.locator(".stage[aria-label=target] circle.joint").count() == 1
    assert page.locator(".stage[aria-label=source] circle.joint").count() == 2
    click(page, "target", 36, 40)
    assert pins(page) == []


def test_a_drag_asks_about_a_region(page):
    choose(page, "0", "0")
    drag(page, "target", (12 + 16 * 1.2, 16 + 16 * 2.2), (12 + 16 * 2.8, 16 + 16 * 3.8))
    (pin,) = pins(page)
    assert pin["box"] == pytest.approx([12 + 16 * 1.2, 16 + 16 * 2.2, 16 * 1.6, 16 * 1.6], abs=0.5)
    page.mouse.move(1400, 900)
    assert "region 26 × 26" in said(page)
    heat = page.evaluate("Array.from(window.explorer.answers[0].map)")
    lit = {(cell % ACROSS, cell // ACROSS): round(share, 3) for cell, share in enumerate(heat) if share}
    assert lit == {(1, 2): 0.25, (2, 2): 0.25, (1, 3): 0.25, (2, 3): 0.25}


def test_a_drag_that_leaves_the_picture_ends_at_its_edge(page):
    hover(page, "source", 100, 50)
    page.mouse.down()
    page.mouse.move(1300, 900, steps=4)
    page.mouse.up()
    (pin,) = pins(page)
    assert pin["box"] == pytest.approx([100, 50, 100, 50], abs=0.5)


def test_the_keyboard_points_pins_and_clears(page):
    choose(page, "0", "0")
    page.locator(".stage[aria-label=target]").focus()
    page.keyboard.press("ArrowRight")
    first = ring(page, "source")
    page.keyboard.press("ArrowDown")
    second = ring(page, "source")
    assert second == pytest.approx([first[0], first[1] + 15])
    page.keyboard.press("Shift+ArrowLeft")
    assert ring(page, "source")[0] < second[0] - 10
    page.keyboard.press("Enter")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert [pin["joint"] for pin in pins(page)] == [None, 0]
    assert "2 pins" in page.get_by_role("status").inner_text()
    page.keyboard.press("Delete")
    assert [pin["joint"] for pin in pins(page)] == [None]
    page.keyboard.press("Escape")
    assert pins(page) == []


def test_keys_and_presses_do_not_reach_the_page_around(page):
    page.evaluate(
        """() => {
            window.heard = [];
            for (const kind of ["keydown", "pointerdown", "pointermove", "pointerup"])
              document.body.addEventListener(kind, (event) => window.heard.push(event.type), { once: true });
        }"""
    )
    click(page, "target", 50, 50)
    drag(page, "source", (50, 50), (70, 70))
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    assert page.evaluate("window.heard") == []


def test_a_tap_pins(page):
    page.touchscreen.tap(*screen(page, "target", 60, 100))
    (pin,) = pins(page)
    assert pin["side"] == "target" and pin["box"][:2] == pytest.approx([60, 100], abs=1)
    assert page.locator(".stage").first.evaluate("stage => getComputedStyle(stage).touchAction") == "none"


def test_pinned_places_of_the_target_become_points(page):
    to_points = page.get_by_role("button", name="to points")
    assert to_points.is_disabled()
    click(page, "source", 70, 80)
    assert to_points.is_disabled()
    click(page, "target", 36, 40)
    click(page, "target", 90, 120)
    to_points.click()
    assert page.evaluate("window.points") == ["36,40; 90,120"]


def test_another_run_keeps_the_choice_and_the_pins_that_still_have_a_place(page):
    choose(page, "0", "1")
    click(page, "target", 36, 40)
    click(page, "target", 90, 150)
    run, file = data()
    run["target"] |= {"canvas": [120, 140], "joints": [[52, 72], None]}
    page.evaluate("([run, file]) => window.show(run, file)", [run, file])
    assert [pin["box"][:2] for pin in pins(page)] == [[52, 72]]
    assert page.get_by_label("Layer").input_value() == "0" and page.get_by_label("Head").input_value() == "1"


def test_pictures_keep_their_proportions_in_any_room(page):
    for width, height in ((640, 480), (300, 600), (900, 340)):
        page.locator("#place").evaluate(
            "(place, [w, h]) => place.style.cssText = `width: ${w}px; height: ${h}px`", [width, height]
        )
        for side in (TARGET, SOURCE):
            box = page.locator(f".stage[aria-label={'target' if side is TARGET else 'source'}]").bounding_box()
            assert box["width"] / box["height"] == pytest.approx(side["canvas"][0] / side["canvas"][1], rel=0.02)
            assert box["width"] <= width / 2 and box["height"] <= height
    page.locator("#place").evaluate("place => place.style.cssText = ''")


def test_what_is_gone_listens_no_more_and_words_replace_it(page):
    click(page, "target", 50, 50)
    page.evaluate("window.explorer.setEmpty('run again')")
    assert said(page) == "run again" and not page.locator(".stage").first.is_visible()
    page.evaluate("window.gone = window.explorer; window.gone.dispose(); window.mount();")
    page.evaluate("([run, file]) => window.show(run, file)", list(data()))
    click(page, "target", 50, 50)
    assert len(pins(page)) == 1 and page.evaluate("window.gone.pins.length") == 0


def shown(page: Any) -> list[str]:
    """Addresses of the images of both sides."""
    found: list[str] = page.evaluate("[...document.querySelectorAll('.stage img')].map((one) => one.src)")
    return found


def test_a_view_changes_both_images_and_stays_for_the_next_run_while_pins_go_on(page):
    assert shown(page) == [plain(120), plain(120)]
    click(page, "target", 36, 40)
    before = page.inner_text(".said")
    page.select_option("select[name=view]", label="body parts")
    assert shown(page) == [plain(10), plain(20)]
    assert page.inner_text(".said") == before and page.locator("circle.pin").count() == 1
    page.evaluate("([run, file]) => window.show(run, file)", list(data()))
    assert shown(page) == [plain(10), plain(20)]
    click(page, "source", 75, 60)
    assert page.locator("circle.pin").count() == 2


def test_a_run_that_carried_nothing_has_no_views_to_choose_from(page):
    run, file = data()
    page.select_option("select[name=view]", label="body parts")
    for side in ("target", "source"):
        run[side]["images"] = run[side]["images"][:1]
    page.evaluate("([run, file]) => window.show(run, file)", [run | {"views": ["image"]}, file])
    assert shown(page) == [plain(120), plain(120)]
    assert page.locator("select[name=view]").is_hidden()
