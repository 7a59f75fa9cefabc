"""The synthetic token stream that peers and our own runs share, reproducible bit for bit with 32-bit integers.

Knows no model. In TypeScript: `state = (Math.imul(state, 1664525) + 1013904223) >>> 0; draw = state >>> 16`.
"""

import torch

MULTIPLIER, INCREMENT, MASK = 1664525, 1013904223, 0xFFFFFFFF
SUCCESSOR_BELOW, COPY_BELOW = 32768, 49152


class TokenStream:
    """Tokens in [0, vocab_size) with something to learn from the last token and from the one before it.

    Per token two 16-bit draws r1, r2, always both: r1 < 32768 gives (5 a + 7) mod V with a the previous token;
    r1 < 49152 gives b, the token before a; otherwise r2 mod V. Both a and b start at 0.
    """

    def __init__(self, vocab_size, seed=1):
        self.vocab_size = vocab_size
        self.state = seed & MASK
        self.previous, self.before = 0, 0

    def _draw(self):
        self.state = (self.state * MULTIPLIER + INCREMENT) & MASK
        return self.state >> 16

    def next(self):
        rule, noise = self._draw(), self._draw()
        token = noise % self.vocab_size
        if rule < SUCCESSOR_BELOW:
            token = (5 * self.previous + 7) % self.vocab_size
        elif rule < COPY_BELOW:
            token = self.before
        self.previous, self.before = token, self.previous
        return token

    def batch(self, rows, length):
        """The next rows x (length + 1) tokens, row after row, as (ids, targets) of [rows, length] each."""
        drawn = torch.tensor([[self.next() for _ in range(length + 1)] for _ in range(rows)])
        return drawn[:, :-1].contiguous(), drawn[:, 1:].contiguous()
