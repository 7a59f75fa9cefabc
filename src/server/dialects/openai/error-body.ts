// Errors as OpenAI's clients read them.
import type { ApiError, ErrorKind } from "../../api-error.js";

const TYPES: Partial<Readonly<Record<ErrorKind, string>>> = {
  unauthorized: "authentication_error",
  forbidden: "permission_error",
  "not found": "not_found_error",
  busy: "rate_limit_error",
  failed: "server_error",
  unavailable: "server_error",
};

/** `{ error: { message, type, param, code } }`. */
export const errorBody = ({ kind, message, param, code }: ApiError): object => ({
  error: { message, type: TYPES[kind] ?? "invalid_request_error", param, code },
});
