/** Undo and redo of any immutable value; steps that belong to one gesture are merged. */

const MAX_STEPS = 200;

/** @template T */
export class History {
	/** @param {T} start */
	constructor(start) {
		this.now = start;
		this.reset(start);
	}

	/** Start afresh. @param {T} value */
	reset(value) {
		this.now = value;
		/** @type {{value: T, gesture: unknown}[]} */
		this.past = [];
		/** @type {T[]} */
		this.future = [];
	}

	/** @param {T} value @param {unknown} [gesture] */
	push(value, gesture) {
		if (gesture === undefined || this.past.at(-1)?.gesture !== gesture) {
			this.past.push({ value: this.now, gesture });
			if (this.past.length > MAX_STEPS) this.past.shift();
		}
		this.now = value;
		this.future = [];
	}

	/** Whether there was something to undo */
	undo() {
		const step = this.past.pop();
		if (!step) return false;
		this.future.push(this.now);
		this.now = step.value;
		return true;
	}

	/** Whether there was something to redo */
	redo() {
		const [next] = this.future.splice(-1);
		if (next === undefined) return false;
		this.past.push({ value: this.now, gesture: undefined });
		this.now = next;
		return true;
	}
}
