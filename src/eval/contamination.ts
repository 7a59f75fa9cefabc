// Whether questions stand in training data: runs of words that both share, as GPT-3's authors looked for them (Brown et
// al. 2020, arXiv 2005.14165, appendix C). Knows rows of text, no files and no model.
import type { PlacedRow } from "../data/row.js";
import type { Problem, Task } from "../tasks/task.js";

/** Words of a run: as for GPT-3. A shorter question is looked for as a whole. */
export const CONTAMINATION_WORDS = 13;

/** A question with a run of words that stands in the training data. */
export interface ContaminatedQuestion {
  readonly id: string;
  /** The first row that holds a run of it. */
  readonly where: string;
  /** The run, its words in lower case and without punctuation. */
  readonly words: string;
}

/** What of a part was found in training data. */
export interface ContaminationReport {
  /** Words of a run. */
  readonly words: number;
  /** Rows that were looked into. */
  readonly rows: number;
  /** Share of the questions that were found. */
  readonly share: number;
  readonly found: readonly ContaminatedQuestion[];
}

/** Words in lower case, without punctuation. */
const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Looks for the runs of words of many questions in row after row. */
export class ContaminationCheck {
  /** Ids of the questions that a run of words belongs to, by the length of the run and its words. */
  private readonly runs = new Map<number, Map<string, string[]>>();
  private readonly found = new Map<string, ContaminatedQuestion>();
  private readonly ids: readonly string[];
  private rows = 0;

  constructor(
    task: Task,
    problems: readonly Problem[],
    private readonly numWords = CONTAMINATION_WORDS,
  ) {
    this.ids = problems.map(({ id }) => id);
    for (const problem of problems) this.addQuestion(problem.id, wordsOf(task.renderPrompt(problem, "plain")));
  }

  /** Looks into all texts of a row. */
  look({ row, where }: PlacedRow): void {
    this.rows++;
    for (const text of textsIn(row)) this.lookInto(wordsOf(text), where);
  }

  /** What was found so far. */
  report(): ContaminationReport {
    const found = this.ids.flatMap((id) => this.found.get(id) ?? []);
    const share = this.ids.length === 0 ? 0 : found.length / this.ids.length;
    return { words: this.numWords, rows: this.rows, share, found };
  }

  private addQuestion(id: string, words: readonly string[]): void {
    const length = Math.min(this.numWords, words.length);
    if (length === 0) return;
    const runs = this.runs.get(length) ?? new Map<string, string[]>();
    this.runs.set(length, runs);
    for (let at = 0; at + length <= words.length; at++) {
      const run = words.slice(at, at + length).join(" ");
      runs.set(run, [...(runs.get(run) ?? []), id]);
    }
  }

  private lookInto(words: readonly string[], where: string): void {
    for (const [length, runs] of this.runs)
      for (let at = 0; at + length <= words.length; at++) {
        const run = words.slice(at, at + length).join(" ");
        for (const id of runs.get(run) ?? []) if (!this.found.has(id)) this.found.set(id, { id, where, words: run });
      }
  }
}

/** All texts in a value: those of lists and objects too, such as the messages of a conversation. */
function* textsIn(value: unknown): Generator<string> {
  if (typeof value === "string") yield value;
  else if (typeof value === "object" && value !== null) for (const each of Object.values(value)) yield* textsIn(each);
}
