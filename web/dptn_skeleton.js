/** Puts the skeleton editor into Edit Skeleton, and its live posing into the host's queue. */

import { api } from "/scripts/api.js";
import { app } from "/scripts/app.js";

import { SkeletonEditor } from "./skeleton/editor.js";
import { idsInPrompt, LiveRuns, nearestDownstream } from "./skeleton/live.js";

const KIND = "DPTN_SKELETON";
const NODE = "DPTNEditSkeleton";
const DRAWS = "DPTNTransferPose";
const HEIGHT = 430;
const DRAFT = 256; // pixels of the longer side while somebody pulls
const CALM = 250; // milliseconds between drawings of the graph
const TIDY = 3000;
const PATIENCE = 500; // that an empty queue must stay so
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

/** @param {FileEntry} picture */
const pictureAt = (picture) => api.apiURL(`/view?${new URLSearchParams(picture)}`);

/** @type {(node: HostNode, name: string, otherwise: number) => number} */
function numberOf(node, name, otherwise) {
	const value = Number(node.widgets?.find((widget) => widget.name === name)?.value);
	return value > 0 ? value : otherwise;
}

/** Sends the graph with one editor's pose in it; only what the nearest Transfer Pose needs runs. */
class LivePrompts {
	/** @param {any} node @param {SkeletonEditor} editor */
	constructor(node, editor) {
		this.node = node;
		this.editor = editor;
		/** The graph as it was when the pull began: nothing but the pose changes until it ends. @type {any} */
		this.graph = null;
		/** @type {string[]} ids of the blocks that draw */
		this.targets = [];
		/** Whether they draw where the pose is. */
		this.inPlace = false;
		/** @type {Set<string>} to leave the queue's history: long ones slow the page */
		this.drafts = new Set();
	}

	/** @param {LiveKind} kind @returns {Promise<string | null>} */
	async send(kind) {
		try {
			if (kind === "full" || !this.graph) this.graph = await app.graphToPrompt();
			const ids = idsInPrompt(app.rootGraph ?? app.graph, this.node).filter(
				(id) => id in this.graph.output,
			);
			const targets = nearestDownstream(this.graph.output, ids, DRAWS);
			if (!targets.length) {
				this.editor.say("live: no Transfer Pose is connected");
				this.graph = null;
				return null;
			}
			this.editor.say("");
			this.targets = targets;
			const output = { ...this.graph.output };
			this.inPlace = targets.every((id) => output[id].inputs.size_and_place === "as the pose is");
			for (const id of ids) {
				// a text that comes along a wire counts, and nothing pulled here
				if (!Array.isArray(output[id].inputs.edited))
					output[id] = withInputs(output[id], { edited: this.editor.text });
			}
			// a draft's picture need not hold the workflow
			const workflow = kind === "full" ? this.graph.workflow : undefined;
			if (kind === "draft")
				for (const id of targets) output[id] = withInputs(output[id], { draft: DRAFT });
			else this.graph = null;
			// app.queuePrompt would also turn the seeds of other nodes
			const answer = await api.queuePrompt(
				-1,
				{ output, workflow },
				{ partialExecutionTargets: targets },
			);
			const id = answer.prompt_id ?? null;
			if (kind === "draft" && id) this.drafts.add(id);
			return id;
		} catch (error) {
			this.graph = null;
			this.editor.say(`live: ${error instanceof Error ? error.message : error}`);
			return null;
		}
	}

	/** A prompt has ended: those before it are in the history by now. @param {string | null | undefined} id */
	tidy(id) {
		for (const draft of this.drafts) {
			if (draft !== id && this.drafts.delete(draft)) api.deleteItem("history", draft);
		}
	}
}

/** @type {(node: Prompt[string], inputs: Record<string, unknown>) => Prompt[string]} */
const withInputs = (node, inputs) => ({ ...node, inputs: { ...node.inputs, ...inputs } });

/** @param {HostNode} node @param {SkeletonEditor} editor */
function liveRuns(node, editor) {
	const prompts = new LivePrompts(node, editor);
	let idle = false;
	/** @type {LiveRuns} */
	const runs = new LiveRuns({
		send: (kind) => prompts.send(kind),
		onEnd: (listener) => {
			const heard = (/** @type {CustomEvent} */ { detail }) => {
				listener(detail?.prompt_id);
				prompts.tidy(detail?.prompt_id);
				setTimeout(() => prompts.tidy(runs.inFlight ? runs.promptId : null), TIDY); // the last
			};
			const drawn = (/** @type {CustomEvent} */ { detail }) => {
				const images = prompts.targets.includes(String(detail?.node)) && detail.output?.images;
				const image = images?.[editor.state.timing().now] ?? images?.[0];
				if (image) editor.showPicture(pictureAt(image), prompts.inPlace);
			};
			// a prompt taken out of the queue, or that died with the host, ends without a word
			const counted = (/** @type {CustomEvent} */ { detail }) => {
				idle = detail?.exec_info?.queue_remaining === 0;
				const id = runs.promptId;
				if (idle && id) setTimeout(() => idle && listener(id), PATIENCE);
			};
			const back = () => runs.promptId && listener(runs.promptId);
			const gone = () => editor.say("live: the host does not answer");
			const ends = Object.fromEntries(ENDS.map((kind) => [kind, heard]));
			const all = Object.entries({
				...ends,
				executed: drawn,
				status: counted,
				reconnected: back,
				reconnecting: gone,
			});
			for (const [kind, act] of all) api.addEventListener(/** @type {any} */ (kind), act);
			return () => {
				for (const [kind, act] of all) api.removeEventListener(/** @type {any} */ (kind), act);
			};
		},
	});
	return runs;
}

/** Draw the graph seldom during a drag: its canvas takes the time live posing needs. @param {SkeletonEditor} editor */
function calm({ stage }, { canvas } = app) {
	if (canvas.pause_rendering) return;
	canvas.pause_rendering = true;
	const timer = setInterval(() => {
		canvas.pause_rendering = !!stage.gesture;
		if (!stage.gesture) clearInterval(timer);
		canvas.draw();
	}, CALM);
}

/** @param {HostNode} node @param {string} name */
function mount(node, name) {
	/** @type {LiveRuns | null} */
	let live = null;
	const ask = (/** @type {LiveKind} */ kind) => editor.live && live?.request(kind);
	const ownCanvas = () => ({
		width: numberOf(node, "width", 384),
		height: numberOf(node, "height", 512),
	});
	const editor = new SkeletonEditor({
		onChange: (text) => {
			// Nodes 2.0 reads the widget's own value, not only what getValue returns
			widget.value = text;
			widget.callback?.(text);
			if (editor.stage.gesture) {
				ask("draft");
				if (editor.live) calm(editor);
				return; // the graph is told when the pull ends
			}
			node.graph?.change?.();
			ask("full");
		},
		onRelease: () => {
			node.graph?.change?.();
			ask("full");
		},
		onLive: (on) => {
			if (!on) return live?.rest();
			live ??= liveRuns(node, editor); // kept when switched off: what it has in flight still counts when switched on again
			live.request("full");
		},
		// the block's canvas: of what is connected, once a run has said so, or else of its widgets
		canvas: () => {
			const given = node.inputs?.some(
				({ name, link }) => ["pose", "background"].includes(name) && link != null,
			);
			return given ? (editor.state.run?.canvas ?? null) : ownCanvas();
		},
		fallbackCanvas: ownCanvas,
	});
	const widget = node.addDOMWidget(name, KIND, editor.element, {
		getValue: () => editor.text,
		setValue: (/** @type {unknown} */ text) => editor.setText(typeof text === "string" ? text : ""),
		getMinHeight: () => HEIGHT,
		hideOnZoom: false,
	});
	node.dptnEditor = editor;
	const removed = node.onRemoved;
	node.onRemoved = (...given) => {
		live?.dispose();
		live = null;
		editor.dispose();
		return removed?.apply(node, given);
	};
	return { widget, minWidth: 360, minHeight: HEIGHT };
}

app.registerExtension({
	name: "dptn.skeleton",
	getCustomWidgets: () => /** @type {any} */ ({ [KIND]: mount }),
	/** @param {any} given */
	nodeCreated(given) {
		/** @type {HostNode} */
		const node = given;
		const { dptnEditor: editor } = node;
		if (node.comfyClass !== NODE || !editor) return;
		const executed = node.onExecuted;
		node.onExecuted = (/** @type {any} */ output) => {
			executed?.call(node, output);
			const said = output?.dptn_pose?.[0];
			if (said) editor.setRun(JSON.parse(said));
			const picture = output?.dptn_background?.[0];
			editor.setBackground(picture ? pictureAt(picture) : null);
		};
		for (const side of ["width", "height"]) {
			const widget = node.widgets?.find((one) => one.name === side);
			if (!widget) continue;
			const callback = widget.callback;
			widget.callback = (...given) => {
				callback?.apply(widget, given);
				editor.state.show();
			};
		}
	},
});
