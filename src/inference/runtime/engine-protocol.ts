// What an engine and those who use it from another thread say to each other: plain data. Knows no threads.
import {
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  HubError,
  LucioleError,
  ShapeError,
  TrainingError,
} from "../../errors.js";
import type { EngineStats } from "./engine-handle.js";
import type { Completion, GenerationRequest, TokenEvent } from "./request.js";

/** Token events of a request that its reader may have unread before the engine keeps the next ones to itself. */
export const READ_WINDOW = 256;

/** A call to the engine; `id` is the caller's number of the request, or of the question. */
export type EngineCall =
  | { readonly kind: "submit"; readonly id: number; readonly request: GenerationRequest; readonly isAborted: boolean }
  | { readonly kind: "cancel"; readonly id: number }
  /** So many more events of the request were read. */
  | { readonly kind: "read"; readonly id: number; readonly count: number }
  | { readonly kind: "stats"; readonly id: number }
  | { readonly kind: "state"; readonly id: number; readonly prompt: Int32Array }
  | { readonly kind: "close" };

/** New events of a request, and whether they are its last. */
export interface RequestEvents {
  readonly id: number;
  readonly events: readonly TokenEvent[];
  readonly isLast?: true;
}

/** What an engine says. */
export type EngineMessage =
  /** What a step gave all its requests. */
  | { readonly kind: "events"; readonly requests: readonly RequestEvents[] }
  | { readonly kind: "result"; readonly id: number; readonly completion: Completion }
  | { readonly kind: "failed"; readonly id: number; readonly error: SentError }
  /** The answer to a question: figures, or a hidden state. */
  | { readonly kind: "answer"; readonly id: number; readonly answer: EngineStats | Float32Array };

/** An error as plain data. */
export interface SentError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
}

const CLASSES = [
  BackendError,
  CheckpointError,
  ConfigError,
  DataError,
  HubError,
  LucioleError,
  ShapeError,
  TrainingError,
] as const;

/** Makes plain data of whatever was thrown. */
export function sentError(error: unknown): SentError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { name, message, stack } = error;
  return { name, message, stack };
}

/** The error again, of the class it had where that is one of this project's. */
export function receivedError({ name, message, stack }: SentError): Error {
  const Class = CLASSES.find((each) => each.name === name);
  const error = Class ? new Class(message) : Object.assign(new Error(message), { name });
  if (stack !== undefined) error.stack = stack;
  return error;
}
