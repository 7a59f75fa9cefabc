// Results of tools in the order of the calls that they answer. Most templates show no ids: the order alone tells the
// model which is which.
import type { ChatMessage } from "../../../tokenizer/index.js";

/** Messages with the results behind a turn in the order of its calls; where an id is unknown they stay as they are. */
export function resultsInOrder(messages: readonly ChatMessage[]): ChatMessage[] {
  const made: ChatMessage[] = [];
  let results: ChatMessage[] = [];
  let places = new Map<unknown, number>();
  const flush = () => {
    const place = ({ tool_call_id: id }: ChatMessage) => places.get(id) ?? Number.NaN;
    if (results.every((each) => places.has(each.tool_call_id))) results.sort((a, b) => place(a) - place(b));
    made.push(...results);
    results = [];
  };
  for (const message of messages) {
    if (message.role === "tool") results.push(message);
    else {
      flush();
      made.push(message);
      places = new Map((message.tool_calls as readonly { id?: string }[] | undefined)?.map(({ id }, i) => [id, i]));
    }
  }
  flush();
  return made;
}
