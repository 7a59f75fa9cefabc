// The conversations that this browser keeps, in IndexedDB. Where it keeps none, they last as long as the page.
import { asKept, type Conversation } from "./conversation.ts";

const DATABASE = "luciole";
const STORE = "conversations";
const VERSION = 1;

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function perform<T>(mode: IDBTransactionMode, action: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await open();
  return new Promise((resolve, reject) => {
    const request = action(database.transaction(STORE, mode).objectStore(STORE));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** All conversations, the newest first; undefined where this browser keeps none. */
export async function keptConversations(): Promise<Conversation[] | undefined> {
  try {
    const found = await perform<Conversation[]>("readonly", (store) => store.getAll());
    return found.map(asKept).sort((a, b) => b.updatedAt - a.updatedAt);
  } catch {
    return undefined;
  }
}

/** Keeps a conversation as it is now; whether that was possible. */
export async function keep(conversation: Conversation): Promise<boolean> {
  try {
    await perform("readwrite", (store) => store.put(conversation));
    return true;
  } catch {
    return false;
  }
}

/** Forgets a conversation. */
export async function forget(id: string): Promise<void> {
  await perform("readwrite", (store) => store.delete(id)).catch(() => {});
}
