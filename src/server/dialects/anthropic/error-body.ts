// Errors as Anthropic's clients read them.
import type { ApiError, ErrorKind } from "../../api-error.js";

const TYPES: Partial<Readonly<Record<ErrorKind, string>>> = {
  unauthorized: "authentication_error",
  forbidden: "permission_error",
  "not found": "not_found_error",
  "too large": "request_too_large",
  busy: "rate_limit_error",
  failed: "api_error",
  unavailable: "overloaded_error",
};

/** `{ type: "error", error: { type, message }, request_id }`. */
export const errorBody = ({ kind, message }: ApiError, requestId: string): object => ({
  type: "error",
  error: { type: TYPES[kind] ?? "invalid_request_error", message },
  request_id: requestId,
});
