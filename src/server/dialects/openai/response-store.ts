// Responses that were given, so that later ones can go on from them: in memory, the oldest forgotten first. Knows no
// model.
import type { ChatMessage } from "../../../tokenizer/index.js";
import { ApiError } from "../../api-error.js";

/** Characters of all stored responses together. */
const MAX_CHARACTERS = 64 << 20;

/** An item of a response's output. */
export interface StoredItem {
  readonly id: string;
}

/** A response and the conversation it ended. */
export interface StoredResponse {
  readonly body: { readonly output?: readonly StoredItem[] };
  readonly messages: readonly ChatMessage[];
  /** Who may go on from it: the name of the key it was asked with. */
  readonly client?: string;
}

/** See the file's head. */
export class ResponseStore {
  private readonly kept = new Map<string, StoredResponse & { readonly size: number }>();
  /** The response of each item. */
  private readonly placeOf = new Map<string, string>();
  private total = 0;

  keep(id: string, stored: StoredResponse): void {
    const size = JSON.stringify(stored).length;
    this.kept.set(id, { ...stored, size });
    for (const item of stored.body.output ?? []) this.placeOf.set(item.id, id);
    this.total += size;
    for (const oldest of this.kept.keys()) {
      if (this.total <= MAX_CHARACTERS) break;
      this.forget(oldest);
    }
  }

  /** Throws ApiError `not found` for one that is not kept, or is another client's. */
  find(id: string, client: string | undefined): StoredResponse {
    const found = this.kept.get(id);
    if (found && found.client === client) return found;
    throw new ApiError("not found", `there is no response ${JSON.stringify(id)}: it was not stored, or is forgotten`, {
      param: "previous_response_id",
      code: "previous_response_not_found",
    });
  }

  /** An item of a response that is kept. Throws ApiError `not found` about the field `param`, as `find`. */
  findItem(id: string, param: string, client: string | undefined): StoredItem {
    const stored = this.kept.get(this.placeOf.get(id) ?? "");
    const found = stored?.body.output?.find((item) => item.id === id);
    if (found && stored?.client === client) return found;
    throw new ApiError("not found", `${param}: there is no item ${JSON.stringify(id)}: its response was not stored`, {
      param,
    });
  }

  forget(id: string): void {
    for (const item of this.kept.get(id)?.body.output ?? []) this.placeOf.delete(item.id);
    this.total -= this.kept.get(id)?.size ?? 0;
    this.kept.delete(id);
  }
}
