// Which runs are shown: `/runs/<name>?with=<others>`. Knows no run.
import { useMemo } from "preact/hooks";
import { urlPath } from "../../../src/url-path.ts";
import { address, navigate } from "../page/router.ts";
import { useStore } from "../page/store.ts";

/** What the address names. */
export interface Chosen {
  readonly chosen: string | undefined;
  readonly over: readonly string[];
}

/** The run that is chosen, and those laid over it. */
export function useChosen(): Chosen {
  const [path, query] = useStore(address).split("?");
  return useMemo(() => {
    const name = path.split("/").slice(2).map(decodeURIComponent).join("/");
    return { chosen: name === "" ? undefined : name, over: new URLSearchParams(query).getAll("with") };
  }, [path, query]);
}

/** The address that shows a run with others laid over it. */
export function runAddress(name: string, over: readonly string[]): string {
  const query = over.filter((other) => other !== name).map((other) => `with=${encodeURIComponent(other)}`);
  const path = `/runs/${urlPath(name)}`;
  return query.length > 0 ? `${path}?${query.join("&")}` : path;
}

/** Lays a run over the chosen one, or takes it away. */
export function toggleOver(chosen: string, over: readonly string[], name: string): void {
  const next = over.includes(name) ? over.filter((other) => other !== name) : [...over, name];
  navigate(runAddress(chosen, next), { replaces: true });
}
