"""The look of an evaluation's page, light and dark."""

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #f5f4f1; --card: #ffffff; --ink: #22211f; --soft: #6e6b64; --line: #e2dfd8; --mark: #2f6f63;
  --warn: #8a5a12; --warn-ground: #fdf3df;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #171715; --card: #21211f; --ink: #ecebe6; --soft: #a19d94; --line: #35342f; --mark: #6fc2b1;
    --warn: #e5b567; --warn-ground: #2e2718;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1360px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; font-weight: 650; }
h1 em { font-style: normal; color: var(--mark); }
h2 { font-size: 16px; margin: 0 0 12px; font-weight: 650; }
header p { margin: 0 0 14px; color: var(--soft); }
header dl { display: flex; flex-wrap: wrap; gap: 4px 28px; margin: 0; }
header dl div { display: flex; gap: 8px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
section { margin-top: 28px; }
.missing { background: var(--warn-ground); border-left: 4px solid var(--warn); border-radius: 6px; padding: 14px 18px; }
.missing h2 { color: var(--warn); margin-bottom: 4px; }
.missing p { margin: 2px 0; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tiles div, article, .columns > div {
  background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px;
}
.tiles b { display: block; font-size: 30px; line-height: 1.15; font-weight: 650; font-variant-numeric: tabular-nums; }
.tiles small { font-size: 15px; font-weight: 500; color: var(--soft); margin-left: 3px; }
.tiles span { color: var(--soft); }
.tiles .none b { color: var(--soft); font-size: 22px; line-height: 34px; font-weight: 500; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(420px, 1fr)); gap: 12px; align-items: start; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 400; padding: 4px 0; }
td { text-align: right; font-weight: 600; padding: 4px 0 4px 12px; white-space: nowrap; }
td + td { color: var(--soft); font-weight: 400; }
tr + tr { border-top: 1px solid var(--line); }
.head td { color: var(--soft); font-weight: 400; }
svg { width: 100%; height: auto; display: block; }
rect { fill: var(--mark); opacity: 0.75; }
line { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 4 3; }
text { fill: var(--soft); font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(520px, 1fr)); gap: 12px; }
.strip { display: flex; gap: 6px; }
figure { margin: 0; flex: 1 1 0; min-width: 0; }
figure img { width: 100%; height: auto; display: block; border-radius: 4px; background: var(--line); }
figcaption { font-size: 12px; color: var(--soft); text-align: center; padding-top: 3px; }
article p { margin: 8px 0 0; font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
article p + p { margin-top: 2px; }
article b { color: var(--ink); font-size: 15px; margin-right: 6px; font-variant-numeric: tabular-nums; }
code { font: 12px/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.skipped ul { margin: 0; padding-left: 20px; }
.skipped li { overflow-wrap: anywhere; }
.notes dl { margin: 0; display: grid; gap: 4px; }
.notes dl div { display: grid; grid-template-columns: 160px 1fr; gap: 12px; }
@media (max-width: 720px) {
  .columns, .cards { grid-template-columns: 1fr; }
  .notes dl div { grid-template-columns: 1fr; gap: 0; }
}
"""
