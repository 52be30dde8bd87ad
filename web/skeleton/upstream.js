/** What is connected to a node, as far as the page can tell before anything has run. */

/** @param {HostNode} node @param {string} name of an input */
const slotOf = (node, name) => node.inputs?.findIndex((input) => input.name === name) ?? -1;

/** @param {HostNode} node @param {string} name of an input */
export function isConnected(node, name) {
	const slot = slotOf(node, name);
	return slot >= 0 && node.isInputConnected(slot);
}

/** Widgets that name a file, by the type of their node. @type {Record<string, string>} */
const LOADERS = { LoadImage: "image", DPTNLoadPerson: "photograph" };

/**
 * The file that a Load Image or Load Person before an input has chosen; null where another node is
 * connected, or a sample that the page cannot fetch.
 * @param {HostNode} node @param {string} name of an input @returns {HostImage | null}
 */
export function loadedFile(node, name) {
	const slot = slotOf(node, name);
	let before = slot < 0 ? null : node.getInputNode(slot);
	while (before?.type === "Reroute") before = before.getInputNode(0);
	const field = LOADERS[before?.type ?? ""];
	if (!before || !field || before.mode) return null; // muted or bypassed
	const chosen = before.widgets?.find((widget) => widget.name === field)?.value;
	if (typeof chosen !== "string" || !chosen || chosen.startsWith("sample: ")) return null;
	const [, path, type = "input"] = /^(.*?)(?: \[(input|output|temp)\])?$/.exec(chosen) ?? [];
	const cut = path.lastIndexOf("/");
	return { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(0, cut)), type };
}

/**
 * What the page still knows of a node's last run, after its workflow was left and opened again.
 * @param {Record<string, HostOutput> | undefined} outputs of the page @param {HostNode} node
 */
export const lastOutput = (outputs, { graph, id }) =>
	outputs?.[graph?.isRootGraph === false ? `${graph.id}:${id}` : id];

/**
 * Grey out fields that a wire overrides.
 * @param {HostNode} node @param {string[]} names @param {boolean} overridden
 */
export function greyOut(node, names, overridden) {
	for (const widget of node.widgets ?? []) {
		if (!names.includes(widget.name) || !!widget.disabled === overridden) continue;
		widget.disabled = overridden;
		// Nodes 2.0 goes by the options, of which it notices new ones only
		widget.options = { ...widget.options, disabled: overridden };
	}
}
