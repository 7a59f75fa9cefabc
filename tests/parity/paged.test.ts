// A paged cache changes where keys lie and how many queries come at once, and no bit of any result.
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/errors.js";
import {
  PagedCache,
  type PagedDType,
  type PagedLayer,
  pagedBytesPerToken,
  writePaged,
} from "../../src/nn/paged-cache.js";
import { hashString, Random } from "../../src/random.js";
import { Device, setDefaultDevice } from "../../src/tensor/device.js";
import { encodeBytes, fromBf16Bits, toBf16Bits } from "../../src/tensor/dtype.js";
import { fromBytes, scope, scopeAsync, tensor } from "../../src/tensor/engine.js";
import { attention } from "../../src/tensor/ops/attention.js";
import { splitLast, zeros } from "../../src/tensor/ops/elementwise.js";
import { expandedAttention } from "../../src/tensor/ops/expanded-attention.js";
import { gatherPaged, pagedAttention, pagedWrite } from "../../src/tensor/ops/paged-attention.js";
import { emptyPagedHeads } from "../../src/tensor/ops/paged-layout.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { reshape } from "../../src/tensor/view.js";
import { nativeBackends } from "../conformance/backends.js";
import { relativeError } from "../conformance/compare.js";

type Float = "f32" | "bf16";

const i32 = (...values: number[]) => tensor(Int32Array.from(values), [values.length], "i32");

const drawn = new Map<string, Float32Array>();
/** Normal numbers, the same for the same label. */
function random(shape: readonly number[], dtype: Float, label: string): Float32Array {
  const key = `${label} ${dtype} ${shape}`;
  const source = new Random(hashString(label));
  const next = dtype === "bf16" ? () => fromBf16Bits(toBf16Bits(source.normal())) : () => source.normal();
  const values = drawn.get(key) ?? Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, next);
  drawn.set(key, values);
  return values;
}
const upload = (values: Float32Array, shape: readonly number[], dtype: Float) =>
  fromBytes(encodeBytes(values, dtype), shape, dtype);

/** One sequence of `tokens` tokens: its numbers, and tensors of any stretch of them. */
function sequence(tokens: number, heads: number, width: number, dtype: Float, label: string) {
  const values = random([tokens, heads, width], dtype, label);
  const size = heads * width;
  return {
    slice: (begin = 0, end = tokens) =>
      upload(values.slice(begin * size, end * size), [end - begin, heads, width], dtype),
  };
}
type Sequence = ReturnType<typeof sequence>;

/** Blocks of a sequence of `tokens` tokens: the first of a shuffled deck. */
function blocksFor(tokens: number, numBlocks: number, seed: number): number[] {
  const deck = new Random(seed).shuffle(Array.from({ length: numBlocks }, (_, i) => i));
  return deck.slice(0, Math.ceil(tokens / 64));
}

/** Writes tokens [begin, end) of a sequence into its blocks. */
function store(
  layer: PagedLayer,
  blocks: readonly number[],
  keys: Sequence,
  values: Sequence | null,
  begin: number,
  end: number,
): void {
  const positions = Array.from({ length: end - begin }, (_, i) => begin + i);
  const k = keys.slice(begin, end);
  const [blockIds, offsets] = [i32(...positions.map((p) => blocks[p >> 6])), i32(...positions.map((p) => p & 63))];
  writePaged(
    layer,
    layer.kind === "latent" ? reshape(k, [end - begin, k.shape[2]]) : k,
    values?.slice(begin, end) ?? null,
    blockIds,
    offsets,
  );
}

interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly key: number;
  /** null: a latent whose first `latent` numbers are the values. */
  readonly value: number | null;
  readonly latent?: number;
  readonly window?: number;
}

/** Fills a cache of whatever layout. */
const fill = (t: Tensor, value: number): void =>
  t.device.backend.write(t.storage.buffer, t.byteOffset, encodeBytes(new Float32Array(t.size).fill(value), t.dtype));

/** Attention of one sequence through a paged cache, its tokens fed in `chunks`. */
async function paged(
  shape: Shape,
  dtype: Float,
  tokens: number,
  chunks: readonly number[],
  seed: number,
  stale = 0,
  cacheType: PagedDType = dtype,
): Promise<Buffer> {
  const { kvHeads, key, value, latent, window } = shape;
  const numBlocks = Math.ceil(tokens / 64) + 3;
  const cache = new PagedCache(
    [{ heads: kvHeads, keyWidth: key, valueWidth: value, latentWidth: latent ?? null }],
    numBlocks,
    cacheType,
  );
  const [layer] = cache.layers;
  if (stale !== 0) for (const t of [layer.keys, layer.values]) if (t) fill(t, stale);
  const blocks = blocksFor(tokens, numBlocks, seed);
  const { q, k, v } = material(shape, dtype, tokens);
  const parts: Buffer[] = [];
  let at = 0;
  for (const chunk of chunks) {
    parts.push(
      await scopeAsync(async () => {
        store(layer, blocks, k, v, at, at + chunk);
        const table = reshape(i32(...blocks), [1, blocks.length]);
        const out = pagedAttention(
          q.slice(at, at + chunk),
          layer.keys,
          layer.values,
          table,
          i32(0, chunk),
          i32(at + chunk),
          {
            scale: key ** -0.5,
            valueWidth: value ?? (latent as number),
            window,
          },
        );
        return Buffer.from(await out.bytes());
      }),
    );
    at += chunk;
  }
  cache.dispose();
  return Buffer.concat(parts);
}

function material({ heads, kvHeads, key, value }: Shape, dtype: Float, tokens: number) {
  return {
    q: sequence(tokens, heads, key, dtype, `q ${heads} ${key}`),
    k: sequence(tokens, kvHeads, key, dtype, `k ${heads} ${key}`),
    v: value === null ? null : sequence(tokens, kvHeads, value, dtype, `v ${heads} ${key}`),
  };
}

/**
 * The same attention over keys and values laid end to end; a latent's values are the first numbers of each of its
 * entries.
 */
function packed(shape: Shape, dtype: Float, tokens = TOKENS): Promise<Buffer> {
  return scopeAsync(async () => {
    const { q, k, v } = material(shape, dtype, tokens);
    const keys = k.slice();
    const values = v
      ? v.slice()
      : reshape(splitLast(reshape(keys, [tokens, shape.key]), shape.latent as number)[0], [
          tokens,
          1,
          shape.latent as number,
        ]);
    return Buffer.from(
      await attention(q.slice(), keys, values, i32(0, tokens), {
        scale: shape.key ** -0.5,
        causal: true,
        window: shape.window,
      }).bytes(),
    );
  });
}

const shapes: readonly Shape[] = [
  { heads: 12, kvHeads: 2, key: 128, value: 128 },
  { heads: 8, kvHeads: 2, key: 64, value: 64 },
  { heads: 4, kvHeads: 4, key: 16, value: 24 },
  { heads: 3, kvHeads: 1, key: 34, value: 17 },
  { heads: 3, kvHeads: 1, key: 33, value: 17 },
  { heads: 2, kvHeads: 2, key: 192, value: 128 },
  { heads: 6, kvHeads: 2, key: 64, value: 64, window: 1 },
  { heads: 6, kvHeads: 2, key: 64, value: 64, window: 70 },
  { heads: 3, kvHeads: 1, key: 34, value: 17, window: 64 },
];
const windowed: Shape = { heads: 6, kvHeads: 2, key: 64, value: 64, window: 570 };
const latents: readonly Shape[] = [
  { heads: 16, kvHeads: 1, key: 576, value: null, latent: 512 },
  { heads: 5, kvHeads: 1, key: 40, value: null, latent: 24 },
];
const fp8Latents: readonly Shape[] = [
  latents[0],
  { heads: 16, kvHeads: 1, key: 192, value: null, latent: 128 },
  { heads: 16, kvHeads: 1, key: 64, value: null, latent: 48 },
];
const TOKENS = 203;
const CHUNKS = [[TOKENS], [1, 63, 1, 64, 70, 2, 2], [130, 1, 1, 1, 5, 8, 57], new Array<number>(TOKENS).fill(1)];

describe.each(nativeBackends.map((backend) => ({ isa: backend.isa, backend })))("native $isa", ({ backend }) => {
  afterAll(() => backend.setThreads(2));

  it(
    "tables, blocks, offsets and contexts that lie outside the cache are refused before anything is read " +
      "or written",
    () => {
      setDefaultDevice(new Device(backend));
      const cache = new PagedCache([{ heads: 1, keyWidth: 16, valueWidth: 16, latentWidth: null }], 3, "f32");
      const [{ keys, values }] = cache.layers;
      const attend = (table: number[], queries: number, context: number) =>
        scope(
          () =>
            void pagedAttention(
              zeros([queries, 1, 16], "f32"),
              keys,
              values,
              reshape(i32(...table), [1, 2]),
              i32(0, queries),
              i32(context),
              {
                scale: 1,
                valueWidth: 16,
              },
            ),
        );
      const write = (block: number, offset: number) =>
        scope(() =>
          writePaged(cache.layers[0], zeros([1, 1, 16], "f32"), zeros([1, 1, 16], "f32"), i32(block), i32(offset)),
        );
      expect(() => attend([2, 0], 1, 128)).not.toThrow();
      expect(() => attend([2, 0], 1, 129)).toThrow(
        /expected contexts of 0 to 128 tokens, as tables of 2 blocks hold, got 129/,
      );
      expect(() => attend([2, 3], 1, 65)).toThrow(/expected blocks in \[0, 3\), got 3/);
      expect(() => attend([2, 3], 1, 64)).not.toThrow();
      expect(() => attend([-1, 0], 1, 5)).toThrow(/expected blocks in \[0, 3\), got -1/);
      expect(() => attend([2, 0], 6, 5)).toThrow(/expected 0 to 5 new queries/);
      expect(() => write(3, 0)).toThrow(/expected indexes in \[0, 3\), got 3/);
      expect(() => write(0, 64)).toThrow(/expected indexes in \[0, 64\), got 64/);
      cache.dispose();
    },
  );

  describe.each(["f32", "bf16"] as const)("in %s", (dtype) => {
    // Words of a bf16 cache hold two neighbours of a key.
    const inBlocks = [...shapes, ...latents].filter(({ key }) => dtype === "f32" || key % 2 === 0);

    it.each(inBlocks)(
      "keys and values in scattered blocks give the bits of attention over contiguous ones, in chunks of any size: %o",
      async (shape) => {
        setDefaultDevice(new Device(backend));
        const contiguous = await packed(shape, dtype);
        for (const [seed, chunks] of CHUNKS.entries())
          expect((await paged(shape, dtype, TOKENS, chunks, seed)).equals(contiguous), `chunks ${chunks}`).toBe(true);
      },
    );

    it.each(inBlocks)("neither threads nor what blocks held before change a bit: %o", async (shape) => {
      setDefaultDevice(new Device(backend));
      const expected = await paged(shape, dtype, TOKENS, [120, 1, 82], 0);
      for (const threads of [1, 3]) {
        backend.setThreads(threads);
        expect(
          (await paged(shape, dtype, TOKENS, [120, 1, 82], 5, Number.NaN)).equals(expected),
          `${threads} threads`,
        ).toBe(true);
      }
      backend.setThreads(2);
    });

    it.each([shapes[1], latents[1], windowed])(
      "so they do over more keys than are summed at once, on any number of threads: %o",
      async (shape) => {
        setDefaultDevice(new Device(backend));
        const contiguous = await packed(shape, dtype, 1100);
        for (const threads of [1, 2, 3]) {
          backend.setThreads(threads);
          for (const chunks of [[1100], [508, 8, 1, 507, 3, 1, 72]])
            expect(
              (await paged(shape, dtype, 1100, chunks, 7)).equals(contiguous),
              `chunks ${chunks}, ${threads} threads`,
            ).toBe(true);
        }
        backend.setThreads(2);
      },
    );

    it("expanded latents give the bits of packed attention, in chunks of any size", async () => {
      setDefaultDevice(new Device(backend));
      const [heads, nope, rotary, value] = [3, 32, 16, 24];
      const [q, kv, kRope] = [heads * (nope + rotary), heads * (nope + value), rotary].map((width, i) =>
        sequence(TOKENS, 1, width, dtype, `expanded ${i}`),
      );
      const scale = 0.15;
      const assembled = await scopeAsync(async () => {
        const [all, turned] = [await kv.slice().data(), await kRope.slice().data()];
        const k = new Float32Array(TOKENS * heads * (nope + rotary));
        const v = new Float32Array(TOKENS * heads * value);
        for (let r = 0; r < TOKENS * heads; r++) {
          const from = r * (nope + value);
          k.set(all.subarray(from, from + nope), r * (nope + rotary));
          k.set(
            turned.subarray(Math.floor(r / heads) * rotary, (Math.floor(r / heads) + 1) * rotary),
            r * (nope + rotary) + nope,
          );
          v.set(all.subarray(from + nope, from + nope + value), r * value);
        }
        const operands = [
          reshape(q.slice(), [TOKENS, heads, nope + rotary]),
          upload(k, [TOKENS, heads, nope + rotary], dtype),
          upload(v, [TOKENS, heads, value], dtype),
        ] as const;
        return Buffer.from(await attention(...operands, i32(0, TOKENS), { scale, causal: true }).bytes());
      });
      for (const chunks of CHUNKS) {
        const parts: Buffer[] = [];
        let at = 0;
        for (const chunk of chunks) {
          const end = at + chunk;
          const queries = reshape(q.slice(at, end), [chunk, heads, nope + rotary]);
          const context = [
            reshape(kv.slice(0, end), [end, heads, nope + value]),
            reshape(kRope.slice(0, end), [end, rotary]),
          ] as const;
          const out = expandedAttention(queries, ...context, i32(0, chunk), i32(0, end), { scale });
          parts.push(Buffer.from(await out.bytes()));
          at = end;
        }
        expect(Buffer.concat(parts).equals(assembled), `chunks ${chunks}`).toBe(true);
      }
    });
  });

  it("sequences of one call do not see each other", async () => {
    setDefaultDevice(new Device(backend));
    const shape = shapes[0];
    const [alone, other] = [await paged(shape, "bf16", 130, [100, 30], 1), await paged(shape, "bf16", 70, [69, 1], 2)];
    const cache = new PagedCache([{ heads: 2, keyWidth: 128, valueWidth: 128, latentWidth: null }], 9, "bf16");
    const [layer] = cache.layers;
    const tables = [
      [7, 2, 4],
      [0, 8, 0],
    ];
    const lengths = [130, 70];
    const queries = [30, 1];
    const out = await scopeAsync(async () => {
      const parts: Tensor[] = lengths.map((n, s) => {
        const { q, k, v } = material(shape, "bf16", n);
        store(layer, tables[s], k, v, 0, n);
        return q.slice(n - queries[s], n);
      });
      const q = fromBytes(Buffer.concat(await Promise.all(parts.map((t) => t.bytes()))), [31, 12, 128], "bf16");
      return Buffer.from(
        await pagedAttention(
          q,
          layer.keys,
          layer.values,
          reshape(i32(...tables.flat()), [2, 3]),
          i32(0, 30, 31),
          i32(...lengths),
          {
            scale: 128 ** -0.5,
            valueWidth: 128,
          },
        ).bytes(),
      );
    });
    const row = 12 * 128 * 2;
    expect(out.equals(Buffer.concat([alone.subarray(100 * row), other.subarray(69 * row)]))).toBe(true);
    cache.dispose();
  });

  it.each(fp8Latents)(
    "FP8 latents give the same bits in chunks of any size, on any number of threads, whatever blocks held before: %o",
    async (shape) => {
      setDefaultDevice(new Device(backend));
      backend.setThreads(1);
      const whole = await paged(shape, "bf16", TOKENS, [TOKENS], 0, 0, "fp8-latent");
      for (const [seed, chunks] of CHUNKS.entries()) {
        for (const threads of [1, 2, 3]) {
          backend.setThreads(threads);
          expect(
            (await paged(shape, "bf16", TOKENS, chunks, seed, 255, "fp8-latent")).equals(whole),
            `chunks ${chunks}, ${threads} threads`,
          ).toBe(true);
        }
      }
      backend.setThreads(2);
    },
  );

  it(
    "FP8 latents attend within half a step of e4m3 of bf16 latents, " + "and are gathered as what attention saw",
    async () => {
      setDefaultDevice(new Device(backend));
      const [shape] = latents;
      const numbers = (bytes: Buffer) =>
        Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2), fromBf16Bits);
      const [exact, fp8] = [
        await paged(shape, "bf16", TOKENS, [TOKENS], 0),
        await paged(shape, "bf16", TOKENS, [TOKENS], 0, 0, "fp8-latent"),
      ];
      const error = relativeError(numbers(fp8), numbers(exact));
      expect(error).toBeLessThan(2 ** -4);
      expect(error).toBeGreaterThan(1e-4);
      const roundTrip = await scopeAsync(async () => {
        const cache = new PagedCache(
          [{ heads: 1, keyWidth: 576, valueWidth: null, latentWidth: 512 }],
          4,
          "fp8-latent",
        );
        const blocks = [3, 0, 2, 1];
        const { k } = material(shape, "bf16", TOKENS);
        store(cache.layers[0], blocks, k, null, 0, TOKENS);
        const rows = gatherPaged(cache.layers[0].keys, reshape(i32(...blocks), [1, 4]), i32(0, TOKENS), {
          rows: TOKENS,
          latent: 512,
          dtype: "bf16",
        });
        const error = relativeError((await rows.data()) as Float32Array, (await k.slice().data()) as Float32Array);
        cache.dispose();
        return error;
      });
      expect(roundTrip).toBeLessThan(2 ** -4);
    },
  );
});

it("values inside of the keys are for latents: a cache of heads without values is refused", () => {
  setDefaultDevice(new Device(nativeBackends[0]));
  scope(() => {
    const keys = emptyPagedHeads("keys", 1, 2, 4, "f32");
    const attend = () =>
      pagedAttention(zeros([1, 2, 4], "f32"), keys, null, reshape(i32(0), [1, 1]), i32(0, 1), i32(1), {
        scale: 1,
        valueWidth: 2,
      });
    expect(attend).toThrow("pagedAttention");
  });
});

it("a cache of heads that was not made for the device is refused", () => {
  setDefaultDevice(new Device(nativeBackends[0]));
  scope(() => {
    const [keys, values] = [zeros([1, 2, 64, 4], "f32"), emptyPagedHeads("values", 1, 2, 4, "f32")];
    const attend = () =>
      pagedAttention(zeros([1, 2, 4], "f32"), keys, values, reshape(i32(0), [1, 1]), i32(0, 1), i32(1), {
        scale: 1,
        valueWidth: 4,
      });
    const complaint = "the cache [1,2,64,4] lies row by row: make it with emptyPagedHeads";
    expect(attend).toThrow(`pagedAttention: ${complaint}`);
    expect(() => pagedWrite(zeros([1, 2, 4], "f32"), keys, i32(0), i32(0), { role: "keys", latent: 0 })).toThrow(
      `pagedWrite: ${complaint}`,
    );
  });
});

it("keys of an odd width have no layout in bf16", () => {
  expect(() => emptyPagedHeads("keys", 1, 2, 5, "bf16", new Device(nativeBackends[0]))).toThrow(
    new ConfigError("a paged bf16 cache needs keys of an even width, got 5: use f32"),
  );
});

describe("a token's bytes", () => {
  const v3 = new Array(61).fill({ heads: 1, keyWidth: 576, valueWidth: null, latentWidth: 512 });
  it("are DeepSeek-V3's published 70,272 in bf16 and 656 a layer in FP8", () => {
    expect(pagedBytesPerToken(v3, "bf16")).toBe(70_272);
    expect(pagedBytesPerToken(v3, "fp8-latent")).toBe(61 * 656);
  });
  it("are what the cache's tensors hold", () => {
    setDefaultDevice(new Device(nativeBackends[0]));
    for (const dtype of ["f32", "bf16", "fp8-latent"] as const) {
      const cache = new PagedCache(v3.slice(0, 2), 3, dtype);
      expect(cache.layers.reduce((sum, { keys }) => sum + keys.sizeBytes, 0)).toBe(cache.sizeBytes);
      cache.dispose();
    }
    const heads = new PagedCache([{ heads: 2, keyWidth: 128, valueWidth: 96, latentWidth: null }], 3, "bf16");
    expect(heads.bytesPerToken).toBe(2 * (128 + 96) * 2);
    expect(heads.layers.reduce((sum, { keys, values }) => sum + keys.sizeBytes + (values?.sizeBytes ?? 0), 0)).toBe(
      heads.sizeBytes,
    );
    heads.dispose();
  });
});
