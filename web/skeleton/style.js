/** Styles of the editor, all under its own classes. */

export const STYLE = `
.dptn-editor { width: 100%; height: 100%; min-height: 420px; box-sizing: border-box;
	contain: size layout; }
.dptn-panel { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
	box-sizing: border-box;
	font: 12px sans-serif; color: #ddd;
	& [hidden] { display: none !important; }
	& .scene { display: flex; flex: 1; min-height: 120px; gap: 8px; }
	& .scene img { display: none; }
	& .stage { flex: 1; min-width: 0; contain: paint; background: #15161a; border-radius: 4px;
		touch-action: none; }
	& .stage:focus { outline: 1px solid #777; }
	& .toolbar { display: flex; flex-direction: column; gap: 4px; }
	& .row { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
	& .top { flex-wrap: nowrap; }
	& .tabs { display: flex; flex: 1; min-width: 0; overflow: hidden; }
	& :is(button, select, input) { font: inherit; color: inherit; background: #2b2d33;
		border: 1px solid #444; border-radius: 4px;
		padding: 2px 6px; }
	& button { cursor: pointer; }
	& button:hover { background: #3a3d45; }
	& :is(button, select, input):focus-visible { outline: 2px solid #9cf; }
	& button[aria-pressed="true"] { background: #2a6f4f; border-color: #5c9; }
	& :is(button, select, input):disabled { opacity: 0.4; cursor: default; }
	& .tabs button { background: none; border: none; border-bottom: 2px solid transparent;
		border-radius: 0; padding: 2px 3px;
		color: #aaa; }
	& .tabs button[aria-selected="true"] { color: #fff; border-bottom-color: #9cf; }
	& input[type="number"] { width: 4.5em; }
	& input[type="text"] { width: 8em; }
	& input[type="range"] { width: 90px; padding: 0; }
	& .said { color: #fc8; min-height: 1.2em; overflow: hidden; text-overflow: ellipsis;
		white-space: nowrap; }
	& :is(.shelf, .kept) { display: flex; flex-wrap: wrap; gap: 3px; }
	& .shelf { max-height: 132px; overflow-y: auto; }
	& :is(.shelf, .kept, .frames) button { display: inline-flex; flex-direction: column;
		align-items: center; width: 62px;
		padding: 2px; background: #15161a; }
	& .shelf span, & .own button span { font-size: 9px; line-height: 1.1; max-width: 58px;
		overflow: hidden;
		text-overflow: ellipsis; white-space: nowrap; }
	& .own { display: inline-flex; }
	& .kept .own button + button { width: 16px; justify-content: center; }
	& .thumbnail { width: 44px; height: 44px; pointer-events: none; }
	& .frames { display: flex; gap: 3px; overflow-x: auto; padding-bottom: 2px; }
	& .frames button { width: 52px; flex: none; font-size: 10px; }
	& .frames button[aria-selected="true"] { border-color: #9cf; }
	& .strip { display: flex; flex-direction: column; gap: 3px; }
	& .strip .row input[type="range"] { flex: 1; }
	& circle.joint { cursor: grab; }
	& circle.joint:focus { outline: none; stroke: #fff; }
	& line.limb { cursor: move; }
	& .handle { cursor: pointer; }
}
dialog.dptn-window .scene img:not([hidden]) { display: block; max-width: 45%; object-fit: contain; }
dialog.dptn-window { width: 100vw; height: 100vh; max-width: none; max-height: none; margin: 0;
	padding: 10px; border: none;
	box-sizing: border-box; background: #1d1e22;
	& .shelf { max-height: 30vh; }
	& .thumbnail { width: 64px; height: 64px; }
	& .shelf button, & .kept button:first-child { width: 84px; }
	& .shelf span { max-width: 80px; font-size: 10px; }
}
`;
