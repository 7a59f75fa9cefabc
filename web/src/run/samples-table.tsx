// What the model wrote while it was trained or evaluated, with the rewards that each text got.
import { useEffect, useState } from "preact/hooks";
import { clipped } from "../../../src/plain-text.ts";
import { useNumbers, useWords } from "../words/index.ts";
import { named, type ReadSamples, type SampleRecord, samplesBefore, withNewest } from "./run-records.ts";

/** Draws the table. `version` changes when there may be new ones. */
export function SamplesTable({ name, version }: { readonly name: string; readonly version: unknown }) {
  const { runs } = useWords();
  const [read, setRead] = useState<ReadSamples>();
  useEffect(() => {
    let isOver = false;
    samplesBefore(name).then(
      (newest) => isOver || setRead((known) => withNewest(known, newest)),
      () => {}, // the metrics of the same run say what is wrong
    );
    return () => {
      isOver = true;
    };
  }, [name, version]);
  if (!read) return null;
  if (read.records.length === 0) return <p class="quiet">{runs.noSamples}</p>;
  const { records, before } = read;
  const rewards = [...new Set(records.flatMap((sample) => Object.keys(sample.rewards ?? {})))];
  const showEarlier = async (from: number) => {
    const earlier = await samplesBefore(name, from);
    setRead({ records: [...records, ...earlier.records], before: earlier.before });
  };
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached by keys */}
      <section class="scroll" tabIndex={0} aria-label={runs.samples}>
        <table class="samples">
          <thead>
            <tr>
              <th scope="col">{runs.step}</th>
              <th scope="col">{runs.sample}</th>
              <th scope="col" class="number">
                {runs.tokens}
              </th>
              <th scope="col" class="number">
                {runs.reward}
              </th>
              {rewards.map((reward) => (
                <th key={reward} scope="col" class="number">
                  {reward.replace(/_reward$/, "").replaceAll("_", " ")}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {named(records).map(([name, sample]) => (
              <SampleRow key={name} sample={sample} rewards={rewards} />
            ))}
          </tbody>
        </table>
      </section>
      {before !== null && (
        <button type="button" class="button samples-more" onClick={() => void showEarlier(before)}>
          {runs.earlier}
        </button>
      )}
    </>
  );
}

function SampleRow({ sample, rewards }: { readonly sample: SampleRecord; readonly rewards: readonly string[] }) {
  const { runs } = useWords();
  const { number, whole } = useNumbers();
  const figure = (value: number | null | undefined) => (value === null || value === undefined ? "–" : number(value, 3));
  const { step, stage, model, numTokens, reward, correct } = sample;
  return (
    <tr>
      <td>
        {whole(step)}
        {(model ?? stage) && <small class="quiet"> {model ?? stage}</small>}
      </td>
      <td class="text">
        <details>
          <summary>
            {correct !== undefined && <b class={correct ? "right" : "wrong"}>{correct ? runs.correct : runs.wrong} </b>}
            <b>{clipped(sample.question ?? sample.prompt, 60)}</b> {clipped(sample.completion, 110)}
          </summary>
          <SampleText sample={sample} />
        </details>
      </td>
      <td class="number">{figure(numTokens)}</td>
      <td class="number">{figure(reward)}</td>
      {rewards.map((name) => (
        <td key={name} class="number">
          {figure(sample.rewards?.[name])}
        </td>
      ))}
    </tr>
  );
}

function SampleText({ sample: { prompt, completion, turns, answer } }: { readonly sample: SampleRecord }) {
  const { runs } = useWords();
  const parts = turns ? turns.map(({ from, text }) => [from, text] as const) : [[runs.completion, completion] as const];
  return (
    <dl class="sample">
      <dt>{runs.prompt}</dt>
      <dd>{prompt}</dd>
      {parts.map(([from, text], i) => [<dt key={`from ${i}`}>{from}</dt>, <dd key={`text ${i}`}>{text}</dd>])}
      {answer !== undefined && [<dt key="expected">{runs.expected}</dt>, <dd key="answer">{answer}</dd>]}
    </dl>
  );
}
