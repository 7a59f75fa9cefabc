// The part of WebAssembly's interface that interpreters need. TypeScript knows it from browsers' declarations alone,
// which hold far more than Node has.

/** A compiled module. */
export type WasmModule = object & { readonly __wasm?: never };
/** A linear memory. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
/** An instance of a module. */
export interface WasmInstance {
  readonly exports: Record<string, unknown>;
}
/** What a module imports: functions, tables and memories by the names of their modules and their own. */
export type WasmImports = Record<string, Record<string, unknown>>;

interface WasmInterface {
  readonly Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  readonly Module: {
    imports(module: WasmModule): { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  compile(bytes: Uint8Array): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: WasmImports): Promise<WasmInstance>;
}

/** Node's WebAssembly. */
export const wasm = (globalThis as unknown as { readonly WebAssembly: WasmInterface }).WebAssembly;
