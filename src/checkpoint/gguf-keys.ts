// The metadata of one architecture in a GGUF file, asked for and collected by key. Knows no key.
import { CheckpointError } from "../errors.js";
import type { GgufKeySink, GgufKeys } from "../models/gguf-table.js";
import type { GgufFile } from "./gguf.js";
import type { GgufMetadata } from "./gguf-metadata.js";
import type { GgufSetting } from "./gguf-writer.js";

/** Asks for the keys of one architecture. */
export class KeyReader implements GgufKeys {
  constructor(
    readonly file: GgufFile,
    readonly architecture: string,
  ) {}

  get facts(): GgufMetadata {
    return this.file.facts;
  }

  key(name: string): string {
    return `${this.architecture}.${name}`;
  }

  count(name: string): number | undefined {
    return this.facts.count(this.key(name));
  }

  number(name: string): number | undefined {
    const value = this.facts.number(this.key(name));
    return value === undefined ? undefined : shortestFloat(value);
  }

  flag(name: string): boolean | undefined {
    return this.facts.flag(this.key(name));
  }

  flags(name: string): readonly boolean[] | undefined {
    const values = this.facts.numbers(this.key(name));
    return values && Array.from(values as ArrayLike<number | bigint>, (value) => Number(value) !== 0);
  }

  hasTensor(name: string): boolean {
    return this.file.tensors.has(name);
  }

  needed(name: string): number {
    return this.count(name) ?? this.refuse(`${this.key(name)} is missing`);
  }

  refuse(problem: string): never {
    throw new CheckpointError(`${this.file.path}: ${problem}; download or convert the model again`);
  }
}

/** Collects settings under one architecture's name. */
export class KeyWriter implements GgufKeySink {
  readonly settings: GgufSetting[] = [];

  constructor(private readonly architecture: string) {}

  count(name: string, value: number): void {
    this.settings.push([`${this.architecture}.${name}`, "u32", value]);
  }

  float(name: string, value: number): void {
    this.settings.push([`${this.architecture}.${name}`, "f32", value]);
  }

  flag(name: string, value: boolean): void {
    this.settings.push([`${this.architecture}.${name}`, "bool", value]);
  }

  flags(name: string, values: readonly boolean[]): void {
    this.settings.push([`${this.architecture}.${name}`, "bools", values]);
  }

  refuse(problem: string): never {
    throw new CheckpointError(`the model cannot be written as GGUF: ${problem}`);
  }

  text(name: string, value: string): void {
    this.settings.push([`${this.architecture}.${name}`, "string", value]);
  }
}

/** The shortest decimal that a 32-bit float stands for: 1e-6, not 9.999999974752427e-7. */
export function shortestFloat(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 1; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
