// Work that is done at most once a frame, with the newest value. Knows no work.

/** Frames stand still in a page that is hidden; work goes on there at this pace. */
const HIDDEN_MS = 250;

/** A function that keeps the newest value it is given and hands it to `action` once a frame. */
export function eachFrame<T>(action: (value: T) => void): ((value: T) => void) & { flush(): void } {
  let waiting: { readonly value: T } | undefined;
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    const taken = waiting;
    waiting = undefined;
    if (taken) action(taken.value);
  };
  const take = (value: T) => {
    const isFirst = waiting === undefined;
    waiting = { value };
    if (!isFirst) return;
    frame = requestAnimationFrame(flush);
    timer = setTimeout(flush, HIDDEN_MS);
  };
  return Object.assign(take, { flush });
}
