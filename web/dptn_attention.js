/** Puts the attention explorer into Attention Preview; it reads what the last run returned. */

import { api } from "/scripts/api.js";
import { app } from "/scripts/app.js";

import { AttentionExplorer } from "./attention/explorer.js";
import { MapsError, readMaps } from "./attention/maps.js";
import { messageOf } from "./skeleton/openpose.js";

const VERSION = 3;
const BEFORE =
	"Run the workflow: then point, click or drag on the image to see what the network attended to.";
const GONE = "The host no longer has the attention of this run. Run the workflow again.";

/**
 * What an executed node returned, as the explorer takes it.
 * @param {HostOutput} output @param {AbortSignal} signal
 */
async function explorable(output, signal) {
	const {
		version,
		maps: file,
		joints: names,
		target,
		source,
		views,
	} = JSON.parse(output.dptn_attention?.[0] ?? "{}");
	if (version !== VERSION)
		throw new MapsError("Page and host have different versions of this pack. Reload the page.");
	const address = (/** @type {HostImage} */ image) => `/view?${new URLSearchParams(image)}`;
	const answer = await api.fetchApi(address(file), { signal });
	if (answer.status === 404) throw new MapsError(GONE);
	if (!answer.ok || !answer.body)
		throw new MapsError(`The host answered ${answer.status} for the attention of this run.`);
	const maps = readMaps(
		await new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
	);
	// of each view the target, then the source
	const images = (output.dptn_pictures ?? []).map((image) => api.apiURL(address(image)));
	target.images = images.filter((_, index) => index % 2 === 0);
	source.images = images.filter((_, index) => index % 2 === 1);
	return { maps, names, target, source, views };
}

/** What the page knows a node by: its id is unique in its own graph alone. @param {HostNode} node */
const locatorOf = ({ graph, id }) => (graph?.isRootGraph === false ? `${graph.id}:${id}` : id);

/** @param {HostNode} node */
function mount(node) {
	const explorer = new AttentionExplorer({
		onPoints: (text) => {
			const points = node.widgets?.find((one) => one.name === "points");
			if (!points) return;
			points.value = text;
			points.callback?.(text);
			node.graph?.change?.();
			explorer.said.textContent = "written to 'points' for the next run";
		},
	});
	explorer.setEmpty(BEFORE);
	// not into the prompt
	const options = { serialize: false, getMinHeight: () => 330, hideOnZoom: false };
	// nor into the workflow
	node.addDOMWidget("explorer", "DPTN_EXPLORER", explorer.element, options).serialize = false;
	node.setSize?.([Math.max(node.size[0], 420), node.size[1]]);

	let loading = new AbortController();
	const take = async (/** @type {HostOutput | undefined} */ output) => {
		if (!output?.dptn_attention) return;
		loading.abort();
		loading = new AbortController();
		const { signal } = loading;
		try {
			const run = await explorable(output, signal);
			if (!signal.aborted) explorer.setRun(run);
		} catch (error) {
			if (signal.aborted) return;
			explorer.setEmpty(
				error instanceof MapsError
					? error.message
					: `The attention did not arrive: ${messageOf(error)}`,
			);
		}
	};
	const { onExecuted, onRemoved } = node;
	node.onExecuted = (output) => {
		onExecuted?.call(node, output);
		take(output);
	};
	// a workflow that was left and opened again has new nodes, but the page still knows what their
	// last run returned
	explorer.element.addEventListener("pointerenter", () => {
		if (!explorer.run) take(app.nodeOutputs?.[locatorOf(node)]);
	});
	node.onRemoved = (...given) => {
		loading.abort();
		explorer.dispose();
		return onRemoved?.apply(node, given);
	};
}

app.registerExtension({
	name: "dptn.attention",
	nodeCreated(node) {
		if (node.comfyClass === "DPTNAttentionPreview") mount(node);
	},
});
