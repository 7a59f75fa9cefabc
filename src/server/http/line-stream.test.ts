// A reader that does not read: the stream makes no more than it takes, and ends when its time is over.
import { expect, test, vi } from "vitest";
import { EVENTS, lineStream } from "./line-stream.js";

async function* lines(count: { made: number }): AsyncGenerator<string> {
  for (; ; count.made++) yield `data: ${count.made}\n\n`;
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("of a stream that nobody reads two lines are made; each that is read makes room for one", async () => {
  const count = { made: 0 };
  const onEnd = vi.fn();
  const response = await lineStream(lines(count), { form: EVENTS, onEnd, errorLine: String, stalledSeconds: 60 });
  await pause(20);
  expect(count.made).toBeLessThanOrEqual(1);
  const reader = response.body!.getReader();
  for (let i = 0; i < 5; i++) {
    expect(new TextDecoder().decode((await reader.read()).value)).toBe(`data: ${i}\n\n`);
    await pause(5);
    expect(count.made).toBeLessThanOrEqual(i + 2);
  }
  expect(onEnd).not.toHaveBeenCalled();
  await reader.cancel();
  expect(onEnd).toHaveBeenCalled();
});

test("one that is left unread for too long is ended, and what makes it is told", async () => {
  const onEnd = vi.fn();
  const options = { form: EVENTS, onEnd, errorLine: String, stalledSeconds: 0.2 };
  const response = await lineStream(lines({ made: 0 }), options);
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalled(), { timeout: 3000 });
  await expect(response.text()).rejects.toThrow("the client has stopped reading");
});

test("what fails before the first line is thrown; behind it, it is the last line", async () => {
  const onEnd = vi.fn();
  const errorLine = (error: unknown) => `error: ${(error as Error).message}\n`;
  const options = { form: EVENTS, onEnd, errorLine, stalledSeconds: 60 };
  async function* failing(first: boolean): AsyncGenerator<string> {
    if (first) yield "first\n";
    throw new Error("broken");
  }
  await expect(lineStream(failing(false), options)).rejects.toThrow("broken");
  expect(await (await lineStream(failing(true), options)).text()).toBe("first\nerror: broken\n");
});
