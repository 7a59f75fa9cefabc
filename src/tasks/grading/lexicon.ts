// The words of formulas: what LaTeX, Unicode and plain text call functions, letters, signs and sets.

/** Functions that are known by value, under their LaTeX or plain names. */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  ...{ sin: "sin", cos: "cos", tan: "tan", cot: "cot", sec: "sec", csc: "csc", tg: "tan", ctg: "cot" },
  ...{ sinh: "sinh", cosh: "cosh", tanh: "tanh", exp: "exp", ln: "ln", log: "log", lg: "log", abs: "abs" },
  ...{ arcsin: "asin", arccos: "acos", arctan: "atan", asin: "asin", acos: "acos", atan: "atan", arctg: "atan" },
  ...{ floor: "floor", ceil: "ceil", gcd: "gcd", lcm: "lcm", min: "min", max: "max", det: "det" },
};
/** The inverse of a function, for `\sin^{-1}`. */
export const INVERSES: Readonly<Record<string, string>> = { sin: "asin", cos: "acos", tan: "atan" };

const GREEK =
  "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron rho sigma tau upsilon phi chi psi " +
  "omega Gamma Delta Theta Lambda Xi Sigma Upsilon Phi Psi Omega";
/** Letters with a name. */
export const LETTERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(GREEK.split(" ").map((name) => [name, name])),
  ...{ varepsilon: "epsilon", vartheta: "theta", varphi: "phi", varrho: "rho", varsigma: "sigma", ell: "ell" },
  ...{ pi: "pi", infty: "infinity", emptyset: "empty", varnothing: "empty", hbar: "hbar" },
};
/** Names of constants in plain text. */
export const PLAIN_NAMES: Readonly<Record<string, string>> = {
  ...{ pi: "pi", inf: "infinity", infinity: "infinity", oo: "infinity" },
  ...Object.fromEntries(
    GREEK.split(" ")
      .filter((name) => name.length > 3)
      .map((name) => [name, name]),
  ),
};

/** Signs of relations and operators: LaTeX commands, without the backslash. */
export const COMMAND_SIGNS: Readonly<Record<string, string>> = {
  ...{ le: "<=", leq: "<=", leqslant: "<=", ge: ">=", geq: ">=", geqslant: ">=", lt: "<", gt: ">" },
  ...{ ne: "!=", neq: "!=", approx: "~", sim: "~", simeq: "~", doteq: "~", equiv: "=", in: "in", colon: ":" },
  ...{ pm: "±", mp: "∓", times: "*", cdot: "*", ast: "*", div: "/", cup: "∪", cap: "∩", setminus: "∖", backslash: "∖" },
  ...{ lvert: "|", rvert: "|", vert: "|", mid: "|", langle: "⟨", rangle: "⟩", lbrace: "\\{", rbrace: "\\}" },
  ...{ lfloor: "⌊", rfloor: "⌋", lceil: "⌈", rceil: "⌉", lbrack: "[", rbrack: "]", lparen: "(", rparen: ")" },
  ...{ land: "and", wedge: "and", lor: "or", vee: "or", bmod: "mod", pmod: "mod", prime: "'" },
};
/** The same as characters of Unicode. */
export const CHARACTER_SIGNS: Readonly<Record<string, string>> = {
  ...{ "≤": "<=", "⩽": "<=", "≥": ">=", "⩾": ">=", "≠": "!=", "≈": "~", "∈": "in", "＝": "=", "−": "-" },
  ...{ "±": "±", "∓": "∓", "∪": "∪", "∩": "∩", "∖": "∖", "⟨": "⟨", "⟩": "⟩", "⌊": "⌊", "⌋": "⌋", "⌈": "⌈", "⌉": "⌉" },
  ...{
    "×": "*",
    "·": "*",
    "∙": "*",
    "⋅": "*",
    "÷": "/",
    "∣": "|",
    "，": ",",
    "；": ";",
    "：": ":",
    "（": "(",
    "）": ")",
  },
};
/** Characters that are letters or constants. */
export const CHARACTER_NAMES: Readonly<Record<string, string>> = {
  ...{ π: "pi", "∞": "infinity", "∅": "empty", ℝ: "reals", ℤ: "integers", ℕ: "naturals", ℚ: "rationals" },
  ...{ α: "alpha", β: "beta", γ: "gamma", δ: "delta", ε: "epsilon", θ: "theta", λ: "lambda", μ: "mu", ρ: "rho" },
  ...{ σ: "sigma", τ: "tau", φ: "phi", ω: "omega", Δ: "Delta", Ω: "Omega", Σ: "Sigma" },
};
/** Letters of `\mathbb`. */
export const BLACKBOARD: Readonly<Record<string, string>> = {
  R: "reals",
  Z: "integers",
  N: "naturals",
  Q: "rationals",
  C: "complexes",
};

/** Commands that say nothing; some take a size or a style along. */
export const SILENT = new Set(
  (
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr displaystyle textstyle scriptstyle " +
    "limits nolimits quad qquad thinspace enspace space boldsymbol mathbf mathit mathsf mathcal mathscr vec " +
    "overrightarrow underline bm rm bf it angle triangle boxed fbox"
  ).split(" "),
);
/** Commands that make another symbol of the one they stand over. */
export const ACCENTS = new Set(["hat", "widehat", "bar", "tilde", "widetilde", "overline", "dot"]);
/** Commands whose argument is text. */
export const TEXTUAL = new Set(
  "text textnormal textbf textit textrm textsf texttt mathrm mbox operatorname hbox emph".split(" "),
);
