/** A question over the stage, and a button for each answer. */

import { button, html } from "./page.js";

export class QuestionBar {
	/** @param {EditorState} state */
	constructor(state) {
		this.state = state;
		this.element = html("div", { class: "asked", role: "group", hidden: "" });
		/** @type {string | undefined} */
		this.shown = undefined;
	}

	render() {
		const question = this.state.question();
		this.element.hidden = !question;
		if (question?.text === this.shown) return;
		this.shown = question?.text;
		if (!question) return this.element.replaceChildren();
		this.element.setAttribute("aria-label", question.text);
		const answers = Object.keys(question.answers).map((name) =>
			button(name, name, () => this.state.answer(name)),
		);
		this.element.replaceChildren(html("span", { role: "status" }, question.text), ...answers);
	}
}
