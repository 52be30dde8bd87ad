/** Puts the attention explorer into Attention Preview; it reads what the last run returned. */

import { api } from "/scripts/api.js";
import { app } from "/scripts/app.js";

import { onDemand } from "./ondemand.js";
import { messageOf } from "./skeleton/openpose.js";
import { html } from "./skeleton/page.js";
import { lastOutput } from "./skeleton/upstream.js";

const PARTS = ["explorer", "maps", "pane", "pins", "style"].map((name) => `attention/${name}.mjs`);
const VERSION = 3;
const BEFORE =
	"Run the workflow: then point, click or drag on the image to see what the network attended to.";
const GONE = "The host no longer has the attention of this run. Run the workflow again.";

/** The explorer and what reads its maps, which a page without Attention Preview never loads. */
async function modules() {
	const load = () =>
		Promise.all([import("./attention/explorer.mjs"), import("./attention/maps.mjs")]);
	const [{ AttentionExplorer }, { MapsError, readMaps }] = await onDemand(load, ...PARTS);
	return { AttentionExplorer, MapsError, readMaps };
}

/**
 * What an executed node returned, as the explorer takes it.
 * @param {HostOutput} output @param {AbortSignal} signal
 * @param {Awaited<ReturnType<typeof modules>>} modules
 */
async function explorable(output, signal, { MapsError, readMaps }) {
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

/** @param {HostNode} node */
function mount(node) {
	const place = html("div", { style: "width: 100%; height: 100%; min-height: 300px" });
	// not into the prompt
	const options = { serialize: false, getMinHeight: () => 330, hideOnZoom: false };
	// nor into the workflow
	node.addDOMWidget("explorer", "DPTN_EXPLORER", place, options).serialize = false;
	node.setSize?.([Math.max(node.size[0], 420), node.size[1]]);
	/** @type {AttentionExplorer | null} */
	let explorer = null;
	const writePoints = (/** @type {string} */ text) => {
		const points = node.widgets?.find((one) => one.name === "points");
		if (!points || !explorer) return;
		points.value = text;
		points.callback?.(text);
		node.graph?.change?.();
		explorer.said.textContent = "written to 'points' for the next run";
	};
	const ready = modules().then((loaded) => {
		explorer = new loaded.AttentionExplorer({ onPoints: writePoints });
		explorer.setEmpty(BEFORE);
		place.replaceChildren(explorer.element);
		return { explorer, loaded };
	});
	ready.catch((error) => {
		place.textContent = `The explorer could not be loaded: ${messageOf(error)}`;
	});

	let loading = new AbortController();
	const take = async (/** @type {HostOutput | undefined} */ output) => {
		if (!output?.dptn_attention) return;
		loading.abort();
		loading = new AbortController();
		const { signal } = loading;
		const { explorer, loaded } = await ready;
		try {
			const run = await explorable(output, signal, loaded);
			if (!signal.aborted) explorer.setRun(run);
		} catch (error) {
			if (signal.aborted) return;
			explorer.setEmpty(
				error instanceof loaded.MapsError
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
	place.addEventListener("pointerenter", () => {
		if (!explorer?.run) take(lastOutput(app.nodeOutputs, node));
	});
	node.onRemoved = (...given) => {
		loading.abort();
		ready.then(({ explorer }) => explorer.dispose());
		return onRemoved?.apply(node, given);
	};
}

app.registerExtension({
	name: "dptn.attention",
	nodeCreated(node) {
		if (node.comfyClass === "DPTNAttentionPreview") mount(node);
	},
});
