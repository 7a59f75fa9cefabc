// The style sheet of a report: one column of text and charts, light and dark, printable on paper.
// Colours are roles (ink, rule, accent, …) that the chart script reads too.

const LIGHT = `
--page:#fbfaf6; --card:#ffffff; --ink:#1d211c; --soft:#5d635b; --faint:#8d9289; --rule:#e4e2d9; --track:#ecebe3;
--accent:#4a7c12; --accent-soft:#4a7c1222; --blue:#2f6db3; --amber:#b3720f; --rose:#b23a64; --muted:#9a9f96;
--right:#3d7a1c; --wrong:#b03a3a; --thinking:#f4f2ea; --low:#2f6db3; --even:#f1efe6; --high:#d07a0c; color-scheme:light;`;

const DARK = `
--page:#101411; --card:#161b17; --ink:#e9ece4; --soft:#a4aca0; --faint:#757d72; --rule:#272e28; --track:#232a24;
--accent:#c3ee52; --accent-soft:#c3ee5224; --blue:#7db4f5; --amber:#f3b656; --rose:#f08cb0; --muted:#6c746a;
--right:#a8d95a; --wrong:#f08a80; --thinking:#121713; --low:#5f9fe8; --even:#1f2621; --high:#f5a93b; color-scheme:dark;`;

/** CSS of a report page. */
export const REPORT_STYLE = `
:root{${LIGHT}}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}
:root[data-theme=dark]{${DARK}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 Inter,ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-feature-settings:"cv11","ss03";-webkit-font-smoothing:antialiased}
main{max-width:1080px;margin:0 auto;padding:40px 32px 80px}
.top{display:flex;flex-wrap:wrap;align-items:baseline;gap:6px 14px;white-space:nowrap;color:var(--soft);font-size:13.5px}
.mark{display:inline-flex;align-items:center;gap:9px;font-weight:600;color:var(--ink);letter-spacing:.01em}
.mark i{width:9px;height:9px;border-radius:50%;background:var(--accent);box-shadow:0 0 0 4px var(--accent-soft),0 0 14px var(--accent)}
.top .spacer{flex:1}
button.theme{font:inherit;color:var(--soft);background:none;border:1px solid var(--rule);border-radius:99px;padding:2px 12px;cursor:pointer}
button.theme:hover{color:var(--ink);border-color:var(--faint)}
h1{font:500 42px/1.16 "Iowan Old Style","Palatino Nova","Palatino Linotype",Palatino,"Source Serif 4",Charter,Georgia,"DejaVu Serif",serif;letter-spacing:-.015em;margin:46px 0 16px;max-width:21em;text-wrap:balance}
h1 em{font-style:normal;font-variant-numeric:tabular-nums;white-space:nowrap}
h1 em.final{color:var(--accent)}
.facts{color:var(--soft);margin:0 0 38px}
.dot{color:var(--faint);margin:0 .55em}
h2{font:500 25px/1.25 "Iowan Old Style","Palatino Nova","Palatino Linotype",Palatino,"Source Serif 4",Charter,Georgia,"DejaVu Serif",serif;letter-spacing:-.01em;margin:68px 0 4px}
h2+p.lead{color:var(--soft);margin:0 0 22px;max-width:46em}
table{border-collapse:collapse;width:100%}
small{display:block;color:var(--faint);font-size:12px;font-weight:400;line-height:1.4}
.headline th,.headline td{padding:13px 0;border-top:1px solid var(--rule);text-align:left;vertical-align:middle}
.headline thead th{border:0;padding:0 0 9px;font-size:12px;font-weight:500;color:var(--faint)}
.headline tbody tr:first-child>*{border-top-color:var(--faint)}
.headline th[scope=row]{font-weight:600;width:228px}
.headline td.plot{padding-right:34px;width:38%}
.headline td.n,.headline thead th:nth-child(n+3){text-align:right;white-space:nowrap;padding-left:20px}
.headline td.n{font-variant-numeric:tabular-nums;font-size:16px}
.headline td.n small{display:inline;margin-left:6px}
.headline td.strong{font-weight:600}
.key{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:6px;background:var(--accent)}
.key.base{background:var(--muted)} .key.final{margin-left:12px}
.track{position:relative;height:16px}
.track:before{content:"";position:absolute;left:0;right:0;top:6px;height:4px;border-radius:2px;background:var(--track)}
.track i{position:absolute;display:block}
.track .span{top:6px;height:4px;background:var(--accent);opacity:.45}
.track .whisker{top:7px;height:2px;background:var(--accent)} .track .whisker.base{background:var(--muted)}
.track .dotmark{top:2px;width:12px;height:12px;margin-left:-6px;border-radius:50%;background:var(--accent);border:2px solid var(--page)} .track .dotmark.base{background:var(--muted)}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:34px 40px;margin-top:24px}
.charts figure.wide{grid-column:1/-1}
figure{margin:0;min-width:0;break-inside:avoid}
figcaption{line-height:1.35;margin-bottom:6px}
figcaption b{font-weight:600} figcaption span{display:block;color:var(--faint);font-size:12.5px}
.plotbox{min-height:206px}
.uplot{width:100%!important;font:inherit}
.u-legend{font-size:12.5px!important;text-align:left!important;margin:0!important;color:var(--soft);font-variant-numeric:tabular-nums}
.u-legend tr.u-series{margin-right:14px!important} .u-legend th{font-weight:500!important} .u-series>*{padding:1px 2px 1px 0!important}
.u-legend tr:first-child .u-marker{display:none!important}
.u-legend .u-marker{width:10px!important;height:10px!important;border-radius:50%;border:0!important}
.u-cursor-x{border-color:var(--faint)!important}
.heats{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:26px 32px;margin-top:22px}
.heats canvas{display:block;width:100%;height:118px;border-radius:3px}
.scale{display:flex;align-items:center;gap:10px;color:var(--soft);font-size:12.5px;margin-top:16px}
.scale i{width:190px;height:9px;border-radius:5px;background:linear-gradient(90deg,var(--low),var(--even),var(--high))}
.readout{color:var(--faint);font-size:12.5px;font-variant-numeric:tabular-nums}
.pair{border-top:1px solid var(--rule);padding:22px 0 26px;break-inside:avoid-page}
.pair header{display:flex;gap:24px;align-items:baseline;justify-content:space-between;margin-bottom:12px}
pre,code{font:12.8px/1.6 "JetBrains Mono","SF Mono",ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere}
.prompt{font-weight:600} .goal{margin:0;color:var(--soft);font-size:13px;text-align:right;max-width:45%}
.sides{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:22px;align-items:start}
.sides.one{grid-template-columns:minmax(0,1fr)}
.side{background:var(--card);border:1px solid var(--rule);border-radius:9px;padding:13px 16px 15px}
.side.final{border-top:2px solid var(--accent)} .side.base{border-top:2px solid var(--muted)}
h4{display:flex;justify-content:space-between;gap:12px;margin:0 0 10px;font-size:13px;font-weight:600}
.verdict{font-weight:400;color:var(--faint);font-variant-numeric:tabular-nums;white-space:nowrap} .verdict .dot{margin:0 .4em}
.right{color:var(--right)} .wrong{color:var(--wrong)}
.thinking{position:relative;background:var(--thinking);border-left:2px solid var(--rule);border-radius:0 5px 5px 0;padding:9px 13px;margin-bottom:11px;color:var(--soft)}
.thinking pre{max-height:300px;overflow:auto}
.tag{display:block;color:var(--faint);font-size:11.5px;margin-bottom:3px}
.answer{font-weight:600} .none{margin:0;color:var(--faint);font-style:italic}
.scroll{overflow-x:auto;margin-top:10px}
.rollouts{font-size:13px} .rollouts th{text-align:right;font-size:12px;font-weight:500;color:var(--faint);padding:0 0 8px 14px;white-space:nowrap} .rollouts th:nth-child(2){text-align:left}
.rollouts td{vertical-align:top;padding:5px 0 5px 14px} .rollouts td:first-child,.rollouts th:first-child{padding-left:0} .rollouts td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.rollouts tr.first td{border-top:1px solid var(--rule)} .rollouts td:nth-child(2){width:99%;min-width:220px} .rollouts summary{overflow-wrap:anywhere} .rollouts .side{margin:8px 0 10px}
summary{cursor:pointer;color:var(--soft)} summary:hover{color:var(--ink)}
.settings{display:grid;grid-template-columns:repeat(auto-fit,minmax(290px,1fr));gap:14px 48px;margin-top:14px;align-items:start}
.settings h3{font-size:13px;font-weight:600;margin:12px 0 6px}
.settings td{padding:4.5px 0;border-top:1px solid var(--rule);font-size:13px;vertical-align:top;overflow-wrap:anywhere}
.settings td:first-child{color:var(--soft);padding-right:18px;width:50%} .settings td:last-child{text-align:right;font-variant-numeric:tabular-nums}
footer{margin-top:64px;color:var(--faint);font-size:12.5px}
@media (max-width:760px){main{padding:26px 18px 60px} h1{font-size:31px;margin-top:34px} .charts,.sides{grid-template-columns:minmax(0,1fr)} .headline td.plot,.headline th.plot{display:none} .pair header{display:block} .goal{text-align:left;max-width:none} .headline td.n,.headline thead th:nth-child(n+3){padding-left:10px} .headline td.n small{display:block;margin:0} .rollouts thead{display:none} .rollouts tr{display:flex;flex-wrap:wrap;gap:2px 16px;padding:8px 0} .rollouts tr.first{border-top:1px solid var(--rule)} .rollouts tr.first td{border:0} .rollouts td,.rollouts td.n{padding:0;text-align:left} .rollouts td:nth-child(2){flex:1 0 100%;min-width:0} .rollouts td.n:empty{display:none} .rollouts td.n:before{content:attr(data-label) " ";color:var(--faint)}}
@media print{@page{margin:14mm} body{font-size:12.5px} main{max-width:none;padding:0} button.theme,details:not([open]){display:none} .thinking pre{max-height:none} h2{break-after:avoid} *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
`;
