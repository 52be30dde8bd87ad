/** Making elements. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {Element} T @param {T} element @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function filled(element, attributes, children) {
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
	element.append(...children);
	return element;
}

/** @template {keyof SVGElementTagNameMap} Name @param {Name} name @param {Attributes} attributes
 * @param {...(Node | string)} children */
export const svg = (name, attributes, ...children) =>
	filled(document.createElementNS(SVG, name), attributes, children);

/** @template {keyof HTMLElementTagNameMap} Name @param {Name} name @param {Attributes} [attributes]
 * @param {...(Node | string)} children */
export const html = (name, attributes = {}, ...children) =>
	filled(document.createElement(name), attributes, children);

/** Buttons and fields in a line. @param {...(Node | string)} children */
export const row = (...children) => html("div", { class: "row" }, ...children);

/** @param {string} label @param {string} title @param {() => void} act @param {...Node} children */
export function button(label, title, act, ...children) {
	// voice control goes by what is seen
	const words = (/** @type {string} */ text) => text.toLowerCase().split(/[^a-z]+/);
	const name = words(label).every((word) => !word || words(title).includes(word))
		? title
		: `${title}, ${label}`;
	const element = html("button", { type: "button", title, "aria-label": name }, label, ...children);
	element.addEventListener("click", act);
	return element;
}

/**
 * A button that stays down.
 * @param {string} label @param {string} title @param {(on: boolean) => void} act
 */
export function toggle(label, title, act) {
	const element = button(label, title, () => {
		const on = element.getAttribute("aria-pressed") !== "true";
		element.setAttribute("aria-pressed", String(on));
		act(on);
	});
	element.setAttribute("aria-pressed", "false");
	return element;
}

/**
 * A slider.
 * @param {string} label @param {Attributes} range @param {(value: number) => void} act
 */
export function slider(label, range, act) {
	const element = html("input", { type: "range", ...range, "aria-label": label });
	element.addEventListener("input", () => act(Number(element.value)));
	return element;
}

/**
 * @param {string} label @param {(string | number)[]} values @param {string} unit
 * @param {(value: string) => void} act
 */
export function choice(label, values, unit, act) {
	const options = values.map((value) => html("option", { value }, `${value}${unit}`));
	const element = html("select", { "aria-label": label, title: label }, ...options);
	element.addEventListener("change", () => act(element.value));
	return element;
}

/** By how many places an arrow key moves along a line. @param {KeyboardEvent} event */
export const arrowStep = ({ key }) => (key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0);
