/** Puts the skeleton editor into Edit Skeleton, and its live posing into the host's queue. */

import { api } from "/scripts/api.js";
import { app } from "/scripts/app.js";

import { showInApp } from "./skeleton/appmode.js";
import { SkeletonEditor } from "./skeleton/editor.js";
import { idsInPrompt, LiveRuns, nearestDownstream } from "./skeleton/live.js";
import { messageOf } from "./skeleton/openpose.js";
import { ownPoses } from "./skeleton/ownposes.js";
import { greyOut, isConnected, lastOutput, loadedFile } from "./skeleton/upstream.js";

const KIND = "DPTN_SKELETON";
const NODE = "DPTNEditSkeleton";
const GENERATES = "DPTNTransferPose";
const HEIGHT = 460;
const DRAFT = 256; // pixels of the longer side during a drag
const CALM = 250; // milliseconds between drawings of the graph
const TIDY = 3000; // milliseconds without a prompt after which drafts leave the history,
const MANY = 20; // or this many of them
const PATIENCE = 500; // that an empty queue must stay so
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

/** @type {(image: HostImage) => string} */
const imageUrl = (image) => api.apiURL(`/view?${new URLSearchParams(image)}`);

/** @param {HostNode} node @param {string} name @param {number} otherwise */
function numberOf(node, name, otherwise) {
	const value = Number(node.widgets?.find((widget) => widget.name === name)?.value);
	return value > 0 ? value : otherwise;
}

/** Sends the graph with one editor's pose in it; only what the nearest Transfer Pose needs runs. */
class LivePrompts {
	/** @param {HostNode} node @param {SkeletonEditor} editor */
	constructor(node, editor) {
		this.node = node;
		this.editor = editor;
		/** The graph as it was when the drag began: nothing but the pose changes until it ends.
		 * @type {{output: Prompt, workflow: object} | null} */
		this.graph = null;
		/** @type {string[]} ids of the nodes that generate */
		this.targets = [];
		/** Whether they generate where the pose is. */
		this.inPlace = false;
		/** @type {Set<string>} to leave the queue's history: long ones slow the page */
		this.drafts = new Set();
	}

	/** @param {LiveKind} kind */
	async send(kind) {
		try {
			if (kind === "full" || !this.graph) this.graph = await app.graphToPrompt();
			const { output: prompt, workflow: whole } = this.graph;
			const ids = idsInPrompt(app.rootGraph ?? app.graph, this.node).filter((id) => id in prompt);
			const targets = nearestDownstream(prompt, ids, GENERATES);
			if (!targets.length) {
				this.editor.say("live: no Transfer Pose is connected");
				this.graph = null;
				return null;
			}
			this.editor.say("");
			this.targets = targets;
			const output = { ...prompt };
			this.inPlace = targets.every((id) => output[id].inputs.size_and_place === "as the pose is");
			for (const id of ids) {
				// a linked text counts, not the editor's
				if (!Array.isArray(output[id].inputs.edited))
					output[id] = withInputs(output[id], { edited: this.editor.text });
			}
			// a draft's image need not hold the workflow
			const workflow = kind === "full" ? whole : undefined;
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
			this.editor.say(`live: ${messageOf(error)}`);
			return null;
		}
	}

	/**
	 * Take drafts out of the history, all with one request, as each would delay the next draft.
	 * @param {string | null} [running] the one that is not in the history yet
	 */
	tidy(running) {
		const ended = [...this.drafts].filter((draft) => draft !== running);
		if (!ended.length) return;
		for (const draft of ended) this.drafts.delete(draft);
		api.fetchApi("/history", { method: "POST", body: JSON.stringify({ delete: ended }) });
	}
}

/** @type {(node: Prompt[string], inputs: Record<string, unknown>) => Prompt[string]} */
const withInputs = (node, inputs) => ({ ...node, inputs: { ...node.inputs, ...inputs } });

/** @param {HostNode} node @param {SkeletonEditor} editor */
function liveRuns(node, editor) {
	const prompts = new LivePrompts(node, editor);
	let idle = false;
	/** @type {ReturnType<typeof setTimeout> | undefined} */
	let calmed;
	/** @type {LiveRuns} */
	const runs = new LiveRuns({
		send: (kind) => prompts.send(kind),
		onEnd: (listener) => {
			/** @typedef {CustomEvent<QueueEvent>} Told */
			const heard = (/** @type {Told} */ { detail }) => {
				const id = detail?.prompt_id;
				if (id) listener(id);
				if (prompts.drafts.size > MANY) prompts.tidy(id);
				clearTimeout(calmed);
				calmed = setTimeout(() => prompts.tidy(runs.inFlight ? runs.promptId : null), TIDY);
			};
			const generated = (/** @type {Told} */ { detail }) => {
				if (!prompts.targets.includes(String(detail?.node))) return;
				const images = detail.output?.images;
				const image = images?.[editor.state.timing().now] ?? images?.[0];
				if (image) editor.showImage(imageUrl(image), prompts.inPlace);
				showInApp(app.extensionManager.workflow?.activeWorkflow?.path, detail);
			};
			// a prompt removed from the queue, or lost with the host, ends without an event
			const counted = (/** @type {Told} */ { detail }) => {
				idle = detail?.exec_info?.queue_remaining === 0;
				const id = runs.promptId;
				if (idle && id) setTimeout(() => idle && listener(id), PATIENCE);
			};
			const back = () => runs.promptId && listener(runs.promptId);
			const gone = () => editor.say("live: the host does not answer");
			const ends = Object.fromEntries(ENDS.map((kind) => [kind, heard]));
			const all = Object.entries({
				...ends,
				executed: generated,
				status: counted,
				reconnected: back,
				reconnecting: gone,
			});
			for (const [kind, act] of all) api.addEventListener(kind, act);
			return () => {
				for (const [kind, act] of all) api.removeEventListener(kind, act);
			};
		},
	});
	return runs;
}

/**
 * Draw the graph less often during a drag: its canvas takes the time live posing needs.
 * @param {SkeletonEditor} editor
 */
function calm({ stage }) {
	const { canvas } = app;
	if (canvas.pause_rendering) return;
	canvas.pause_rendering = true;
	const timer = setInterval(() => {
		canvas.pause_rendering = !!stage.gesture;
		if (!stage.gesture) clearInterval(timer);
		canvas.draw();
	}, CALM);
}

/**
 * What lies under the pose: the image of a connected Load Image as soon as it is chosen, or else
 * what the last run returned, which the page still knows when its workflow is opened again.
 */
class Background {
	/** @param {HostNode} node @param {SkeletonEditor} editor */
	constructor(node, editor) {
		this.node = node;
		this.editor = editor;
		/** @type {string | null} address of the image whose size is known */
		this.address = null;
		/** @type {Canvas | null} its size */
		this.canvas = null;
		const look = () => this.look();
		this.seen = new IntersectionObserver(look);
		this.seen.observe(editor.element);
		editor.element.addEventListener("pointerenter", look);
		api.addEventListener("graphChanged", look);
		const { onConnectionsChange } = node;
		node.onConnectionsChange = (...given) => {
			onConnectionsChange?.apply(node, given);
			setTimeout(look); // some front ends call before they connect
		};
		this.stop = () => {
			this.seen.disconnect();
			api.removeEventListener("graphChanged", look);
		};
	}

	/** See what is connected now. */
	look() {
		const { node, editor } = this;
		if (!node.graph) return; // not yet in one, or no more
		const [image, pose] = ["background", "pose"].map((name) => isConnected(node, name));
		greyOut(node, ["width", "height"], image || pose);
		if (!editor.state.run) this.take(lastOutput(app.nodeOutputs, node));
		if (!image) this.show(null);
		const file = loadedFile(node, "background");
		if (!file) return this.forget();
		const address = imageUrl(file);
		if (address === this.address) return;
		this.forget();
		this.address = address;
		const loading = new Image();
		loading.onload = () => {
			if (address !== this.address) return;
			this.canvas = { width: loading.naturalWidth, height: loading.naturalHeight };
			this.show(address);
		};
		loading.src = address;
	}

	/** @param {string | null} address */
	show(address) {
		if (this.editor.stage.background === address) return;
		this.editor.setBackground(address);
		this.editor.state.show();
	}

	forget() {
		this.address = this.canvas = null;
	}

	/** @param {HostOutput | undefined} output of a run of the node */
	take(output) {
		const run = output?.dptn_pose?.[0];
		if (run) this.editor.setRun(JSON.parse(run));
		const image = output?.dptn_background?.[0];
		if (image && !this.canvas) this.show(imageUrl(image));
	}
}

/** @param {HostNode} node @param {string} name */
function mount(node, name) {
	/** @type {LiveRuns | null} */
	let live = null;
	/** @type {Background | null} */
	let background = null;
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
				return; // the graph hears of it when the drag ends
			}
			node.graph?.change?.();
			ask("full");
		},
		onRelease: () => {
			node.graph?.change?.();
			ask("full");
		},
		poses: ownPoses(api),
		onQueue: () => app.extensionManager.command.execute("Comfy.QueuePrompt"),
		onLive: (on) => {
			if (!on) return live?.rest();
			// kept when switched off: what it has in flight still counts when switched on again
			live ??= liveRuns(node, editor);
			live.request("full");
		},
		// the node's canvas: of what is connected, known after a run, or else of its widgets
		canvas: () => {
			if (background?.canvas) return background.canvas;
			const given = ["pose", "background"].some((name) => isConnected(node, name));
			return given ? (editor.state.run?.canvas ?? null) : ownCanvas();
		},
		fallbackCanvas: ownCanvas,
	});
	background = new Background(node, editor);
	const widget = node.addDOMWidget(name, KIND, editor.element, {
		getValue: () => editor.text,
		setValue: (/** @type {unknown} */ text) => editor.setText(typeof text === "string" ? text : ""),
		getMinHeight: () => HEIGHT,
		hideOnZoom: false,
	});
	const { onRemoved: removed, onExecuted: executed } = node;
	node.dptnEditor = editor;
	node.onExecuted = (output) => {
		executed?.call(node, output);
		background?.take(output);
	};
	node.onRemoved = (...given) => {
		live?.dispose();
		live = null;
		background?.stop();
		editor.dispose();
		return removed?.apply(node, given);
	};
	return { widget, minWidth: 360, minHeight: HEIGHT };
}

app.registerExtension({
	name: "dptn.skeleton",
	getCustomWidgets: () => ({ [KIND]: mount }),
	nodeCreated(node) {
		const editor = node.dptnEditor;
		if (node.comfyClass !== NODE || !editor) return;
		// a space: Nodes 2.0 would lay the input's tooltip over the editor's neighbour during a drag
		const edited = node.widgets?.find((one) => one.name === "edited");
		if (edited) edited.tooltip = " ";
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
