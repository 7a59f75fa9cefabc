// Requests to the server that this page came from, with the API key if one was given. Knows no path.
import { savedStore } from "./saved.ts";
import { Store } from "./store.ts";

/** The API key; empty: none. */
export const apiKey = savedStore("key", "", (value) => typeof value === "string");
/** Whether the server refused the key, or asks for one. */
export const needsKey = new Store(false);

/** A request that the server refused, or that did not reach it (status 0). */
export class RequestFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** As `fetch`. Throws RequestFailed with the server's own words. */
export async function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (apiKey.value) headers.set("authorization", `Bearer ${apiKey.value}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new RequestFailed(0, (error as Error).message);
  }
  if (response.status === 401) needsKey.set(true);
  if (!response.ok) throw new RequestFailed(response.status, await messageOf(response));
  return response;
}

/** The JSON that a path answers. */
export const getJson = async <T>(path: string, init?: RequestInit): Promise<T> =>
  (await (await request(path, init)).json()) as T;

async function messageOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } | string };
    const message = typeof error === "string" ? error : error?.message;
    if (message) return message;
  } catch {
    // not ours
  }
  return `${response.status} ${response.statusText}`;
}
