// Names for what a server makes: replies, calls, items.
import { randomBytes } from "node:crypto";

/** A new name of a kind such as `chatcmpl-`. */
export const newId = (kind: string): string => `${kind}${randomBytes(12).toString("hex")}`;
