// A game as an environment, with problems of its own: the model guesses a number and is told "higher" or "lower".
// It is played by: luciole rl … --environment guess-the-number --set environment.options.maxWidth=16
import { drawInSplit, type Environment, type Problem, renderWording, type Task, validateTask } from "luciole/tasks";

/** Options of the game. */
interface GameOptions {
  /** Most numbers to choose from; there are at least two. */
  readonly maxWidth?: number;
  /** The largest number. */
  readonly maxNumber?: number;
}

/** A number, and the range that it lies in, ends included. */
interface Fields {
  readonly low: number;
  readonly high: number;
  readonly number: number;
}

const fieldsOf = ({ fields }: Problem): Fields => fields as unknown as Fields;

/** Guesses in which any number of so many is found by halving. */
const guessesFor = (width: number): number => Math.floor(Math.log2(width)) + 1;

function game({ maxWidth, maxNumber }: Required<GameOptions>): Task {
  const task: Task = {
    name: "guess-the-number",
    generate: (seed, index, split) =>
      drawInSplit("guess-the-number", { seed, index, split, heldOutFraction: 0.1 }, (random) => {
        const width = 2 + random.below(maxWidth - 1);
        const low = 1 + random.below(maxNumber - width + 1);
        const fields = { low, high: low + width - 1, number: low + random.below(width) };
        const id = `${fields.number} in ${low}-${fields.high}`;
        return { id, split, fields, answer: `${fields.number}`, difficulty: guessesFor(width), meta: {} };
      }),
    verify: (problem, answer) => Number(answer.trim() === problem.answer),
    renderPrompt(problem, template) {
      const { low, high } = fieldsOf(problem);
      const question =
        `I have chosen a whole number from ${low} to ${high}. Guess it. ` +
        "As long as you have not found it, I say whether it is higher or lower.";
      return renderWording({ compact: `${low}-${high}`, question, answerForm: "only your guess" }, template);
    },
    validate: () => validateTask(task),
  };
  return task;
}

export default function guessTheNumber({ maxWidth = 16, maxNumber = 100 }: GameOptions): Environment {
  return {
    name: "guess-the-number",
    task: game({ maxWidth, maxNumber }),
    begin(problem) {
      const { low, high, number } = fieldsOf(problem);
      let left = guessesFor(high - low + 1);
      return {
        reply({ response }) {
          const said = response.answer ?? response.reply;
          const guess = Number(/\d+(?=\D*$)/.exec(said)?.[0] ?? Number.NaN);
          if (guess === number) return { answer: `${guess}` };
          if (--left === 0) return { answer: null };
          if (Number.isNaN(guess)) return "a number, please";
          return guess < number ? "higher" : "lower";
        },
      };
    },
  };
}
