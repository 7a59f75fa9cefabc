// The models that teach: opened for as long as they are needed, each for the problems of its domain. Knows nothing of
// students.
import { ConfigError } from "../errors.js";
import { defaultPromptStyle, type PromptStyle } from "../eval/problem-prompt.js";
import type { Policy } from "../eval/rollout.js";
import { type OpenedModel, openForSampling } from "../inference/opening/open-model.js";
import type { Answerers } from "../rl/rejection-stage.js";
import type { Problem, Task } from "../tasks/task.js";

/** Where a teacher lies, and what it teaches. */
export interface TeacherSource {
  /** Run, model directory or GGUF file. */
  readonly path: string;
  /** The domain whose problems it teaches; null: those of all domains without a teacher of their own. */
  readonly domain: string | null;
}

/**
 * What a problem belongs to: of a mix its task, of a data set what the row's column `domain` says, else the task's own
 * name.
 */
export function domainOf(task: Task, { meta, fields }: Problem): string {
  const named = meta.task ?? (fields as Readonly<Record<string, unknown>>).domain;
  return typeof named === "string" ? named : task.name;
}

/** Throws ConfigError unless there is a teacher, and one for a domain at most. */
export function refuseTeachers(teachers: readonly TeacherSource[]): void {
  if (teachers.length === 0)
    throw new ConfigError("distill: expected a teacher: --teacher <run, model directory or GGUF file>");
  teachers.forEach(({ domain }, i) => {
    if (teachers.findIndex((other) => other.domain === domain) === i) return;
    const what = domain === null ? "two teachers without a domain" : `two teachers for "${domain}"`;
    throw new ConfigError(`distill: ${what}; give each a domain of its own: --teacher <domain>=<model>`);
  });
}

/** The teacher of a problem. Throws ConfigError where its domain has none. */
export function teacherOf(teachers: readonly TeacherSource[], task: Task, problem: Problem): TeacherSource {
  const domain = domainOf(task, problem);
  const found = teachers.find((each) => each.domain === domain) ?? teachers.find((each) => each.domain === null);
  if (found) return found;
  throw new ConfigError(
    `distill: no teacher for "${domain}", only for ${teachers.map((each) => each.domain).join(", ")}; add --teacher ` +
      `${domain}=<model>, or --teacher <model> for all the others`,
  );
}

/** Opened teachers. Close them after use. */
export class Teachers implements Answerers {
  private readonly bySource = new Map<TeacherSource, Policy>();

  private constructor(
    private readonly sources: readonly TeacherSource[],
    private readonly task: Task,
  ) {}

  /** Opens all of them; `template`: how problems are put to them, null for each as it was trained. Throws as `open`. */
  static async open(
    sources: readonly TeacherSource[],
    task: Task,
    template: PromptStyle | null,
    open: (path: string) => Promise<OpenedModel> = openForSampling,
  ): Promise<Teachers> {
    const teachers = new Teachers(sources, task);
    try {
      for (const source of sources) {
        const { model, tokenizer, stopIds, generation } = await open(source.path);
        const style = template ?? defaultPromptStyle(tokenizer, generation);
        teachers.bySource.set(source, { model, tokenizer, stopIds, template: style });
      }
      return teachers;
    } catch (error) {
      teachers.close();
      throw error;
    }
  }

  policyOf(problem: Problem): Policy {
    return this.bySource.get(teacherOf(this.sources, this.task, problem)) as Policy;
  }

  close(): void {
    for (const { model } of this.bySource.values()) model.dispose();
  }
}
