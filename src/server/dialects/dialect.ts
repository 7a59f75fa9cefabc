// What a dialect is: the paths it answers and the shape of its errors. One folder each; dialects know nothing of each
// other but what they have in common by design (DeepSeek's is OpenAI's with more).
import type { ApiError } from "../api-error.js";
import type { App, ServerContext } from "../context.js";

/** A way that clients talk. */
export interface Dialect {
  readonly name: string;
  /** Whether a path is answered in it, errors included. */
  owns(path: string): boolean;
  /** Puts its paths into the application. */
  register(app: App, server: ServerContext): void;
  /** The body of an error. */
  errorBody(error: ApiError, requestId: string): object;
}
