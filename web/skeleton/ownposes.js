/** The artist's own poses: one file among the host's user data, which all workflows share. */

import { isObject, PoseTextError } from "./openpose.js";
import { readKept, writeKept } from "./value.js";

const FILE = "dptn/poses.json";
const VERSION = 1;

/** @param {HostFiles} files of the host's user @returns {PoseStore} */
export const ownPoses = (files) => ({
	async load() {
		const answer = await files.getUserData(FILE);
		if (answer.status === 404) return []; // nothing was kept so far
		if (!answer.ok) throw new PoseTextError(`the host answered ${answer.status} for ${FILE}`);
		const document = await answer.json();
		// not read as none: saving would put an end to what a later version wrote
		if (!isObject(document) || document.version !== VERSION || !Array.isArray(document.poses))
			throw new PoseTextError(`${FILE} does not hold poses of version ${VERSION}`);
		return document.poses.flatMap(readKept);
	},
	async save(poses) {
		const document = { version: VERSION, poses: poses.map(writeKept) };
		await files.storeUserData(FILE, document, { throwOnError: true });
	},
});
