// Compiles products.inc, attention.inc, winograd.inc and temporal.inc for each instruction set and forwards to the best that the processor has.
#include "CProducts.h"
#include "dispatch.h"

#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define NAME(x) JOIN(baseline_, x)
#define LANES 4
#define ROWS 4
#include "products.inc"
#include "attention.inc"
#include "winograd.inc"
#include "temporal.inc"
static size_t baseline_panel_columns(void) { return 2 * LANES; }
static size_t baseline_row_chunk(void) { return 8 * ROWS; }
#undef NAME
#undef LANES
#undef ROWS

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define NAME(x) JOIN(avx2_, x)
#define LANES 8
#define ROWS 6
#include "products.inc"
#include "attention.inc"
#include "winograd.inc"
#include "temporal.inc"
static size_t avx2_panel_columns(void) { return 2 * LANES; }
static size_t avx2_row_chunk(void) { return 8 * ROWS; }
#undef NAME
#undef LANES
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(                                                                                \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c"))),      \
    apply_to = function)
#define NAME(x) JOIN(avx512_, x)
#define LANES 16
#define ROWS 8
#include "products.inc"
#include "attention.inc"
#include "winograd.inc"
#include "temporal.inc"
static size_t avx512_panel_columns(void) { return 2 * LANES; }
static size_t avx512_row_chunk(void) { return 8 * ROWS; }
#undef NAME
#undef LANES
#undef ROWS
#pragma clang attribute pop

#pragma clang attribute push(                                                                                \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c,avx512bf16"))),      \
    apply_to = function)
#define NAME(x) JOIN(avx512bf16_, x)
#define PAIRS
#define LANES 16
#define ROWS 8
#include "products.inc"
#include "attention.inc"
#include "winograd.inc"
#include "temporal.inc"
static size_t avx512bf16_panel_columns(void) { return 2 * LANES; }
static size_t avx512bf16_row_chunk(void) { return 8 * ROWS; }
#undef NAME
#undef LANES
#undef ROWS
#undef PAIRS
#pragma clang attribute pop
#endif

FORWARD_PRODUCT(size_t, panel_columns, (void), ())
FORWARD_PRODUCT(size_t, row_chunk, (void), ())
FORWARD_PRODUCT(size_t, packed_size, (size_t taps, size_t depth, size_t columns, int gate), (taps, depth, columns, gate))
FORWARD_PRODUCT(void, pack, (const mtk_matrix *matrix, int gate, int is_rounded, size_t first, size_t count, float *packed), (matrix, gate, is_rounded, first, count, packed))
FORWARD_PRODUCT(size_t, product_scratch, (size_t taps, size_t depth, int gate), (taps, depth, gate))
FORWARD_PRODUCT(void, panel_product, (const mtk_product *product, size_t row, size_t rows, size_t panel, size_t panels), (product, row, rows, panel, panels))
FORWARD_PRODUCT(size_t, attention_scratch, (size_t queries, size_t keys, size_t width), (queries, keys, width))
FORWARD_PRODUCT(void, attention_forward, (const mtk_attention *attention, float *y, float *scratch), (attention, y, scratch))
FORWARD_PRODUCT(void, attention_pullback, (const mtk_attention *attention, const float *dy, float *dq, float *dk, float *dv, float *scratch), (attention, dy, dq, dk, dv, scratch))
FORWARD_PRODUCT(void, winograd_weights, (const mtk_matrix *weights, int side, int flipped, size_t first, size_t count, float *packed), (weights, side, flipped, first, count, packed))
FORWARD_PRODUCT(size_t, winograd_tiles, (int side, size_t inputs, size_t outputs), (side, inputs, outputs))
FORWARD_PRODUCT(size_t, winograd_scratch, (int side, size_t inputs, size_t outputs), (side, inputs, outputs))
FORWARD_PRODUCT(void, winograd_product, (const mtk_winograd *convolution, size_t first, size_t count, float *scratch), (convolution, first, count, scratch))
FORWARD_PRODUCT(void, temporal_weights, (const mtk_matrix *weights, size_t first, size_t count, float *plus, float *minus), (weights, first, count, plus, minus))
FORWARD_PRODUCT(size_t, temporal_rows, (size_t inputs, size_t outputs), (inputs, outputs))
FORWARD_PRODUCT(size_t, temporal_scratch, (size_t inputs, size_t outputs), (inputs, outputs))
FORWARD_PRODUCT(void, temporal_product, (const mtk_temporal *convolution, size_t first, size_t count, float *scratch), (convolution, first, count, scratch))
