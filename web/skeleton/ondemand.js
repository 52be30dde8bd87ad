/**
 * Modules that are loaded when they are first wanted. They end in .mjs, as ComfyUI imports every
 * .js file of a pack when its page opens.
 */

/**
 * @template T @param {() => Promise<T>} load imports the first of the files
 * @param {...string} files names of files beside this one, all that it brings along
 */
export async function onDemand(load, ...files) {
	// the host lets browsers keep such files without asking whether they are still the same
	await Promise.all(
		files.map((file) => fetch(new URL(file, import.meta.url), { cache: "no-cache" })),
	);
	return load();
}
