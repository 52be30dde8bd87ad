/** Puts the skeleton editor into Edit Skeleton, and its live posing into the host's queue. */

import { app } from "/scripts/app.js";
import { api } from "/scripts/api.js";

import { SkeletonEditor } from "./skeleton/editor.js";
import { LiveRuns, nearestDownstream } from "./skeleton/live.js";

const KIND = "DPTN_SKELETON";
const NODE = "DPTNEditSkeleton";
const DRAWS = "DPTNTransferPose";
const HEIGHT = 380;
const ENDS = ["execution_success", "execution_error", "execution_interrupted"];

function numberOf(node, name, otherwise) {
  const value = Number(node.widgets?.find((widget) => widget.name === name)?.value);
  return value > 0 ? value : otherwise;
}

/** The Transfer Pose blocks that a change of this node would show in first. */
function drawnBy(node) {
  const graph = node.graph;
  if (!graph) return [];
  const links = (id) =>
    (graph.getNodeById(id)?.outputs ?? [])
      .flatMap((output) => output.links ?? [])
      .map((link) => graph.getLink?.(link) ?? graph.links?.[link])
      .filter((link) => link)
      .map((link) => link.target_id);
  return nearestDownstream(node.id, DRAWS, { links, kindOf: (id) => graph.getNodeById(id)?.comfyClass });
}

function liveRuns(node, say) {
  return new LiveRuns({
    send: async () => {
      const targets = drawnBy(node);
      if (!targets.length) {
        say("live: no Transfer Pose is connected");
        return null;
      }
      say("");
      try {
        // not app.queuePrompt: that would also turn the seeds of other nodes
        const prompt = await app.graphToPrompt();
        const answer = await api.queuePrompt(-1, prompt, { partialExecutionTargets: targets.map(String) });
        return answer.prompt_id ?? null;
      } catch (error) {
        say(`live: ${error.message}`);
        return null;
      }
    },
    onEnd: (listener) => {
      const heard = (event) => listener(event.detail?.prompt_id);
      for (const kind of ENDS) api.addEventListener(kind, heard);
      return () => {
        for (const kind of ENDS) api.removeEventListener(kind, heard);
      };
    },
  });
}

function mount(node, name) {
  let live = null;
  const editor = new SkeletonEditor({
    onChange: (text) => {
      // Nodes 2.0 reads the widget's own value, not only what getValue returns
      widget.value = text;
      widget.callback?.(text);
      node.graph?.change?.();
      live?.request();
    },
    onLive: (on) => {
      live?.dispose();
      live = on ? liveRuns(node, (text) => editor.say(text)) : null;
      live?.request();
    },
    fallbackCanvas: () => ({ width: numberOf(node, "width", 384), height: numberOf(node, "height", 512) }),
  });
  const widget = node.addDOMWidget(name, KIND, editor.element, {
    getValue: () => editor.text,
    setValue: (text) => editor.setText(typeof text === "string" ? text : ""),
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
  return { widget, minWidth: 320, minHeight: HEIGHT };
}

app.registerExtension({
  name: "dptn.skeleton",
  getCustomWidgets: () => ({ [KIND]: (node, name) => mount(node, name) }),
  nodeCreated(node) {
    if (node.comfyClass !== NODE || !node.dptnEditor) return;
    const editor = node.dptnEditor;
    const executed = node.onExecuted;
    node.onExecuted = (output) => {
      executed?.call(node, output);
      const said = output?.dptn_pose?.[0];
      if (said) editor.setRun(JSON.parse(said));
      const picture = output?.dptn_background?.[0];
      editor.setBackground(picture ? api.apiURL(`/view?${new URLSearchParams(picture)}`) : null);
    };
    for (const side of ["width", "height"]) {
      const widget = node.widgets?.find((one) => one.name === side);
      if (!widget) continue;
      const callback = widget.callback;
      widget.callback = (...given) => {
        callback?.apply(widget, given);
        editor.render();
      };
    }
  },
});
