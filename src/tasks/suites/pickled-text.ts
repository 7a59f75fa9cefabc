// The text in a pickle that holds one text and nothing else (Python's pickletools, protocols 2 to 5). Runs nothing.

/** What a pickle of a `str` consists of, with the bytes behind each. */
const PROTOCOL = 0x80; // 1
const FRAME = 0x95; // 8
const SHORT_TEXT = 0x8c; // length of 1
const TEXT = 0x58; // length of 4
const LONG_TEXT = 0x8d; // length of 8
const MEMO = 0x71; // 1
const LONG_MEMO = 0x72; // 4
const MEMOIZE = 0x94;
const STOP = 0x2e;

const SKIPPED: Readonly<Record<number, number>> = {
  [PROTOCOL]: 1,
  [FRAME]: 8,
  [MEMO]: 1,
  [LONG_MEMO]: 4,
  [MEMOIZE]: 0,
};

/** The text. Throws Error for a pickle of anything else. */
export function pickledText(bytes: Buffer): string {
  let text: string | undefined;
  for (let at = 0; at < bytes.length; ) {
    const opcode = bytes[at++];
    if (opcode === STOP && text !== undefined) return text;
    const length = lengthOf(opcode, bytes, at);
    if (length) {
      text = bytes.toString("utf8", at + length.size, at + length.size + length.value);
      at += length.size + length.value;
    } else if (opcode in SKIPPED) at += SKIPPED[opcode];
    else throw new Error(`expected a pickle of one text, got opcode ${opcode}`);
  }
  throw new Error("the pickle has no end");
}

function lengthOf(opcode: number, bytes: Buffer, at: number): { size: number; value: number } | undefined {
  if (opcode === SHORT_TEXT) return { size: 1, value: bytes.readUInt8(at) };
  if (opcode === TEXT) return { size: 4, value: bytes.readUInt32LE(at) };
  return opcode === LONG_TEXT ? { size: 8, value: Number(bytes.readBigUInt64LE(at)) } : undefined;
}
