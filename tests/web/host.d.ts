/** What the host serves to extensions at `/scripts/`; tsconfig.json leads both addresses here. */

import type { ComfyApi, ComfyApp } from "@comfyorg/comfyui-frontend-types";

interface Extension {
	name: string;
	nodeCreated(node: HostNode): void;
	getCustomWidgets?(): Record<string, (node: HostNode, name: string) => { widget: HostWidget }>;
}

/** The host's own types leave out `addDOMWidget` of nodes. */
export const app: Omit<ComfyApp, "registerExtension" | "rootGraph" | "graph" | "nodeOutputs"> & {
	registerExtension(extension: Extension): void;
	readonly rootGraph?: HostGraph;
	readonly graph: HostGraph;
	readonly nodeOutputs?: Record<string, HostOutput>;
};

/** The host's own types leave out prompts without a workflow and the events extensions listen to. */
export const api: Omit<ComfyApi, "queuePrompt" | "addEventListener" | "removeEventListener"> & {
	queuePrompt(
		number: number,
		prompt: { output: Prompt; workflow?: object },
		options: { partialExecutionTargets: string[] },
	): Promise<{ prompt_id?: string }>;
	addEventListener(kind: string, listener: (event: CustomEvent<QueueEvent>) => void): void;
	removeEventListener(kind: string, listener: (event: CustomEvent<QueueEvent>) => void): void;
};
