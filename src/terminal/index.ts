// What `luciole/terminal` offers: progress as a person watches it.
export { Progress } from "./progress.js";
export type { ProgressMode, ProgressOptions, ProgressStream } from "./progress-screen.js";
