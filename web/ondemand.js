/**
 * Modules that are loaded when they are first wanted. They end in .mjs, as ComfyUI imports every
 * .js file of a pack when its page opens.
 */

/**
 * @template T @param {() => Promise<T>} load imports the first of the files
 * @param {...string} files paths from this one, of all that it brings along
 */
export async function onDemand(load, ...files) {
	// The host lets browsers keep such files for days without asking whether they are the same. They
	// are asked for once; afterwards the browser has the modules.
	await Promise.all(
		files.map((file) => fetch(new URL(file, import.meta.url), { cache: "no-cache" })),
	);
	return load();
}
