/** How the editor looks. Everything hangs on one class, so that no other part of the page is touched. */

export const STYLE = `
.dptn-editor { width: 100%; height: 100%; min-height: 420px; box-sizing: border-box; contain: size layout; }
.dptn-panel { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%; box-sizing: border-box;
  font: 12px sans-serif; color: #ddd; }
.dptn-panel [hidden] { display: none !important; }
.dptn-panel .stage { flex: 1; min-height: 120px; width: 100%; background: #15161a; border-radius: 4px; touch-action: none; }
.dptn-panel .stage:focus { outline: 1px solid #777; }
.dptn-panel .toolbar { display: flex; flex-direction: column; gap: 4px; }
.dptn-panel .row { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
.dptn-panel .top { flex-wrap: nowrap; }
.dptn-panel .tabs { display: flex; flex: 1; min-width: 0; overflow: hidden; }
.dptn-panel button, .dptn-panel select, .dptn-panel input { font: inherit; color: inherit; background: #2b2d33;
  border: 1px solid #444; border-radius: 4px; padding: 2px 6px; }
.dptn-panel button { cursor: pointer; }
.dptn-panel button:hover { background: #3a3d45; }
.dptn-panel button:focus-visible, .dptn-panel select:focus-visible, .dptn-panel input:focus-visible { outline: 2px solid #9cf; }
.dptn-panel button[aria-pressed="true"] { background: #2a6f4f; border-color: #5c9; }
.dptn-panel button:disabled, .dptn-panel select:disabled, .dptn-panel input:disabled { opacity: 0.4; cursor: default; }
.dptn-panel .tabs button { background: none; border: none; border-bottom: 2px solid transparent; border-radius: 0; padding: 2px 3px; color: #aaa; }
.dptn-panel .tabs button[aria-selected="true"] { color: #fff; border-bottom-color: #9cf; }
.dptn-panel input[type="number"] { width: 4.5em; }
.dptn-panel input[type="text"] { width: 8em; }
.dptn-panel input[type="range"] { width: 90px; padding: 0; }
.dptn-panel .said { color: #fc8; min-height: 1.2em; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dptn-panel .shelf { display: flex; flex-wrap: wrap; gap: 3px; max-height: 132px; overflow-y: auto; }
.dptn-panel .shelf button, .dptn-panel .kept button, .dptn-panel .frames button { display: inline-flex; flex-direction: column;
  align-items: center; width: 62px; padding: 2px; background: #15161a; }
.dptn-panel .shelf span, .dptn-panel .kept .own button span { font-size: 9px; line-height: 1.1; max-width: 58px; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.dptn-panel .kept { display: flex; flex-wrap: wrap; gap: 3px; }
.dptn-panel .kept .own { display: inline-flex; }
.dptn-panel .kept .own button + button { width: 16px; justify-content: center; }
.dptn-panel .thumbnail { width: 44px; height: 44px; pointer-events: none; }
.dptn-panel .frames { display: flex; gap: 3px; overflow-x: auto; padding-bottom: 2px; }
.dptn-panel .frames button { width: 52px; flex: none; font-size: 10px; }
.dptn-panel .frames button[aria-selected="true"] { border-color: #9cf; }
.dptn-panel .strip { display: flex; flex-direction: column; gap: 3px; }
.dptn-panel .strip .row input[type="range"] { flex: 1; }
.dptn-panel circle.joint { cursor: grab; }
.dptn-panel circle.joint:focus { outline: none; stroke: #fff; }
.dptn-panel line.limb { cursor: move; }
.dptn-panel .handle { cursor: pointer; }
dialog.dptn-window { width: 100vw; height: 100vh; max-width: none; max-height: none; margin: 0; padding: 10px; border: none;
  box-sizing: border-box; background: #1d1e22; }
dialog.dptn-window .shelf { max-height: 30vh; }
dialog.dptn-window .thumbnail { width: 64px; height: 64px; }
dialog.dptn-window .shelf button, dialog.dptn-window .kept button:first-child { width: 84px; }
dialog.dptn-window .shelf span { max-width: 80px; font-size: 10px; }
`;
