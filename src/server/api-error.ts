// What a request can be refused for, in words of no dialect: each puts it into its own shape. Knows no HTTP but the
// status a kind of error has.
import { BackendError, CheckpointError, ConfigError, DataError, HubError, LucioleError } from "../errors.js";

/** Kinds of errors with their HTTP status. */
export const ERROR_STATUS = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  "not found": 404,
  "wrong method": 405,
  "too slow": 408,
  "too large": 413,
  busy: 429,
  failed: 500,
  unavailable: 503,
} as const;
/** One of the kinds. */
export type ErrorKind = keyof typeof ERROR_STATUS;

/** What else is told of an error. */
export interface ErrorDetails extends ErrorOptions {
  /** The field of the request that it is about. */
  readonly param?: string;
  /** A name that programs know it by. */
  readonly code?: string;
  /** When it may be worth to ask again. */
  readonly retryAfterSeconds?: number;
}

/** An error that is told to the client as it is. */
export class ApiError extends LucioleError {
  readonly param: string | null;
  readonly code: string | null;
  readonly retryAfterSeconds?: number;

  constructor(
    readonly kind: ErrorKind,
    message: string,
    { param, code, retryAfterSeconds, ...options }: ErrorDetails = {},
  ) {
    super(message, options);
    this.param = param ?? null;
    this.code = code ?? null;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get status(): (typeof ERROR_STATUS)[ErrorKind] {
    return ERROR_STATUS[this.kind];
  }
}

/** Whatever was thrown as what is told of it. What is nobody's doing but ours is told without its words. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof ConfigError || error instanceof DataError)
    return new ApiError("invalid", message, { cause: error });
  if (error instanceof CheckpointError || error instanceof HubError)
    return new ApiError("unavailable", message, { cause: error });
  if (error instanceof BackendError) {
    const kind = message.startsWith("not enough memory") ? "unavailable" : "failed";
    return new ApiError(kind, message, { cause: error, ...(kind === "unavailable" && { retryAfterSeconds: 10 }) });
  }
  return new ApiError("failed", "the server met an unexpected error; its log names it by the request's id", {
    cause: error,
  });
}
