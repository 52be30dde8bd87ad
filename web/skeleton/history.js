/** Undo and redo of any immutable value; steps that belong to one gesture are merged. */

const MOST = 200;

/** @template T */
export class History {
	/** @param {T} start */
	constructor(start) {
		this.now = start;
		/** @type {{value: T, gesture: unknown}[]} */
		this.past = [];
		/** @type {T[]} */
		this.future = [];
	}

	/** Start afresh. @param {T} value */
	reset(value) {
		this.now = value;
		this.past = [];
		this.future = [];
	}

	/** @param {T} value @param {unknown} [gesture] changes with the same one are undone together */
	push(value, gesture) {
		if (gesture === undefined || this.past.at(-1)?.gesture !== gesture) {
			this.past.push({ value: this.now, gesture });
			if (this.past.length > MOST) this.past.shift();
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
		if (!this.future.length) return false;
		this.past.push({ value: this.now, gesture: undefined });
		this.now = this.future.splice(-1)[0];
		return true;
	}
}
