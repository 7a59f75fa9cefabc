// Which pages a server has: one that watches runs alone has no chat.

/** As `/luciole/pages` tells it. */
export interface Pages {
  readonly chat: boolean;
  readonly runs: boolean;
  readonly server: boolean;
}
