// How numbers, sizes and times are written for people.

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

/** Bytes of memory, in powers of 1024: `42 MiB`, `1.4 GiB`. */
export function formatMemory(bytes: number): string {
  const mib = bytes / 2 ** 20;
  if (mib < 1024) return `${mib < 10 ? mib.toFixed(1) : Math.ceil(mib)} MiB`;
  return mib < 2 ** 20 ? `${(mib / 1024).toFixed(1)} GiB` : `${(mib / 2 ** 20).toFixed(1)} TiB`;
}

/** Bytes of a file, in powers of 1000: `1.42 GB`. */
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
