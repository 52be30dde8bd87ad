/**
 * App mode, which newer front ends have: its pane of results shows what the page queued by itself,
 * so live posing hands its images in. There is no public way: where these stores are not as they
 * are here, the pane follows when Run is pressed.
 */

/** @param {string} name of a store @returns {Record<string, unknown> | undefined} */
function store(name) {
	/** @type {AppElement | null} */
	const page = document.querySelector("#vue-app");
	return page?.__vue_app__?.config.globalProperties.$pinia?._s?.get(name);
}

/**
 * @param {string | undefined} workflow path of the open one
 * @param {QueueEvent} event what a node has generated
 */
export function showInApp(workflow, event) {
	if (!workflow || !store("canvas")?.linearMode) return;
	const run = store("execution")?.ensureSessionWorkflowPath;
	const { onJobStart, onNodeExecuted } = store("linearOutput") ?? {};
	if (![run, onJobStart, onNodeExecuted].every((one) => typeof one === "function")) return;
	const id = event.prompt_id;
	/** @type {Function} */ (run)(id, workflow);
	// only now, as the pane would show an empty place until the image comes
	/** @type {Function} */ (onJobStart)(id);
	/** @type {Function} */ (onNodeExecuted)(id, event);
}
