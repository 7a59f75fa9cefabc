// One streamed completion of token ids over HTTP, timed. What it asks for, our server and llama.cpp's both take.
import { Agent, request } from "node:http";

/** What came of a stream. */
export interface StreamTimes {
  /** Until the first event. */
  readonly firstMs: number;
  readonly tokens: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** Asks for `newTokens` tokens behind a prompt. Throws an Error for an answer that is none, or of another length. */
export function streamCompletion(port: number, prompt: readonly number[], newTokens: number, seed: number) {
  // What only one of both knows has no effect on the other.
  const drawn = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, seed, ignore_eos: true, cache_prompt: false };
  const body = JSON.stringify({
    prompt,
    max_tokens: newTokens,
    stream: true,
    stream_options: { include_usage: true },
    ...drawn,
  });
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const options = { port, host: "127.0.0.1", path: "/v1/completions", method: "POST", agent, headers };
  return new Promise<StreamTimes>((resolve, reject) => {
    const startedMs = performance.now();
    const sent = request(options, (response) => {
      let firstMs: number | undefined;
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        firstMs ??= performance.now() - startedMs;
        chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const tokens = Number(/"completion_tokens":\s*(\d+)/.exec(text)?.[1]);
        if (response.statusCode === 200 && tokens === newTokens) resolve({ firstMs: firstMs as number, tokens });
        else reject(new Error(`${response.statusCode}, ${tokens} of ${newTokens} tokens: ${text.slice(-200)}`));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
