// Lets the event loop go round once: timers, signals and readers get their turn between parts of synchronous work. The
// same in Node and in a browser.

/** Resolves with the event loop's next turn. */
export const nextTurn: () => Promise<void> =
  typeof setImmediate === "function" ? () => new Promise((resolve) => setImmediate(resolve)) : messageTurn;

/** A browser's timers wait some milliseconds; a message comes at once. */
function messageTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener("message", () => {
      port1.close();
      resolve();
    });
    port1.start();
    port2.postMessage(null);
  });
}
