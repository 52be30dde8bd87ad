/** Styles of the explorer. */

export const STYLE = `
.dptn-attention { display: flex; flex-direction: column; gap: 4px; width: 100%; height: 100%;
	min-height: 300px;
	box-sizing: border-box; font: 12px sans-serif; color: #ddd; contain: size layout;
	user-select: none;
	-webkit-user-select: none;
	& .row { display: flex; flex-wrap: wrap; gap: 3px; align-items: center; }
	& button, & select { font: inherit; color: inherit; background: #2b2d33; border: 1px solid #444;
		border-radius: 4px;
		padding: 2px 6px; cursor: pointer; }
	& select[name="view"] { width: 84px; }
	& button:hover, & select:hover { background: #3a3d45; }
	& button:disabled { opacity: 0.4; cursor: default; }
	& .panes { flex: 1; min-height: 0; display: grid; grid-template-columns: 1fr 1fr; gap: 4px; }
	& .pane { display: flex; flex-direction: column; min-width: 0; min-height: 0; background: #15161a;
		border-radius: 4px; }
	& .name { padding: 2px 6px; color: #999; font-size: 11px; }
	& .room { flex: 1; min-height: 0; container-type: size; display: grid; place-items: center; }
	& .stage { position: relative; overflow: hidden;
		width: min(100cqw, calc(100cqh * var(--ratio, 1)));
		aspect-ratio: var(--ratio, 1); touch-action: none; cursor: crosshair; }
	& .stage:focus-visible { outline: 2px solid #8cf; outline-offset: -2px; }
	& .stage > * { position: absolute; pointer-events: none; }
	& img, & svg { inset: 0; width: 100%; height: 100%; }
	& text { font: bold 3.6px sans-serif; text-anchor: middle; fill: currentColor; }
	& text.ring { paint-order: stroke; stroke: #000; stroke-width: 0.9; }
	& text.pin { fill: #000; }
	& circle.joint { fill: #fff; fill-opacity: 0.75; stroke: #000; pointer-events: auto; }
	& circle.pin { fill: currentColor; stroke: #000; stroke-width: 0.4; }
	& circle.ring, & circle.peak { fill: none; stroke: currentColor; stroke-width: 0.9;
		filter: drop-shadow(0 0 1px #000); }
	& .line, & .frame { fill: none; stroke: currentColor; stroke-width: 1.5;
		vector-effect: non-scaling-stroke; }
	& .thin { opacity: 0.55; }
	& .frame { stroke: #fff; stroke-width: 1; stroke-opacity: 0.35; stroke-dasharray: 4; }
	& .said { color: #fc8; min-height: 2.5em; line-height: 1.25; overflow: hidden; }
	& .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden;
		clip-path: inset(50%); }
	&.empty .panes, &.empty .row { display: none; }
	&.empty .said { flex: 1; display: grid; place-content: center; text-align: center;
		padding: 0 16px; background: #15161a;
		border-radius: 4px; color: #bbb; }
}
`;
