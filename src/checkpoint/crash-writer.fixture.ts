// A process that writes checkpoints without end, for tests to kill. Says on stdout which step has been saved.
// argv: directory, first step.
import { hostTensor } from "./host-tensor.js";
import { CheckpointStore } from "./store.js";

const [directory, firstStep] = process.argv.slice(2);
const store = await CheckpointStore.open(directory, { keepLast: 2 });
for (let step = Number(firstStep); ; step++) {
  // Every third step is written twice, so that replacing a checkpoint is interrupted too.
  for (let repeat = 0; repeat < (step % 3 === 0 ? 2 : 1); repeat++) {
    const values = hostTensor(new Float32Array(50_000).fill(step));
    await store.save({
      config: { step },
      weights: new Map([["weight", values]]),
      trainer: { step, state: { step }, tensors: new Map([["moment", values]]) },
    });
  }
  process.stdout.write(`${step}\n`);
}
