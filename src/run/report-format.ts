// How numbers and foreign text are written in a report.
// Knows nothing of pages beyond what must be escaped in one.

/** Text made safe for element content and for quoted attributes. */
export function escapeHtml(text: unknown): string {
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (character) => entities[character]);
}

/** JSON made safe inside a script element: no `<` can end it, and no line separator can break older engines. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[<\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `0.7843` → `78.4%`. */
export function formatPercent(rate: number): string {
  return Number.isFinite(rate) ? `${(rate * 100).toFixed(1)}%` : "–";
}

/** `78.4% ± 1.2%`; without the error where it is unknown. */
export function withError(value: number, stderr: number | null, write: (value: number) => string): string {
  return stderr === null ? write(value) : `${write(value)} ± ${write(stderr)}`;
}

/** A number for people, three significant digits: `412`, `1,830`, `3.21 M`. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  for (const [scale, unit] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
  ] as const) {
    if (size >= scale) return `${(value / scale).toPrecision(3)} ${unit}`;
  }
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)));
}

/** Bytes in binary-free units: `1.42 GB`. */
export function formatSize(sizeBytes: number): string {
  if (sizeBytes >= 1e12) return `${(sizeBytes / 1e12).toPrecision(3)} TB`;
  if (sizeBytes >= 1e9) return `${(sizeBytes / 1e9).toPrecision(3)} GB`;
  return sizeBytes >= 1e6 ? `${(sizeBytes / 1e6).toPrecision(3)} MB` : `${formatNumber(sizeBytes)} B`;
}

/** A span of time: `48 s`, `12 min 5 s`, `3 h 20 min`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 ? ` ${whole % 60} s` : ""}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}
