// What `luciole/report` offers: the page that a run makes of its records.
export { renderReport, writeReport } from "./report.js";
