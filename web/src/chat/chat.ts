// The chat at work: which conversation is open, which answers are being written, what is kept. Knows no component.
import { getJson } from "../page/api.ts";
import { eachFrame } from "../page/each-frame.ts";
import { readSaved, save } from "../page/saved.ts";
import { Store } from "../page/store.ts";
import {
  type ChatSettings,
  type Conversation,
  newConversation,
  newId,
  PLAIN_SETTINGS,
  type Side,
  shownTurns,
  type Turn,
  type TurnTree,
  turnsBefore,
  withBranch,
  withChanged,
  withTurn,
} from "./conversation.ts";
import { forget, keep, keptConversations } from "./history.ts";
import { type ReplySoFar, replyRequest, streamReply } from "./stream-reply.ts";

/** A model that can be asked. */
export interface ServedModel {
  readonly id: string;
  readonly state?: string;
  readonly max_model_len?: number;
}

/** What there is to see of the chat. */
export interface ChatState {
  readonly models: readonly ServedModel[];
  readonly current: Conversation;
  /** Those with something said, the newest first. */
  readonly kept: readonly Conversation[];
  /** Sides whose answer is being written. */
  readonly writing: ReadonlySet<number>;
  /** Whether this browser keeps conversations. */
  readonly isKept: boolean;
}

/** While an answer is written, it is kept this often. */
const KEEP_MS = 2_000;

/** See the file's head. */
export class Chat {
  readonly state: Store<ChatState>;
  private readonly stops = new Map<number, AbortController>();
  private keptMs = 0;

  private constructor(models: readonly ServedModel[], found: readonly Conversation[] | undefined) {
    this.state = new Store<ChatState>({
      models,
      kept: found ?? [],
      current: newConversation([lastModel(models)], lastSettings()),
      writing: new Set(),
      isKept: found !== undefined,
    });
  }

  /** Throws RequestFailed where the server does not tell its models. */
  static async open(): Promise<Chat> {
    const { data } = await getJson<{ data: ServedModel[] }>("/v1/models");
    return new Chat(data, await keptConversations());
  }

  get isWriting(): boolean {
    return this.state.value.writing.size > 0;
  }

  /** Sends a message to every side. */
  send(text: string): void {
    if (this.isWriting || text.trim() === "") return;
    this.current.sides.forEach((side, i) => {
      this.ask(i, { text, parent: shownTurns(side.tree).at(-1)?.id ?? null });
    });
  }

  /** Sends another message in the place of one; the former stays as a branch. */
  edit(side: number, { parent }: Turn, text: string): void {
    if (!this.stops.has(side) && text.trim() !== "") this.ask(side, { text, parent });
  }

  /** Asks for another answer; the former stays as a branch. */
  regenerate(side: number, { parent }: Turn): void {
    if (!this.stops.has(side)) void this.answer(side, parent as string);
  }

  /** Asks every side for another last answer. */
  regenerateLast(): void {
    this.current.sides.forEach(({ tree }, i) => {
      const last = shownTurns(tree).at(-1);
      if (last?.role === "assistant") this.regenerate(i, last);
    });
  }

  /** Shows the branch `by` places further. */
  showBranch(side: number, turn: Turn, by: number): void {
    if (!this.stops.has(side)) this.changeTree(side, (tree) => withBranch(tree, turn, by));
  }

  /** Stops all answers; what has come of them stays. */
  stop(): void {
    for (const stop of this.stops.values()) stop.abort();
  }

  create(): void {
    this.stop();
    const { models, settings } = { models: this.current.sides.map(({ model }) => model), ...this.current };
    this.state.update((state) => ({ ...state, current: newConversation(models, { ...settings, schema: "" }) }));
  }

  open(id: string): void {
    const found = this.state.value.kept.find((each) => each.id === id);
    if (!found || id === this.current.id) return;
    this.stop();
    this.state.update((state) => ({ ...state, current: found }));
  }

  /** Forgets a conversation; gives it, so that it can be put back. */
  remove(id: string): Conversation | undefined {
    const found = this.state.value.kept.find((each) => each.id === id);
    if (id === this.current.id) this.create();
    this.state.update((state) => ({ ...state, kept: state.kept.filter((each) => each.id !== id) }));
    void forget(id);
    return found;
  }

  /** Puts a conversation back that was removed. */
  restore(conversation: Conversation): void {
    this.keepNow(conversation);
  }

  setModel(side: number, model: string): void {
    if (side === 0) save("model", model);
    this.changeSide(side, (each) => ({ ...each, model }));
  }

  setSettings(settings: ChatSettings): void {
    save("settings", { ...settings, schema: "" });
    this.change((conversation) => ({ ...conversation, settings }));
    this.keepNow(this.current);
  }

  /** Begins to compare with a second model, from here on, or ends it. */
  toggleComparison(): void {
    if (this.isWriting) return;
    this.change((conversation) => {
      const [first, second] = conversation.sides;
      if (second) return { ...conversation, sides: [first] };
      const other = this.state.value.models.find(({ id }) => id !== first.model) ?? { id: first.model };
      return { ...conversation, sides: [first, { model: other.id, tree: first.tree }] };
    });
    this.keepNow(this.current);
  }

  private get current(): Conversation {
    return this.state.value.current;
  }

  private ask(side: number, { text, parent }: Pick<Turn, "text" | "parent">): void {
    const turn: Turn = { id: newId(), parent, role: "user", text };
    this.changeTree(side, (tree) => withTurn(tree, turn));
    void this.answer(side, turn.id);
  }

  private async answer(side: number, parent: string): Promise<void> {
    const { settings, sides, id: conversation } = this.current;
    const { model, tree } = sides[side];
    const isJson = settings.schema.trim() !== "";
    const turn: Turn = { id: newId(), parent, role: "assistant", text: "", model, ...(isJson && { isJson }) };
    this.changeTree(side, (each) => withTurn(each, turn));
    const stop = new AbortController();
    this.setWriting(side, stop);
    const tell = eachFrame<ReplySoFar>((reply) => {
      if (this.current.id === conversation) this.takeProgress(side, turn.id, reply);
    });
    const request = replyRequest(model, [...turnsBefore(tree, parent), tree.turns[parent]], settings);
    const end = await streamReply(request, stop.signal, tell);
    tell.flush();
    if (this.stops.get(side) === stop) this.setWriting(side, undefined);
    this.finish(conversation, side, (each) => withChanged(each, turn.id, end));
    if (end.ending !== "failed") void this.refreshModels();
  }

  private takeProgress(side: number, id: string, reply: ReplySoFar): void {
    this.changeTree(side, (tree) => withChanged(tree, id, reply));
    if (performance.now() - this.keptMs < KEEP_MS) return;
    this.keptMs = performance.now();
    this.keepNow(this.current);
  }

  /** The conversation may have been left meanwhile: its answer belongs to it all the same. */
  private finish(conversation: string, side: number, change: (tree: TurnTree) => TurnTree): void {
    const found =
      this.current.id === conversation ? this.current : this.state.value.kept.find(({ id }) => id === conversation);
    if (!found?.sides[side]) return;
    const sides = found.sides.map((each, i) => (i === side ? { ...each, tree: change(each.tree) } : each));
    this.keepNow({ ...found, sides, updatedAt: Date.now() });
  }

  /** Models that were loaded meanwhile tell more of themselves. */
  private async refreshModels(): Promise<void> {
    const { data } = await getJson<{ data: ServedModel[] }>("/v1/models").catch(() => ({ data: undefined }));
    if (data) this.state.update((state) => ({ ...state, models: data }));
  }

  private setWriting(side: number, stop: AbortController | undefined): void {
    if (stop) this.stops.set(side, stop);
    else this.stops.delete(side);
    this.state.update((state) => ({ ...state, writing: new Set(this.stops.keys()) }));
  }

  private changeTree(side: number, change: (tree: TurnTree) => TurnTree): void {
    this.changeSide(side, (each) => ({ ...each, tree: change(each.tree) }));
  }

  private changeSide(side: number, change: (side: Side) => Side): void {
    this.change((conversation) => ({
      ...conversation,
      updatedAt: Date.now(),
      sides: conversation.sides.map((each, i) => (i === side ? change(each) : each)),
    }));
  }

  private change(change: (conversation: Conversation) => Conversation): void {
    this.state.update((state) => ({ ...state, current: change(state.current) }));
  }

  /** Keeps a conversation that has something said. */
  private keepNow(conversation: Conversation): void {
    if (conversation.sides.every(({ tree }) => shownTurns(tree).length === 0)) return;
    this.state.update((state) => ({
      ...state,
      current: state.current.id === conversation.id ? conversation : state.current,
      kept: [conversation, ...state.kept.filter(({ id }) => id !== conversation.id)].sort(
        (a, b) => b.updatedAt - a.updatedAt,
      ),
    }));
    void keep(conversation).then((isKept) => {
      if (isKept !== this.state.value.isKept) this.state.update((state) => ({ ...state, isKept }));
    });
  }
}

function lastModel(models: readonly ServedModel[]): string {
  const last = readSaved<string>("model");
  return (models.find(({ id }) => id === last) ?? models[0]).id;
}

function lastSettings(): ChatSettings {
  const last = readSaved<ChatSettings>("settings");
  return typeof last === "object" && last !== null ? { ...PLAIN_SETTINGS, ...last } : PLAIN_SETTINGS;
}
