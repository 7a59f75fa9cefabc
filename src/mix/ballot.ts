// Votes for answers, by their equality and not their spelling. Knows no model.

/** An answer and those who gave it. */
export interface Party<T> {
  readonly answer: string;
  readonly voters: readonly T[];
}

/** Counts votes. Of two answers with as many votes, the one given first is ahead. */
export class Ballot<T> {
  private readonly list: { readonly answer: string; readonly voters: T[] }[] = [];

  constructor(private readonly isSame: (a: string, b: string) => boolean) {}

  /** Adds a vote; null abstains. */
  add(voter: T, answer: string | null): void {
    if (answer === null) return;
    const party = this.list.find((other) => this.isSame(other.answer, answer));
    if (party) party.voters.push(voter);
    else this.list.push({ answer, voters: [voter] });
  }

  /** In the order in which they came up. */
  get parties(): readonly Party<T>[] {
    return this.list;
  }

  /** The answer that is ahead; undefined without votes. */
  get lead(): Party<T> | undefined {
    return this.list.reduce<Party<T> | undefined>(
      (best, party) => (best && best.voters.length >= party.voters.length ? best : party),
      undefined,
    );
  }

  /** Whether so many more votes cannot change who is ahead. */
  isSettled(remaining: number): boolean {
    const { lead } = this;
    if (!lead) return remaining === 0;
    const place = this.list.indexOf(lead as (typeof this.list)[number]);
    const most = (party: Party<T>, i: number) => party.voters.length + remaining + (i < place ? 1 : 0);
    return (
      lead.voters.length >= remaining &&
      this.list.every((party, i) => i === place || lead.voters.length >= most(party, i))
    );
  }
}
