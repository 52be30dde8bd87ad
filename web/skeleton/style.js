/**
 * Styles of the editor, all under its own classes. Colours are those of the host's theme; what lies
 * on the stage is dark in every theme, as skeletons are drawn on black.
 */

export const STYLE = `
.dptn-editor { width: 100%; height: 100%; min-height: 420px; box-sizing: border-box;
	contain: size layout; }
/* App mode gives it the height it wants, and a wheel over it zooms: it must be seen whole */
[data-testid="app-mode-widget-item"] .dptn-editor {
	min-height: clamp(420px, 100vh - 400px, 640px);
}
.dptn-panel { --ink: var(--input-text, #ddd); --field: var(--comfy-input-bg, #2b2d33);
	--edge: var(--border-color, #4e4e4e); --paper: var(--comfy-menu-bg, #26272b);
	--mark: #3b8eea; --stage: #15161a;
	display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
	box-sizing: border-box; padding: 2px; border-radius: 4px;
	font: 12px sans-serif; color: var(--ink); background: var(--paper);
	& [hidden] { display: none !important; }
	& .scene { position: relative; display: flex; flex: 1; min-height: 120px; gap: 8px; }
	& .scene img { display: none; }
	& .stage { flex: 1; min-width: 0; contain: paint; background: var(--stage); border-radius: 4px;
		touch-action: none; }
	& .stage:focus { outline: 1px solid #777; }
	& .named { position: absolute; left: 6px; top: 4px; color: #ddd; pointer-events: none; }
	& .asked { position: absolute; left: 6px; right: 6px; bottom: 6px; display: flex; gap: 4px;
		flex-wrap: wrap; align-items: center; padding: 6px; border-radius: 4px;
		background: var(--paper); border: 1px solid var(--mark); }
	& .asked span { flex: 1 1 100%; }
	& .toolbar { display: flex; flex-direction: column; gap: 4px; }
	& .panels { height: 112px; overflow-y: auto; }
	& .row { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
	& .tabs { display: flex; flex: 1 0 auto; order: 1; }
	& :is(button, select, input) { font: inherit; color: inherit; background: var(--field);
		border: 1px solid var(--edge); border-radius: 4px; min-height: 22px; box-sizing: border-box;
		padding: 2px 6px; margin: 0; }
	& button { cursor: pointer; white-space: nowrap; }
	& button:hover { border-color: var(--mark); }
	& :is(button, select, input, .panels):focus-visible { outline: 2px solid var(--mark); }
	& button[aria-pressed="true"] { background: #2a6f4f; border-color: #5c9; color: #fff; }
	& :is(button, select, input):disabled { opacity: 0.4; cursor: default; }
	& .tabs button { flex: 1; background: none; border: none; border-bottom: 2px solid transparent;
		border-radius: 0; padding: 2px 3px; height: 24px; }
	& .tabs button[aria-selected="true"] { border-bottom-color: var(--mark); font-weight: bold; }
	& label { display: inline-flex; gap: 4px; align-items: center; white-space: nowrap; }
	& input[type="number"] { width: 4.5em; }
	& input[type="text"], & input[type="search"] { width: 8em; }
	& input[type="range"] { width: 90px; padding: 0; }
	& .details input[type="range"] { width: 56px; }
	& .said { min-height: 1.2em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
	& .said:not(:empty) { border-left: 3px solid #e9973f; padding-left: 5px; }
	& .shelf { display: flex; flex-wrap: wrap; gap: 3px; padding-top: 3px; }
	& :is(.shelf, .frames) button { display: inline-flex; flex-direction: column;
		align-items: center; width: 62px;
		padding: 2px; background: var(--stage); color: #ddd; }
	& .shelf button span { font-size: 9px; line-height: 1.2; max-width: 58px; overflow: hidden;
		text-overflow: ellipsis; white-space: nowrap; }
	& .own { display: inline-flex; }
	& .shelf .own button + button { width: 16px; justify-content: center; }
	& .thumbnail { width: 44px; height: 44px; pointer-events: none; }
	& .frames { display: flex; gap: 3px; overflow-x: auto; padding-bottom: 2px; }
	& .frames button { width: 52px; flex: none; font-size: 10px; }
	& .frames button[aria-selected="true"] { border-color: var(--mark); }
	& .strip { display: flex; flex-direction: column; gap: 3px; }
	& .strip .row input[type="range"] { flex: 1; }
	& :is(circle.joint, circle.held) { cursor: grab; }
	& circle.joint:focus { outline: none; stroke: #fff; }
	& line.limb { cursor: move; }
	& .handle { cursor: pointer; }
}
dialog.dptn-window .scene img:not([hidden]) { display: block; max-width: 45%; object-fit: contain; }
dialog.dptn-window { width: 100vw; height: 100vh; max-width: none; max-height: none; margin: 0;
	padding: 10px; border: none;
	box-sizing: border-box; background: var(--comfy-menu-bg, #1d1e22);
	& .panels { height: 132px; }
	& .thumbnail { width: 64px; height: 64px; }
	& .shelf button, & .own button:first-child { width: 84px; }
	& .shelf button span { max-width: 80px; font-size: 10px; }
}
`;
