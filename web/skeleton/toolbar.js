/** The editor's buttons: a line that is always there, and under it the one of a chosen tab. */

import { JOINTS } from "./anatomy.js";
import { thumbnail } from "./figure.js";
import { POSES } from "./library.js";
import { button, html, toggle } from "./page.js";

/** @import { EditorState } from "./state.js" */
/** @import { Stage } from "./stage.js" */

/** @typedef {{live: (on: boolean) => void, enlarge: () => void}} Actions what goes beyond the pose */

const TABS = ["Pose", "Library", "People", "Frames", "View", "File"];

export class Toolbar {
  /** @param {EditorState} state @param {Stage} stage @param {Actions} actions @param {HTMLElement} frames the row of the tab "Frames" */
  constructor(state, stage, actions, frames) {
    this.state = state;
    this.stage = stage;
    this.undo = button("↶", "Undo (Ctrl+Z)", () => state.undo());
    this.redo = button("↷", "Redo (Ctrl+Y)", () => state.redo());
    this.live = toggle("live", "Live posing: draw the person while you pull", actions.live);
    this.large = button("full", "Full window", actions.enlarge);
    this.kept = html("span", { class: "kept" });
    this.missing = html("span", { class: "missing" });
    this.tabs = TABS.map((name, index) => {
      const tab = html("button", { type: "button", role: "tab" }, name);
      tab.addEventListener("click", () => this.open(index));
      return tab;
    });
    this.rows = [this.poseRow(), this.libraryRow(), this.peopleRow(), frames, this.viewRow(), this.fileRow()];
    const tabs = html("div", { class: "tabs", role: "tablist" }, ...this.tabs);
    tabs.addEventListener("keydown", (event) => this.arrow(event));
    this.element = html("div", { class: "toolbar" });
    this.element.append(html("div", { class: "row top" }, this.undo, this.redo, tabs, this.live, this.large), ...this.rows);
    this.rows.forEach((row, index) => {
      row.setAttribute("role", "tabpanel");
      row.setAttribute("aria-label", TABS[index]);
    });
    this.open(0);
  }

  /** @param {number} index */
  open(index) {
    this.tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
      this.rows[at].hidden = at !== index;
    });
    this.state.show();
  }

  /** @param {KeyboardEvent} event */
  arrow(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const next = (this.tabs.findIndex((tab) => tab.tabIndex === 0) + step + TABS.length) % TABS.length;
    this.open(next);
    this.tabs[next].focus();
  }

  poseRow() {
    const { state } = this;
    this.hideButton = button("hide", "Hide the selected joints (Delete)", () => state.hide([...state.selected]));
    return html(
      "div", { class: "row" },
      button("mirror", "Mirror this person (left and right change names)", () => state.mirror()),
      button("L→R", "Copy the left side to the right", () => state.copySide("left")),
      button("R→L", "Copy the right side to the left", () => state.copySide("right")),
      toggle("symmetric", "Symmetric: the other side does the same in the mirror", (on) => (state.symmetric = on)),
      toggle("free", "Free: joints move alone and lengths change (Alt)", (on) => (state.free = on)),
      button("straighten", "Straighten the selected limbs, or all", () => state.straighten()),
      button("upright", "Turn this person upright", () => state.setUpright()),
      button("stand", "Standing pose", () => state.stand()),
      (this.reset = button("reset", "Drop the edit: the connected pose, or a standing person", () => state.reset())),
      button("select all", "Select all joints (Ctrl+A)", () => state.selectAll()),
      this.hideButton,
      this.missing,
    );
  }

  libraryRow() {
    const { state } = this;
    const shelf = html("div", { class: "shelf" });
    for (const { name, points } of POSES) {
      const pose = button("", name, () => state.takePose(points));
      pose.append(thumbnail([points]), html("span", {}, name));
      shelf.append(pose);
    }
    const name = html("input", { type: "text", placeholder: "name", "aria-label": "Name of the pose to keep", maxlength: 60 });
    const keep = button("+ keep this pose", "Keep this pose in the workflow", () => {
      state.keepPose(name.value.trim() || `pose ${state.shown().library.length + 1}`);
      name.value = "";
    });
    return html("div", { class: "library" }, html("div", { class: "row" }, name, keep), this.kept, shelf);
  }

  peopleRow() {
    const { state } = this;
    this.remove = button("− person", "Remove this person", () => state.removePerson());
    this.who = html("span", { class: "who" });
    const next = (/** @type {number} */ by) => () => {
      const count = state.people().length;
      if (count) state.takePerson((state.active + by + count) % count);
    };
    return html(
      "div", { class: "row" },
      button("+ person", "Add a person", () => state.addPerson()),
      this.remove,
      button("◂", "Person before", next(-1)),
      this.who,
      button("▸", "Next person", next(1)),
    );
  }

  viewRow() {
    const { stage } = this;
    const opacity = html("input", { type: "range", min: 0, max: 1, step: 0.05, value: stage.look.background, "aria-label": "Opacity of the background" });
    opacity.addEventListener("input", () => {
      stage.look.background = Number(opacity.value);
      stage.render();
    });
    const look = (/** @type {"connected" | "before"} */ what) => (/** @type {boolean} */ on) => {
      stage.look[what] = on;
      stage.render();
    };
    return html(
      "div", { class: "row" },
      button("fit", "Show everything (0)", () => stage.fit()),
      button("−", "Zoom out (-)", () => stage.zoomBy(1 / 1.25)),
      button("+", "Zoom in (+)", () => stage.zoomBy(1.25)),
      html("label", {}, "background ", opacity),
      toggle("connected pose", "Show the connected pose under the edit", look("connected")),
      toggle("pose before", "Show the keyframe before, or the pose before the last change", look("before")),
    );
  }

  fileRow() {
    const { state } = this;
    const file = html("input", { type: "file", accept: ".json,application/json", hidden: "" });
    file.addEventListener("change", () => {
      file.files?.[0]?.text().then((text) => state.paste(text));
      file.value = "";
    });
    return html(
      "div", { class: "row" },
      file,
      button("open", "Open a file of OpenPose JSON", () => file.click()),
      button("save", "Save as a file of OpenPose JSON", () => this.save()),
      button("copy", "Copy as OpenPose JSON", () => this.copy()),
      button("paste", "Paste OpenPose JSON", () => this.paste()),
    );
  }

  save() {
    const url = URL.createObjectURL(new Blob([this.state.asOpenPose()], { type: "application/json" }));
    html("a", { href: url, download: "pose.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  copy() {
    const done = navigator.clipboard?.writeText(this.state.asOpenPose());
    if (!done) this.state.say("this page may not use the clipboard; save a file instead");
    else done.then(() => this.state.say("copied"), () => this.state.say("the browser did not allow copying"));
  }

  paste() {
    const read = navigator.clipboard?.readText?.();
    if (!read) this.state.say("this page may not read the clipboard; press Ctrl+V on the editor, or drop a file on it");
    else read.then((text) => this.state.paste(text), () => this.state.say("the browser did not allow pasting; press Ctrl+V on the editor"));
  }

  render() {
    const { state } = this;
    const people = state.people();
    this.undo.disabled = !state.history.past.length;
    this.redo.disabled = !state.history.future.length;
    this.reset.disabled = !state.edit?.frames.length;
    this.remove.disabled = !people.length;
    this.hideButton.disabled = !state.selected.size;
    this.who.textContent = people.length ? `person ${state.active + 1} of ${people.length}` : "nobody";
    const points = state.person()?.points ?? [];
    const missing = points.flatMap((point, joint) => (point ? [] : [joint]));
    this.missing.replaceChildren(
      ...missing.map((joint) => button(`+ ${JOINTS[joint]}`, `Bring back the ${JOINTS[joint]}`, () => state.bringBack(joint))),
    );
    this.renderKept();
  }

  renderKept() {
    const { library } = this.state.shown();
    if (this.shownLibrary === library) return;
    this.shownLibrary = library;
    this.kept.replaceChildren(
      ...library.flatMap(({ name, points }, index) => {
        const pose = button("", name, () => this.state.takePose(points));
        pose.append(thumbnail([points]), html("span", {}, name));
        return [html("span", { class: "own" }, pose, button("×", `Forget the pose ${name}`, () => this.state.dropPose(index)))];
      }),
    );
  }
}
