/** Making elements. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name @param {Record<string, string | number>} attributes @param {string} [text]
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, attributes, text = undefined) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name @param {Record<string, string | number>} attributes @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** @param {string} label @param {string} title @param {() => void} act */
export function button(label, title, act) {
  const element = html("button", { type: "button", title, "aria-label": title }, label);
  element.addEventListener("click", act);
  return element;
}

/** A button that stays down. @param {string} label @param {string} title @param {(on: boolean) => void} act */
export function toggle(label, title, act) {
  const element = button(label, title, () => {
    const on = element.getAttribute("aria-pressed") !== "true";
    element.setAttribute("aria-pressed", String(on));
    act(on);
  });
  element.setAttribute("aria-pressed", "false");
  return element;
}

/** @param {string} label @param {Record<string, string>} options value to text @param {(value: string) => void} act */
export function choice(label, options, act) {
  const element = html("select", { "aria-label": label, title: label });
  for (const [value, text] of Object.entries(options)) element.append(html("option", { value }, text));
  element.addEventListener("change", () => act(element.value));
  return element;
}
