/**
 * Live posing: while a joint is dragged, the host's own queue generates the person again.
 *
 * One prompt is in flight at most and the newest pose wins: whatever changes meanwhile is asked for
 * once, when the prompt has ended. The parts that touch the page or the host come in from outside,
 * so that this can be tested without either.
 */

export class LiveRuns {
	/** @param {Queue} queue */
	constructor(queue) {
		this.queue = queue;
		this.inFlight = false;
		/** @type {LiveKind | null} */
		this.wanted = null;
		/** @type {string | null} */
		this.promptId = null;
		/** Ids that ended before `send` had told which one is ours. @type {Set<string>} */
		this.ended = new Set();
		this.stopListening = queue.onEnd((promptId) => this.end(promptId));
	}

	/** Ask for the graph as it is now. @param {LiveKind} kind */
	async request(kind) {
		if (this.inFlight) {
			this.wanted = kind;
			return;
		}
		this.inFlight = true;
		this.wanted = null;
		this.promptId = null;
		this.ended.clear();
		let promptId = null;
		try {
			promptId = await this.queue.send(kind);
		} finally {
			this.promptId = promptId;
			if (promptId === null || this.ended.has(promptId)) this.next();
		}
	}

	/** @param {string} promptId */
	end(promptId) {
		if (!this.inFlight) return;
		if (this.promptId === null) this.ended.add(promptId);
		else if (promptId === this.promptId) this.next();
	}

	next() {
		this.inFlight = false;
		if (this.wanted) this.request(this.wanted);
	}

	/** Forget what was asked for. */
	rest() {
		this.wanted = null;
	}

	/** The same, and listen no more. */
	dispose() {
		this.rest();
		this.stopListening();
	}
}

/**
 * The nearest nodes of a kind downstream, over any number of others in between.
 * @param {Prompt} prompt @param {string[]} starts ids @param {string} kind @returns {string[]} ids
 */
export function nearestDownstream(prompt, starts, kind) {
	/** @type {Map<string, string[]>} */
	const takenBy = new Map();
	for (const [id, { inputs }] of Object.entries(prompt)) {
		for (const input of Object.values(inputs)) {
			if (Array.isArray(input) && input.length === 2)
				takenBy.set(String(input[0]), [...(takenBy.get(String(input[0])) ?? []), id]);
		}
	}
	const seen = new Set(starts);
	let edge = starts;
	while (edge.length) {
		const next = edge
			.flatMap((id) => takenBy.get(id) ?? [])
			.filter((id) => !seen.has(id) && seen.add(id));
		const found = next.filter((id) => prompt[id].class_type === kind);
		if (found.length) return found;
		edge = next;
	}
	return [];
}

/**
 * What a prompt calls a node: its id, within subgraphs those of the nodes around it first, and one
 * for each place the subgraph is used.
 * @param {HostGraph | undefined} graph the outermost one @param {object} node @param {string}
 * [prefix] @returns {string[]}
 */
export function idsInPrompt(graph, node, prefix = "") {
	return (graph?._nodes ?? graph?.nodes ?? []).flatMap((other) => {
		if (other === node) return [`${prefix}${other.id}`];
		return other.subgraph ? idsInPrompt(other.subgraph, node, `${prefix}${other.id}:`) : [];
	});
}
