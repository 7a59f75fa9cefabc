// What the products with stored weights need of each storage type: its panels, its rounded activations, its
// micro-kernels. Knows nothing of threads, experts or outputs.
#pragma once
#include <cstdint>

#include "simd.h"

namespace luciole {

/** Outputs of a panel: 32 rows of the weight side by side, so that one activation meets all of them at once. */
inline constexpr int kPanelOutputs = 32;
inline constexpr int kPanelVectors = kPanelOutputs / kLanes;
/** Numbers of a row that are worked through at a time; the most that share a scale of the activations. */
inline constexpr int64_t kGroup = 128;

/** Rows of prepared activations: row r is the record at records + (index ? index[r] : r)·stride. */
struct ActivationRows {
  const uint8_t* records;
  int64_t stride;
  const int32_t* index;
  const uint8_t* at(int64_t r) const { return records + (index ? index[r] : r) * stride; }
};

/**
 * The kernels of one storage type. K is the width of a row; every sum's order depends on K alone, so a row's bits do
 * not depend on other rows.
 */
struct StoredKernels {
  /** Rows of weights hold a whole number of these. */
  int64_t blockNumbers, blockBytes;
  int64_t (*panelBytes)(int64_t K);
  /**
   * Up to kPanelOutputs rows, rowBytes apart, into a panel; outputs that are missing become zero. `scales` (e4m3; else
   * null): the scales of these rows' blocks, one for each group of k.
   */
  void (*pack)(const uint8_t* rows, int64_t rowBytes, int64_t numRows, int64_t K, const float* scales, uint8_t* panel);
  /** The numbers of one output's row. */
  void (*unpackRow)(const uint8_t* panel, int64_t output, int64_t K, float* out);
  /**
   * Columns k .. k+count of all outputs: out[c·kPanelOutputs + o] is number k + c of output o. k is a multiple of 4;
   * whole quads of columns are written.
   */
  void (*decode)(const uint8_t* panel, int64_t K, int64_t k, int64_t count, float* out);
  int64_t (*recordBytes)(int64_t K);
  /** K activations of x (f32 or bf16) as the micro-kernels multiply them. */
  void (*prepare)(const void* x, int64_t xType, int64_t K, uint8_t* record);
  /** acc[r][kPanelOutputs] = rows first + r of x times the panel, r < count. */
  void (*multiply)(const uint8_t* panel, int64_t K, const ActivationRows& rows, int64_t first, int64_t count,
                   float* acc);
};

/** The kernels of a storage type by its code (dtype.h), f32 and bf16 excepted; throws for others. */
const StoredKernels& storedKernels(int64_t type);

extern const StoredKernels q8_0Kernels, q4_0Kernels, q4_1Kernels, q5_0Kernels, q5_1Kernels, iq4_nlKernels, mxfp4Kernels;
extern const StoredKernels q2_kKernels, q3_kKernels, q4_kKernels, q5_kKernels, q6_kKernels, iq4_xsKernels, e4m3Kernels,
    f16Kernels;

}  // namespace luciole
