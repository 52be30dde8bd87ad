/** Puts the attention explorer into Attention Preview; it asks what the last run returned, never the host. */

import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

import { AttentionExplorer } from "./attention/explorer.js";
import { MapsError, readMaps } from "./attention/maps.js";

const NODE = "DPTNAttentionPreview";
const [WIDTH, HEIGHT] = [420, 330];
const VERSION = 2;
const BEFORE = "Run the workflow: then point, click or drag on the picture here to see where the network looked.";
const GONE = "The host no longer has the attention of this run. Run the workflow again.";

/** @param {Record<string, string>} file as the host names it */
function address(file) {
  return `/view?${new URLSearchParams(file)}`;
}

/**
 * What an executed block returned, as the explorer takes it.
 * @param {any} output
 * @param {AbortSignal} signal
 * @returns {Promise<import("./attention/explorer.js").Run | null>} null: the host no longer has it
 */
async function explorable(output, signal) {
  const said = JSON.parse(output.dptn_attention[0]);
  if (said.version !== VERSION) throw new MapsError("Page and host have different versions of this pack. Reload the page.");
  const answer = await api.fetchApi(address(said.maps), { signal });
  if (answer.status === 404) return null;
  if (!answer.ok || !answer.body) throw new MapsError(`The host answered ${answer.status} for the attention of this run.`);
  const maps = readMaps(await new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
  const [target, source] = output.dptn_pictures.map((/** @type {any} */ file) => api.apiURL(address(file)));
  return { maps, names: said.joints, target: { ...said.target, picture: target }, source: { ...said.source, picture: source } };
}

/** @param {any} node */
function mount(node) {
  const explorer = new AttentionExplorer({
    onPoints: (text) => {
      const points = node.widgets?.find((/** @type {any} */ one) => one.name === "points");
      if (!points) return;
      points.value = text;
      points.callback?.(text);
      node.graph?.change?.();
      explorer.say("written into 'points'; the next run draws them");
    },
  });
  explorer.setEmpty(BEFORE);
  const widget = node.addDOMWidget("explorer", "DPTN_EXPLORER", explorer.element, {
    serialize: false, // not into the prompt
    getMinHeight: () => HEIGHT,
    hideOnZoom: false,
  });
  widget.serialize = false; // nor into the workflow
  node.setSize?.([Math.max(node.size[0], WIDTH), node.size[1]]);
  let loading = new AbortController();
  const take = (/** @type {any} */ output) => {
    if (!output?.dptn_attention) return;
    loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    explorable(output, signal).then(
      (run) => {
        if (signal.aborted) return;
        if (run) explorer.setRun(run);
        else explorer.setEmpty(GONE);
      },
      (error) => {
        if (signal.aborted) return;
        explorer.setEmpty(error instanceof MapsError ? error.message : `The attention did not arrive: ${error.message}`);
      },
    );
  };
  const executed = node.onExecuted;
  node.onExecuted = (/** @type {any} */ output) => {
    executed?.call(node, output);
    take(output);
  };
  // a workflow that was left and opened again has new nodes, but the page still knows what their last run returned
  explorer.element.addEventListener("pointerenter", () => {
    if (!explorer.run) take(app.nodeOutputs?.[node.id]);
  });
  const removed = node.onRemoved;
  node.onRemoved = (/** @type {any[]} */ ...given) => {
    loading.abort();
    explorer.dispose();
    return removed?.apply(node, given);
  };
}

app.registerExtension({
  name: "dptn.attention",
  /** @param {any} node */
  nodeCreated(node) {
    if (node.comfyClass === NODE) mount(node);
  },
});
