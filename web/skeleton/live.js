/**
 * Live posing: while a pose is pulled about, the host's own queue draws the person again.
 *
 * One prompt is in flight at most and the newest pose wins: whatever changes meanwhile is asked for once, when the prompt
 * has ended. The parts that touch the page or the host come in from outside, so that this can be tested without either.
 */

/**
 * @typedef {object} Queue
 * @property {() => Promise<string | null>} send puts the graph as it is now into the queue; the prompt's id, null if refused
 * @property {(listener: (promptId: string) => void) => (() => void)} onEnd tells of prompts that ended, in whatever way
 */

export class LiveRuns {
  /** @param {Queue} queue */
  constructor(queue) {
    this.queue = queue;
    this.inFlight = false;
    this.wanted = false;
    /** @type {string | null} */
    this.promptId = null;
    /** Ids that ended before `send` had told which one is ours. @type {Set<string>} */
    this.ended = new Set();
    this.stopListening = queue.onEnd((promptId) => this.end(promptId));
  }

  /** Ask for the graph as it is now. */
  async request() {
    if (this.inFlight) {
      this.wanted = true;
      return;
    }
    this.inFlight = true;
    this.wanted = false;
    this.promptId = null;
    this.ended.clear();
    let promptId = null;
    try {
      promptId = await this.queue.send();
    } finally {
      this.promptId = promptId;
      if (promptId === null || this.ended.has(promptId)) this.next();
    }
  }

  end(promptId) {
    if (!this.inFlight) return;
    if (this.promptId === null) this.ended.add(promptId);
    else if (promptId === this.promptId) this.next();
  }

  next() {
    this.inFlight = false;
    if (this.wanted) this.request();
  }

  /** Forget what was asked for, and listen no more. */
  dispose() {
    this.wanted = false;
    this.stopListening();
  }
}

/**
 * The nearest nodes of a kind downstream, over any number of nodes in between.
 * @param {number | string} start @param {string} kind
 * @param {{links: (id: number | string) => (number | string)[], kindOf: (id: number | string) => string | undefined}} graph
 * @returns {(number | string)[]}
 */
export function nearestDownstream(start, kind, graph) {
  const seen = new Set([start]);
  let edge = [start];
  while (edge.length) {
    const next = edge.flatMap((id) => graph.links(id)).filter((id) => !seen.has(id) && seen.add(id));
    const found = next.filter((id) => graph.kindOf(id) === kind);
    if (found.length) return found;
    edge = next;
  }
  return [];
}
