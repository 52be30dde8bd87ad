"""The skeleton editor alone on a page, in a real browser and without a host."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest
from browser import CHROMIUM, chromium, served_pack

from dptn_core.pose import LIMBS, Canvas, People, read_openpose, standing_pose, write_openpose
from dptn_core.pose.edited import read_edited

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served_pack() as root:
        yield f"{root}/tests/web/mount.html"


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found")
    with chromium() as browser:
        yield browser.new_context(viewport={"width": 900, "height": 720}, has_touch=True, accept_downloads=True)


@pytest.fixture
def page(context, address) -> Iterator[Any]:
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(address)
    opened.wait_for_function("window.editor")
    yield opened
    assert faults == []
    opened.close()


def people(page: Any) -> list[Any]:
    found: list[Any] = page.evaluate("window.editor.state.people().map(person => person.points)")
    return found


def lengths(points: list[Any]) -> list[float]:
    return [math.dist(points[a], points[b]) for a, b in LIMBS if points[a] and points[b]]


def where(page: Any, joint: int, person: int = 0) -> tuple[float, float]:
    """Middle of a joint on the screen, in one step: playback replaces the elements."""
    circle = f'circle[data-person="{person}"][data-joint="{joint}"]'
    box = page.evaluate("one => document.querySelector(one).getBoundingClientRect().toJSON()", circle)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Any, start: tuple[float, float], by: tuple[float, float], *, button: str = "left") -> None:
    page.mouse.move(*start)
    page.mouse.down(button=button)
    page.mouse.move(start[0] + by[0], start[1] + by[1], steps=6)
    page.mouse.up(button=button)


def press(page: Any, label: str) -> None:
    """A button, whichever tab it is on."""
    page.evaluate("label => document.querySelector(`.dptn-panel button[aria-label^='${label}']`).click()", label)


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def take(page: Any, pose: str) -> None:
    """A pose of the library."""
    tab(page, "Library")
    page.get_by_role("button", name=pose, exact=True).click()


@pytest.mark.parametrize("zoom", [0.5, 1.0, 2.7])
def test_a_pulled_hand_follows_the_pointer_at_any_zoom_and_keeps_its_lengths(page, zoom):
    page.evaluate("zoom => editor.stage.zoomBy(zoom)", zoom)
    if zoom > 2:  # the hand is outside the view: bring it in
        page.evaluate("editor.stage.view.x -= 60, editor.stage.view.y -= 20, editor.stage.render()")
    (before,) = people(page)
    start = where(page, 4)
    drag(page, start, (-12 * zoom, -30 * zoom))
    (after,) = people(page)
    there = where(page, 4)
    assert math.dist(there, (start[0] - 12 * zoom, start[1] - 30 * zoom)) < 1
    assert max(abs(a - b) for a, b in zip(lengths(before), lengths(after), strict=True)) < 0.5
    assert before[2] == pytest.approx(after[2], abs=0.01)


def test_alt_moves_one_joint_alone(page):
    (before,) = people(page)
    page.keyboard.down("Alt")
    drag(page, where(page, 3), (-30, 5))
    page.keyboard.up("Alt")
    (after,) = people(page)
    assert math.dist(before[3], after[3]) > 10
    assert all(
        a == pytest.approx(b, abs=0.01) for joint, (a, b) in enumerate(zip(before, after, strict=True)) if joint != 3
    )


def test_a_drag_is_one_step_for_undo_and_the_keyboard_undoes_it(page):
    drag(page, where(page, 7), (30, -60))
    assert page.evaluate("changes.length") > 3
    page.keyboard.press("Control+z")
    assert page.evaluate("editor.text") == ""
    page.keyboard.press("Control+Shift+z")
    assert page.evaluate("editor.text") != ""


def test_a_box_selects_joints_that_then_move_as_one(page):
    (before,) = people(page)
    left, top = where(page, 2)
    right, bottom = where(page, 4)
    drag(page, (right - 25, top - 25), (left - right + 40, bottom - top + 50))
    assert page.evaluate("[...editor.state.selected].sort()") == [2, 3, 4]
    drag(page, where(page, 3), (-15, 9))
    (after,) = people(page)
    by = [after[3][axis] - before[3][axis] for axis in (0, 1)]
    assert by[0] < -5
    for joint in (2, 3, 4):
        assert after[joint] == pytest.approx([before[joint][0] + by[0], before[joint][1] + by[1]], abs=0.02)
    assert after[7] == pytest.approx(before[7], abs=0.01)
    page.keyboard.press("Escape")
    assert page.evaluate("editor.state.selected.size") <= 1


def test_a_limb_takes_the_whole_person_and_the_handles_scale_and_turn(page):
    (before,) = people(page)
    (ax, ay), (bx, by) = where(page, 8), where(page, 9)
    drag(page, ((ax + bx) / 2, (ay + by) / 2), (20, 10))
    (moved,) = people(page)
    shifts = [[a[axis] - b[axis] for axis in (0, 1)] for a, b in zip(moved, before, strict=True)]
    assert all(shift == pytest.approx(shifts[0], abs=0.02) for shift in shifts) and shifts[0][0] > 5
    corner = page.locator('[data-handle="scale"]').last.bounding_box()
    drag(page, (corner["x"] + 3, corner["y"] + 3), (-40, -60))
    (smaller,) = people(page)
    ratios = [a / b for a, b in zip(lengths(smaller), lengths(moved), strict=True)]
    assert max(ratios) < 0.95 and max(ratios) - min(ratios) < 0.01
    knob = page.locator('[data-handle="turn"]').bounding_box()
    drag(page, (knob["x"] + 5, knob["y"] + 5), (60, 40))
    (turned,) = people(page)
    assert lengths(turned) == pytest.approx(lengths(smaller), abs=0.05)
    assert turned[0][0] - turned[8][0] > 20


def test_shift_adds_joints_and_a_double_click_hides_one(page):
    page.mouse.click(*where(page, 4))
    page.keyboard.down("Shift")
    page.mouse.click(*where(page, 7))
    page.keyboard.up("Shift")
    assert page.evaluate("[...editor.state.selected]") == [4, 7]
    page.mouse.dblclick(*where(page, 10))
    assert people(page)[0][10] is None
    page.get_by_role("button", name="Bring back the right ankle").click()
    assert people(page)[0][10] is not None


def test_a_hidden_joint_leaves_the_keyboard_with_the_editor(page):
    page.mouse.dblclick(*where(page, 10))
    assert people(page)[0][10] is None
    page.keyboard.press("Control+z")
    assert people(page)[0][10] is not None
    page.locator('circle[data-joint="4"]').focus()
    page.keyboard.press("Delete")
    assert page.evaluate("document.activeElement.closest('.dptn-panel') !== null")
    page.get_by_role("button", name="Bring back the right wrist").click()
    assert page.evaluate("document.activeElement.dataset.joint") == "4"


def test_symmetric_and_copied_sides(page):
    page.get_by_role("button", name="Symmetric").click()
    drag(page, where(page, 4), (-25, -70))
    (points,) = people(page)
    middle = points[1][0]
    for right, left in ((3, 6), (4, 7)):
        assert points[right][0] + points[left][0] == pytest.approx(2 * middle, abs=0.1)
        assert points[right][1] == pytest.approx(points[left][1], abs=0.1)
    page.get_by_role("button", name="Symmetric").click()
    drag(page, where(page, 4), (5, 40))
    page.get_by_role("button", name="Copy the right side").click()
    (points,) = people(page)
    assert points[4][1] == pytest.approx(points[7][1], abs=0.1)


def test_the_library_has_pictures_of_named_poses_and_keeps_own_ones(page):
    tab(page, "Library")
    page.wait_for_selector(".shelf button")
    names = page.evaluate("[...document.querySelectorAll('.shelf button')].map(b => b.getAttribute('aria-label'))")
    assert len(names) >= 24 and len(set(names)) == len(names)
    # bodies: a trunk, and two lines for each arm and leg
    assert page.locator(".shelf button svg polygon").count() == len(names)
    assert page.locator(".shelf button svg line").count() > 24 * 8
    take(page, "T-pose")
    (points,) = people(page)
    assert abs(points[4][1] - points[2][1]) < 5 and points[4][0] < points[3][0] < points[2][0]
    page.get_by_label("Name of the pose to keep").fill("my own")
    page.get_by_role("button", name="Keep this pose").click()
    press(page, "Standing pose")
    take(page, "my own")
    assert people(page)[0][4] == pytest.approx(points[4], abs=0.5)
    text = page.evaluate("editor.text")
    assert json.loads(text)["library"][0]["name"] == "my own" and read_edited(text) is not None
    page.get_by_role("button", name="Forget the pose my own").click()
    assert "library" not in json.loads(page.evaluate("editor.text"))


def test_poses_are_searched_and_sorted_and_own_ones_are_there_in_every_workflow(page):
    page.evaluate(
        """() => {
            window.kept = [];
            window.remake({ poses: { load: async () => window.kept, save: async poses => { window.kept = poses } } });
        }"""
    )
    take(page, "kneeling")
    shown = "[...document.querySelectorAll('.shelf button:first-child, .shelf > button')].map(b => b.ariaLabel)"
    page.get_by_label("Search poses").fill("sit floor")
    assert page.evaluate(shown) == ["sitting on the floor"]
    page.get_by_label("Search poses").fill("")
    page.get_by_label("Category").select_option("sitting, kneeling")
    assert "kneeling" in page.evaluate(shown) and "kick" not in page.evaluate(shown)
    page.get_by_label("Name of the pose to keep").fill("praying")
    page.get_by_role("button", name="Keep this pose").click()
    page.wait_for_function("kept.length === 1")
    assert "library" not in json.loads(page.evaluate("editor.text"))
    page.get_by_label("Category").select_option("my poses")
    assert page.evaluate(shown) == ["praying"]
    page.evaluate("window.remake({ poses: { load: async () => window.kept, save: async () => {} } })")
    take(page, "praying")  # another editor, with another workflow
    broken = "load: async () => { throw new Error('gone') }, save: async () => { window.kept = null }"
    page.evaluate(f"window.remake({{ poses: {{ {broken} }} }})")
    tab(page, "Library")
    page.wait_for_selector(".said:has-text('could not be read: gone')")
    page.get_by_role("button", name="Keep this pose").click()
    page.wait_for_timeout(100)
    assert page.evaluate("kept.length") == 1  # what could not be read is not overwritten


def parts(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("editor.state.person().parts")
    return found


def test_hands_and_face_are_shaped_by_presets_by_sliders_and_on_the_stage(page):
    tab(page, "Hands")
    page.get_by_role("button", name="Hand: fist").click()
    fist = parts(page)["handLeft"]
    assert len(fist) == 21 and fist[0] == people(page)[0][7]
    page.get_by_role("button", name="Hand: open").click()
    opened = parts(page)["handLeft"]
    assert math.dist(opened[12], opened[0]) > 1.5 * math.dist(fist[12], fist[0])
    page.get_by_label("Curl of the index finger").fill("0.5")
    curled = parts(page)["handLeft"]
    assert curled[:6] == opened[:6] and curled[9:] == opened[9:] and math.dist(curled[8], opened[8]) > 3
    page.get_by_label("Part of the body").select_option("face")
    page.get_by_role("button", name="Add a face").click()
    (before,), face = people(page), parts(page)["face"]
    page.get_by_label("Turn of the head").fill("40")
    (after,) = people(page)
    assert after[0][0] > before[0][0] + 5 and after[1:14] == before[1:14]
    assert parts(page)["face"][30][0] > face[30][0] + 5
    press(page, "Undo")
    assert people(page) == [before] and parts(page)["face"] == face  # one step
    page.evaluate("() => { editor.stage.view = { zoom: 6, x: 180, y: 70 }; editor.stage.render() }")
    (x, y) = page.evaluate(
        "() => { const b = [...document.querySelectorAll('circle[data-part=face]')][8].getBoundingClientRect();"
        " return [b.x + b.width / 2, b.y + b.height / 2] }"
    )
    drag(page, (x, y), (0, 30))  # the chin
    chin = parts(page)["face"][8]
    assert chin[1] > face[8][1] + 1 and people(page) == [before]
    edit = read_edited(page.evaluate("editor.text"))
    assert edit is not None
    (pose,) = edit.frames[0].people
    assert pose.hand_left is not None and pose.face is not None and pose.face[8, 1] == pytest.approx(chin[1], abs=0.01)
    tab(page, "Pose")
    assert page.locator("circle.held").count() == 0


def test_keyframes_are_timed_ordered_and_played(page):
    tab(page, "Frames")
    page.get_by_role("button", name="Add a keyframe").click()
    take(page, "kick")
    tab(page, "Frames")
    page.get_by_role("option", name="Keyframe 1").click()
    page.get_by_label("Duration: frames to the next keyframe").fill("8")
    page.get_by_label("Duration: frames to the next keyframe").press("Enter")
    page.get_by_label("Easing to the next keyframe").select_option("linear")
    text = page.evaluate("editor.text")
    edit = read_edited(text)
    assert edit is not None and len(edit.sequence()) == 9
    for number in (3, 6):
        page.evaluate("number => editor.state.play(number)", number)
        expected = edit.sequence()[number].people[0]
        shown = [(0.0, 0.0) if point is None else point for point in people(page)[0]]
        assert [tuple(point) for point in shown] == [pytest.approx(tuple(xy), abs=0.02) for xy in expected.keypoints]
    page.evaluate("editor.state.play(null)")
    page.get_by_role("button", name="Play the sequence").click()
    page.wait_for_function("editor.state.played > 2")
    assert page.evaluate("editor.text") == text  # playing changes nothing
    drag(page, where(page, 4), (5, 5))
    assert page.evaluate("editor.state.played") is None
    page.wait_for_timeout(300)
    assert page.evaluate("editor.state.played") is None and page.evaluate("editor.text") != text
    page.get_by_role("button", name="Move this keyframe to the right").click()
    assert page.get_by_role("option", name="Keyframe 2").get_attribute("aria-selected") == "true"


@pytest.mark.parametrize("width", [302, 420])
def test_no_button_is_clipped_and_the_stage_stays_where_it_is_from_tab_to_tab(page, width):
    page.evaluate("width => { document.getElementById('place').style.width = `${width}px` }", width)
    tops = set()
    for name in ("Pose", "Library", "Hands", "People", "Frames", "View", "File"):
        tab(page, name)
        page.wait_for_timeout(300)
        beyond = page.evaluate(
            """() => {
                const { right } = document.querySelector('.dptn-panel').getBoundingClientRect();
                return [...document.querySelectorAll('.toolbar :is(button, input, select)')]
                    .filter(one => one.offsetParent && one.getBoundingClientRect().right > right)
                    .map(one => one.textContent || one.ariaLabel);
            }"""
        )
        assert beyond == [], name
        tops.add(page.locator(".stage").bounding_box()["y"])
    assert len(tops) == 1


def test_the_full_window_is_the_same_editor(page):
    press(page, "Full window")
    box = page.locator("dialog.dptn-window").bounding_box()
    assert (box["width"], box["height"]) == (900, 720)
    drag(page, where(page, 4), (-20, -60))
    text = page.evaluate("editor.text")
    assert text != ""
    page.keyboard.press("Control+Enter")
    assert page.evaluate("queued") == 1
    page.keyboard.press("Escape")  # once, although a joint is selected
    page.wait_for_selector("dialog", state="detached")
    assert page.locator("#place .dptn-panel").count() == 1 and page.evaluate("editor.text") == text
    press(page, "Full window")
    press(page, "Full window")
    assert page.locator("dialog").count() == 0


def test_everything_works_from_the_keyboard(page):
    page.locator('circle[data-joint="4"]').focus()
    (before,) = people(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    (after,) = people(page)
    assert after[4] == pytest.approx([before[4][0] - 1, before[4][1] - 10], abs=0.05)
    assert page.evaluate("document.activeElement.dataset.joint") == "4"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.joint") == "5"
    page.keyboard.press("Control+a")
    page.keyboard.press("ArrowRight")
    (all_moved,) = people(page)
    assert all_moved[10][0] == pytest.approx(after[10][0] + 1, abs=0.02)
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    assert people(page)[0][5] is None
    page.get_by_role("tab", name="Pose").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.textContent") == "Library"
    names = page.evaluate("[...document.querySelectorAll('.dptn-panel button')].map(b => b.title || b.textContent)")
    assert all(names)


def test_a_finger_pulls_and_two_fingers_zoom(page):
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    (before,) = people(page)
    x, y = where(page, 4)
    touch("touchStart", (x + 12, y))  # a finger is no needle
    touch("touchMove", (x + 2, y - 40))
    touch("touchEnd")
    (after,) = people(page)
    assert math.dist(before[4], after[4]) > 20
    text, zoom = page.evaluate("[editor.text, editor.stage.view.zoom]")
    touch("touchStart", (200, 400))
    touch("touchStart", (200, 400), (260, 400))
    touch("touchMove", (170, 400), (290, 400))
    touch("touchEnd")
    assert page.evaluate("editor.stage.view.zoom") == pytest.approx(2 * zoom, rel=0.05)
    assert page.evaluate("editor.text") == text


def test_wheel_and_middle_button_and_space_move_the_view_and_nothing_else(page):
    x, y = where(page, 1)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -300)
    assert page.evaluate("editor.stage.view.zoom") > 1.2
    assert where(page, 1) == pytest.approx((x, y), abs=1.5)
    drag(page, (200, 500), (30, 12), button="middle")
    assert where(page, 1) == pytest.approx((x + 30, y + 12), abs=1.5)
    page.locator(".stage").focus()
    page.keyboard.down("Space")
    drag(page, (200, 500), (-30, -12))
    page.keyboard.up("Space")
    assert where(page, 1) == pytest.approx((x, y), abs=1.5)
    press(page, "Show everything")
    assert page.evaluate("editor.stage.view.zoom") == 1
    assert page.evaluate("editor.text") == ""


def openpose(shift: float = 0.0) -> str:
    canvas = Canvas(400, 300)
    pose = standing_pose(canvas).transformed((1, 1), (shift, 0), canvas)
    return json.dumps(write_openpose([People((pose,), canvas)]))


def test_openpose_json_by_paste_drop_and_file(page, tmp_path):
    send = "text => { const data = new DataTransfer(); data.setData('text/plain', text);"
    page.evaluate(
        send + "document.querySelector('.stage').dispatchEvent(new ClipboardEvent('paste',"
        " { clipboardData: data, bubbles: true })) }",
        openpose(),
    )
    nose = people(page)[0][0]
    assert nose[0] == pytest.approx(200) and page.evaluate("editor.state.canvas.width") == 400
    page.evaluate(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], 'pose.json'));"
        "const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true });"
        "document.querySelector('.stage').dispatchEvent(drop) }",
        openpose(20),
    )
    page.wait_for_function("Math.abs(editor.state.people()[0].points[0][0] - 220) < 0.01")
    file = tmp_path / "other.json"
    file.write_text(openpose(-30))
    page.locator("input[type=file]").set_input_files(file)
    page.wait_for_function("Math.abs(editor.state.people()[0].points[0][0] - 170) < 0.01")
    tab(page, "File")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as a file").click()
    (frame,) = read_openpose(json.loads(download.value.path().read_text()))
    assert frame.canvas == Canvas(400, 300) and frame.people[0].keypoints[0, 0] == pytest.approx(170, abs=0.01)
    before = page.evaluate("editor.text")
    page.evaluate("editor.state.paste('nonsense')")
    assert "not valid JSON" in page.inner_text(".said") and page.evaluate("editor.text") == before


def test_what_is_wrong_is_marked_and_said(page):
    assert page.locator(".mark").count() == 0 and page.inner_text(".said") == ""
    page.evaluate("editor.state.nudge(1, [-200, 0], false)")
    assert page.locator(".mark").count() > 2 and "outside the image" in page.inner_text(".said")
    page.evaluate("editor.state.undo()")
    page.evaluate("editor.state.pull(editor.state.person(), 9, editor.state.person().points[8], true, {})")
    assert page.locator(".mark").count() == 1 and "right knee" in page.inner_text(".said")


def test_onion_skins_and_the_background(page):
    start = json.loads(openpose())
    page.evaluate("start => editor.setRun({ start, upstream: 'u', by_hand: false })", start)
    page.evaluate("editor.setBackground('/workflows/1_pose_transfer.jpg')")
    drag(page, where(page, 4), (-20, -20))
    assert page.locator(".connected, .before").count() == 0
    tab(page, "View")
    page.get_by_role("button", name="Show the connected pose").click()
    assert page.locator("line.connected").count() == len(LIMBS)
    page.get_by_role("button", name="Show the keyframe before").click()
    assert page.locator("line.before").count() == len(LIMBS)
    nose = "document.querySelector('circle[data-joint=\"0\"]').getAttribute('fill')"
    page.get_by_role("button", name="Show OpenPose colours").click()
    assert page.evaluate(nose) == "hsl(0 100% 50%)"
    page.get_by_role("button", name="Show OpenPose colours").click()
    assert page.evaluate(nose) == "#e8e8e8"
    page.get_by_label("Opacity of the background").fill("0.25")
    assert page.locator("image.background").get_attribute("opacity") == "0.25"


def test_people_are_taken_in_hand_added_and_removed(page):
    press(page, "Add a person")
    assert len(people(page)) == 2
    before = people(page)
    drag(page, where(page, 4, person=0), (-10, -30))
    after = people(page)
    assert page.evaluate("editor.state.active") == 0
    assert after[1] == before[1] and after[0] != before[0]
    press(page, "Remove this person")
    assert len(people(page)) == 1 and people(page)[0] == before[1]
    press(page, "Remove this person")
    assert people(page) == [] and page.locator("circle.joint").count() == 0
    assert "no person" in page.inner_text(".who >> nth=0")
    press(page, "Add a person")
    assert len(people(page)) == 1


def test_the_owner_hears_of_releases_and_of_nothing_after_disposal(page):
    drag(page, where(page, 4), (-10, -30))
    assert page.evaluate("released") == 1
    page.evaluate("editor.dispose()")
    count = page.evaluate("changes.length")
    drag(page, where(page, 7), (10, -30))
    assert page.evaluate("changes.length") == count
