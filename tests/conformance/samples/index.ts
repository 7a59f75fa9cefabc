// The samples of every op, by name. An op without an entry does not compile.
import { attentionSamples } from "./attention.js";
import { dropoutSamples } from "./dropout.js";
import { elementwiseSamples } from "./elementwise.js";
import { encodeSamples } from "./encode.js";
import { expandedAttentionSamples } from "./expanded-attention.js";
import { gluSamples } from "./glu.js";
import { headSamples } from "./head.js";
import { linearSamples } from "./linear.js";
import { moeSamples } from "./moe.js";
import { normSamples } from "./norm.js";
import { optimizerSamples } from "./optimizer.js";
import { pagedAttentionSamples } from "./paged-attention.js";
import { reduceSamples } from "./reduce.js";
import { ropeSamples } from "./rope.js";
import { rowsSamples } from "./rows.js";
import type { SamplesByOp } from "./sample.js";
import { samplingSamples } from "./sampling.js";
import { storedSamples } from "./stored.js";

/** What the conformance tests call each op with; gradients are checked by finite differences of the reference. */
export const samples: SamplesByOp = {
  ...attentionSamples,
  ...dropoutSamples,
  ...elementwiseSamples,
  ...encodeSamples,
  ...expandedAttentionSamples,
  ...gluSamples,
  ...headSamples,
  ...linearSamples,
  ...moeSamples,
  ...normSamples,
  ...optimizerSamples,
  ...pagedAttentionSamples,
  ...reduceSamples,
  ...ropeSamples,
  ...rowsSamples,
  ...samplingSamples,
  ...storedSamples,
};
