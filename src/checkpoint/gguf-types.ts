// The value and tensor types of the GGUF format by their numbers. Knows no file.
// Source: ggml-org/llama.cpp@0024aa7, gguf-py/gguf/constants.py (GGUFValueType, GGMLQuantizationType, GGML_QUANT_SIZES,
// LlamaFileType).
import { blockTypes } from "../tensor/dtype.js";
import type { HostDtype } from "./host-tensor.js";

/** A metadata value's type; its place in this list is its number in the file. */
export const GGUF_VALUE_TYPES = [
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "f32",
  "bool",
  "string",
  "array",
  "u64",
  "i64",
  "f64",
] as const;
/** The name of a metadata value's type. */
export type GgufValueType = (typeof GGUF_VALUE_TYPES)[number];
/** Types of a fixed size. */
export type GgufNumberType = Exclude<GgufValueType, "string" | "array">;

/** Bytes of one value of a fixed size. */
export const GGUF_NUMBER_BYTES: Readonly<Record<GgufNumberType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  f32: 4,
  bool: 1,
  u64: 8,
  i64: 8,
  f64: 8,
};

/** A tensor type: how it is stored, where that is known, and our name for it where it can be computed with. */
export interface GgufTensorType {
  readonly id: number;
  readonly name: string;
  readonly blockSize?: number;
  readonly blockBytes?: number;
  readonly dtype?: HostDtype;
}

const type = (id: number, name: string, blockSize: number, blockBytes: number, dtype?: HostDtype): GgufTensorType => ({
  id,
  name,
  blockSize,
  blockBytes,
  dtype,
});

const TENSOR_TYPES: readonly GgufTensorType[] = [
  type(0, "F32", 1, 4, "f32"),
  type(1, "F16", 1, 2, "f16"),
  type(2, "Q4_0", 32, 18, "q4_0"),
  type(3, "Q4_1", 32, 20, "q4_1"),
  type(6, "Q5_0", 32, 22, "q5_0"),
  type(7, "Q5_1", 32, 24, "q5_1"),
  type(8, "Q8_0", 32, 34, "q8_0"),
  type(9, "Q8_1", 32, 40),
  type(10, "Q2_K", 256, 84, "q2_k"),
  type(11, "Q3_K", 256, 110, "q3_k"),
  type(12, "Q4_K", 256, 144, "q4_k"),
  type(13, "Q5_K", 256, 176, "q5_k"),
  type(14, "Q6_K", 256, 210, "q6_k"),
  type(15, "Q8_K", 256, 292),
  type(16, "IQ2_XXS", 256, 66),
  type(17, "IQ2_XS", 256, 74),
  type(18, "IQ3_XXS", 256, 98),
  type(19, "IQ1_S", 256, 50),
  type(20, "IQ4_NL", 32, 18, "iq4_nl"),
  type(21, "IQ3_S", 256, 110),
  type(22, "IQ2_S", 256, 82),
  type(23, "IQ4_XS", 256, 136, "iq4_xs"),
  type(24, "I8", 1, 1, "i8"),
  type(25, "I16", 1, 2, "i16"),
  type(26, "I32", 1, 4, "i32"),
  type(27, "I64", 1, 8, "i64"),
  type(28, "F64", 1, 8, "f64"),
  type(29, "IQ1_M", 256, 56),
  type(30, "BF16", 1, 2, "bf16"),
  type(34, "TQ1_0", 256, 54),
  type(35, "TQ2_0", 256, 66),
  type(39, "MXFP4", 32, 17, "mxfp4"),
  type(40, "NVFP4", 64, 36),
  type(41, "Q1_0", 128, 18),
];

const BY_ID = new Map(TENSOR_TYPES.map((entry) => [entry.id, entry]));
const BY_DTYPE = new Map(TENSOR_TYPES.flatMap((entry) => (entry.dtype ? [[entry.dtype, entry] as const] : [])));

/** The tensor type of a number in a file; of one that is not known here only the number. */
export const ggufTensorType = (id: number): GgufTensorType => BY_ID.get(id) ?? { id, name: `type ${id}` };

/** The tensor type a GGUF file keeps a dtype in, or undefined where the format has none. */
export const ggufTypeOf = (dtype: HostDtype): GgufTensorType | undefined => BY_DTYPE.get(dtype);

/** `general.file_type` of a file whose matrices are mostly of this dtype. */
export const GGUF_FILE_TYPES: Readonly<Partial<Record<HostDtype, number>>> = {
  ...{ f32: 0, f16: 1, bf16: 32, q8_0: 7 },
  ...{ q4_0: 2, q4_1: 3, q5_0: 8, q5_1: 9 },
  ...{ q4_k: 14, q5_k: 16, q6_k: 18 },
};

/** The dtypes that GGUF files hold vectors in. */
export const FLOAT_TYPES: readonly (HostDtype | undefined)[] = ["f32", "f16", "bf16"];
/** The dtypes that GGUF files hold matrices in. */
export const MATRIX_TYPES: readonly (HostDtype | undefined)[] = [
  ...FLOAT_TYPES,
  ...blockTypes.filter((dtype) => dtype !== "e4m3"),
];

/** Names of dtypes as GGUF has them, for messages. */
export const ggufNames = (dtypes: readonly (HostDtype | undefined)[]): string =>
  TENSOR_TYPES.filter(({ dtype }) => dtype !== undefined && dtypes.includes(dtype))
    .map(({ name }) => name)
    .join(", ");
