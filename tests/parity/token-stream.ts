// The synthetic token stream that the PyTorch peers and our runs share, bit for bit (bench/peers/token_stream.py).
// Knows no model.

/** Tokens in [0, vocabSize) with something to learn from the last token and from the one before it. */
export class TokenStream {
  private previous = 0;
  private before = 0;

  constructor(
    private readonly vocabSize: number,
    /** The generator's 32-bit state; after a run it tells whether two implementations drew alike. */
    public state: number,
  ) {}

  /** The next token: 5a+7 of the previous one in half of the draws, the one before it in a quarter, else noise. */
  next(): number {
    const [rule, noise] = [this.draw(), this.draw()];
    const token =
      rule < 32768 ? (5 * this.previous + 7) % this.vocabSize : rule < 49152 ? this.before : noise % this.vocabSize;
    [this.previous, this.before] = [token, this.previous];
    return token;
  }

  /** The next `rows` × (length + 1) tokens, row after row. */
  rows(rows: number, length: number): number[][] {
    return Array.from({ length: rows }, () => Array.from({ length: length + 1 }, () => this.next()));
  }

  private draw(): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return this.state >>> 16;
  }
}
