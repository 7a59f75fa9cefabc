// Claims about server-sent events: wherever the bytes are cut, the same events come out.
import { expect, test } from "vitest";
import { serverEvents } from "./server-events.ts";

const TEXT = ': comment\n\ndata: {"a":"é🔥"}\n\nevent: x\r\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\n';

async function read(bytes: Uint8Array, size: number): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
  const events: string[] = [];
  for await (const event of serverEvents(body)) events.push(event);
  return events;
}

test.each([1, 2, 3, 7, 1000])("in pieces of %i bytes", async (size) => {
  expect(await read(new TextEncoder().encode(TEXT), size)).toEqual(['{"a":"é🔥"}', "one\ntwo", "[DONE]"]);
});
