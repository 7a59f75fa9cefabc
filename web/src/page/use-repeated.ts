// Work that is repeated as long as a component is shown and somebody looks. Knows no work.
import { useEffect, useRef } from "preact/hooks";

/**
 * Does `action` now and `everyMs` after it has ended, and stops with the component or when `inputs` change. A page that
 * is hidden waits.
 */
export function useRepeated(
  everyMs: number,
  inputs: readonly unknown[],
  action: (signal: AbortSignal) => Promise<void>,
): void {
  const newest = useRef(action);
  newest.current = action;
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = async () => {
      clearTimeout(timer);
      if (!document.hidden) await newest.current(stop.signal);
      if (!stop.signal.aborted) timer = setTimeout(again, everyMs);
    };
    const onShown = () => !document.hidden && void again();
    void again();
    document.addEventListener("visibilitychange", onShown);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", onShown);
    };
  }, inputs);
}
