/** The tab "Library": poses that ship, those kept in the workflow, and the artist's own. */

import { jointColour, TWO_BONES } from "./anatomy.js";
import { boxOf, distance, mean, middleOf, seen } from "./geometry.js";
import { CATEGORIES, POSES, takePose } from "./library.mjs";
import { messageOf } from "./openpose.js";
import { button, choice, html, row, svg } from "./page.js";
import { keptPose } from "./person.js";

const ALL = "all poses";
const OWN = "my poses";
const HERE = "in this workflow";
const BODY = "#b9bcc4";
const THICK = [0.2, 0.16, 0.29, 0.22]; // upper and lower arm, thigh and shin, in trunk lengths

export class Shelf {
	/** @param {EditorState} state @param {PoseStore | undefined} store poses of all workflows */
	constructor(state, store) {
		this.state = state;
		this.store = store;
		/** @type {KeptPose[]} */
		this.own = [];
		/** What the buttons were made from. @type {unknown[]} */
		this.shown = [];
		this.search = html("input", {
			type: "search",
			placeholder: "search",
			"aria-label": "Search poses",
		});
		this.search.addEventListener("input", () => this.render());
		const groups = [ALL, ...(store ? [OWN] : []), HERE, ...CATEGORIES];
		this.group = choice("Category", groups, "", () => this.render());
		const name = html("input", {
			type: "text",
			placeholder: "name",
			"aria-label": "Name of the pose to keep",
			maxlength: 60,
		});
		const places = store ? [OWN, HERE] : [HERE];
		const place = choice("Where to keep the pose", places, "", () => {});
		const keep = button("keep", "Keep this pose", () => {
			this.keep(name.value.trim(), place.value === OWN);
			name.value = "";
		});
		this.poses = html("div", { class: "shelf" });
		const head = row(this.search, this.group);
		this.element = html("div", { class: "library" }, head, this.poses, row(name, place, keep));
		this.render();
		this.load();
	}

	/** Whether the artist's own poses could be read. */
	async load() {
		try {
			this.own = (await this.store?.load()) ?? [];
			this.render();
			return true;
		} catch (error) {
			this.state.say(`your own poses could not be read: ${messageOf(error)}`);
			return false;
		}
	}

	/** @param {KeptPose[]} own */
	async save(own) {
		try {
			await this.store?.save(own);
			this.own = own;
		} catch (error) {
			this.state.say(`your own poses could not be saved: ${messageOf(error)}`);
		}
		this.render();
	}

	/** @param {string} name @param {boolean} own for all workflows, not in this one */
	async keep(name, own) {
		const { state } = this;
		if (!own) return state.keepPose(name || `pose ${state.shown().library.length + 1}`);
		const person = state.person();
		if (!person) return;
		// another page may have kept one since; and what cannot be read must not be overwritten
		if (!(await this.load())) return;
		await this.save([...this.own, keptPose(name || `pose ${this.own.length + 1}`, person)]);
	}

	/** Everything there is, with the group it is in and how to forget it. */
	everything() {
		const { state } = this;
		return [
			...this.own.map((pose) => ({
				...pose,
				group: OWN,
				forget: () => this.save(this.own.filter((other) => other !== pose)),
			})),
			...state.shown().library.map((pose, index) => ({
				...pose,
				group: HERE,
				forget: () => state.dropPose(index),
			})),
			...POSES.map((pose) => ({ ...pose, parts: undefined, group: pose.category, forget: null })),
		];
	}

	render() {
		const { library } = this.state.shown();
		const words = this.search.value.toLowerCase().split(/\s+/);
		const group = this.group.value;
		const shown = [library, this.own, words.join(" "), group];
		if (shown.every((part, index) => part === this.shown[index])) return;
		this.shown = shown;
		const found = this.everything().filter((pose) => {
			const text = `${pose.name} ${pose.group}`.toLowerCase();
			return (group === ALL || group === pose.group) && words.every((word) => text.includes(word));
		});
		const buttons = found.map(({ name, points, parts, forget }) => {
			const take = () => takePose(this.state, points, parts);
			const one = button("", name, take, figure(points), html("span", {}, name));
			if (!forget) return one;
			const drop = button("×", `Forget the pose ${name}`, forget);
			return html("span", { class: "own" }, one, drop);
		});
		this.poses.replaceChildren(...(buttons.length ? buttons : ["no pose has these words"]));
	}
}

/** A small body in a pose: what is right is warm, what is left is cool. @param {Points} points */
function figure(points) {
	const there = seen(points);
	const box = boxOf(there);
	const side = Math.max(box.right - box.left, box.bottom - box.top, 1e-3) * 1.3;
	const [x, y] = middleOf(box);
	const viewBox = `${x - side / 2} ${y - side / 2} ${side} ${side}`;
	const image = svg("svg", { viewBox, class: "thumbnail", "aria-hidden": "true" });
	const trunk = seen([2, 5, 11, 8].map((joint) => points[joint]));
	const [neck, hips] = [points[1], seen([points[8], points[11]])];
	const unit = neck && hips.length ? distance(neck, mean(hips)) : side / 3;
	/** @type {(ends: Points, width: number, stroke: string) => SVGElement[]} */
	const line = ([from, to], width, stroke) => {
		if (!from || !to) return [];
		const [[x1, y1], [x2, y2]] = [from, to];
		const round = { "stroke-linecap": "round", "stroke-width": width * unit };
		return [svg("line", { x1, y1, x2, y2, stroke, ...round })];
	};
	const limb = (/** @type {number} */ index) => {
		const [end, middle, root] = TWO_BONES[index];
		const [upper, lower] = THICK.slice(index < 2 ? 0 : 2);
		const colour = jointColour(end);
		return [
			...line([points[root], points[middle]], upper, colour),
			...line([points[middle], points[end]], lower, colour),
		];
	};
	const face = seen([0, 14, 15, 16, 17].map((joint) => points[joint]));
	const [cx, cy] = face.length ? mean(face) : [0, 0];
	image.append(
		...[2, 3].flatMap(limb),
		svg("polygon", {
			fill: BODY,
			stroke: BODY,
			points: trunk.map((point) => point.join()).join(" "),
			"stroke-width": unit * 0.22,
			"stroke-linejoin": "round",
		}),
		...(face.length ? line([neck, [cx, cy]], 0.16, BODY) : []),
		...(face.length ? [svg("circle", { fill: BODY, cx, cy, r: unit * 0.24 })] : []),
		...[0, 1].flatMap(limb),
	);
	return image;
}
