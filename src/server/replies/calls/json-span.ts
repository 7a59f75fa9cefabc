// Finds the end of a JSON object while it is written. Knows JSON's brackets and strings and nothing else of it.

/** Follows one object, character by character. */
export class JsonSpan {
  private depth = 0;
  private isInString = false;
  private isEscaped = false;

  /** Takes text that begins with the object or goes on with it; returns how much of it belongs to it. */
  take(text: string): { readonly length: number; readonly isEnd: boolean } {
    for (let at = 0; at < text.length; at++) if (this.step(text[at])) return { length: at + 1, isEnd: true };
    return { length: text.length, isEnd: false };
  }

  /** Takes a character; returns whether it closes the object. */
  private step(character: string): boolean {
    if (this.isInString) this.stepInString(character);
    else if (character === '"') this.isInString = true;
    else if (character === "{" || character === "[") this.depth++;
    else if (character === "}" || character === "]") return --this.depth === 0;
    return false;
  }

  private stepInString(character: string): void {
    if (this.isEscaped) this.isEscaped = false;
    else if (character === "\\") this.isEscaped = true;
    else if (character === '"') this.isInString = false;
  }
}
