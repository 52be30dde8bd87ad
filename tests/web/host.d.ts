/** What the host serves to extensions at `/scripts/`; tsconfig.json leads both addresses here. */

import type { ComfyApi, ComfyApp } from "@comfyorg/comfyui-frontend-types";

export const app: ComfyApp;
export const api: ComfyApi;
