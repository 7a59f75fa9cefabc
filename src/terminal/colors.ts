// Whether a stream shows colours. Knows no colour.

/** On a terminal, unless NO_COLOR is set (no-color.org) or the terminal says it is dumb. */
export const showsColors = (
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean => stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
