// GPT-2's printable alphabet for bytes: every byte has one visible character, so that vocabularies can be written as
// text. Source: openai/gpt-2 src/encoder.py, bytes_to_unicode. Knows no vocabulary.

const isPrintable = (byte: number): boolean =>
  (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);

/** Character of each byte 0 … 255: itself where printable in Latin-1, else the next free code point from 256 on. */
export const CHARACTER_OF_BYTE: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

const BYTE_OF_CHARACTER = new Map(CHARACTER_OF_BYTE.map((character, byte) => [character, byte]));

/** The byte a character stands for, or undefined for one that is not in the alphabet. */
export const byteOfCharacter = (character: string): number | undefined => BYTE_OF_CHARACTER.get(character);

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text, each as its character. */
export function toByteCharacters(text: string): string {
  let characters = "";
  for (const byte of encoder.encode(text)) characters += CHARACTER_OF_BYTE[byte];
  return characters;
}
