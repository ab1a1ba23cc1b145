// Compiles kernels.inc for each instruction set and forwards every public function to the best one that the
// processor has. x86-64 machines below AVX2 and all other architectures use the plain build.
#include "CKernels.h"
#include "dispatch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAME(x) JOIN(baseline_, x)
#include "kernels.inc"
#undef NAME

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define NAME(x) JOIN(avx2_, x)
#include "kernels.inc"
#undef NAME
#pragma clang attribute pop

#pragma clang attribute push(                                                                                \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,f16c"))), apply_to = function)
#define NAME(x) JOIN(avx512_, x)
#include "kernels.inc"
#undef NAME
#pragma clang attribute pop
#endif

// Asked once, before main: no lock, and no kernel can run earlier. MOTIONTRANSFER_INSTRUCTION_SET=avx512, =avx2 or
// =baseline keeps to less than the processor has, for tests.
int mtk_level = BASELINE;
__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
  const char *limit = getenv("MOTIONTRANSFER_INSTRUCTION_SET");
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    mtk_level = AVX2;
  if (mtk_level == AVX2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    mtk_level = __builtin_cpu_supports("avx512bf16") ? AVX512_BF16 : AVX512;
  if (limit && strcmp(limit, "avx512") == 0 && mtk_level == AVX512_BF16) mtk_level = AVX512;
  if (limit && strcmp(limit, "avx2") == 0 && mtk_level > AVX2) mtk_level = AVX2;
  if (limit && strcmp(limit, "baseline") == 0) mtk_level = BASELINE;
#endif
}

const char *mtk_instruction_set(void) {
  static const char *const names[] = {"baseline", "avx2", "avx512", "avx512bf16"};
  return names[mtk_level];
}

FORWARD(void, add, (const float *a, const float *b, float *y, size_t n), (a, b, y, n))
FORWARD(void, subtract, (const float *a, const float *b, float *y, size_t n), (a, b, y, n))
FORWARD(void, multiply, (const float *a, const float *b, float *y, size_t n), (a, b, y, n))
FORWARD(void, affine, (const float *a, float scale, float shift, float *y, size_t n), (a, scale, shift, y, n))
FORWARD(void, accumulate, (const float *a, float scale, float *y, size_t n), (a, scale, y, n))
FORWARD(void, absolute, (const float *x, float *y, size_t n), (x, y, n))
FORWARD(void, absolute_pullback, (const float *x, const float *dy, float *dx, size_t n), (x, dy, dx, n))
FORWARD(void, silu, (const float *x, float *y, size_t n), (x, y, n))
FORWARD(void, silu_pullback, (const float *x, const float *dy, float *dx, size_t n), (x, dy, dx, n))
FORWARD(void, gelu, (const float *x, float *y, size_t n), (x, y, n))
FORWARD(void, gelu_pullback, (const float *x, const float *dy, float *dx, size_t n), (x, dy, dx, n))
FORWARD(void, quick_gelu, (const float *x, float *y, size_t n), (x, y, n))
FORWARD(void, quick_gelu_pullback, (const float *x, const float *dy, float *dx, size_t n), (x, dy, dx, n))
FORWARD(void, geglu, (const float *x, float *y, size_t rows, size_t h), (x, y, rows, h))
FORWARD(void, geglu_pullback, (const float *x, const float *dy, float *dx, size_t rows, size_t h), (x, dy, dx, rows, h))
FORWARD(double, sum, (const float *x, size_t n), (x, n))
FORWARD(double, squared_difference, (const float *a, const float *b, size_t n), (a, b, n))
FORWARD(void, layer_norm, (const float *x, const float *weight, const float *bias, float epsilon, float *y, float *mean, float *rstd, size_t rows, size_t columns), (x, weight, bias, epsilon, y, mean, rstd, rows, columns))
FORWARD(void, layer_norm_pullback, (const float *x, const float *weight, const float *mean, const float *rstd, const float *dy, float *dx, float *dweight, float *dbias, size_t rows, size_t columns), (x, weight, mean, rstd, dy, dx, dweight, dbias, rows, columns))
FORWARD(void, column_moments, (const float *x, double *sum, double *squares, size_t rows, size_t columns), (x, sum, squares, rows, columns))
FORWARD(void, column_affine, (const float *x, const float *scale, const float *shift, float *y, int silu, size_t rows, size_t columns), (x, scale, shift, y, silu, rows, columns))
FORWARD(void, column_affine_sums, (const float *x, const float *dy, const float *scale, const float *shift, int silu, double *sum, double *product, size_t rows, size_t columns), (x, dy, scale, shift, silu, sum, product, rows, columns))
FORWARD(void, column_affine_pullback, (const float *x, const float *dy, const float *scale, const float *shift, int silu, const float *p, const float *q, const float *r, float *dx, size_t rows, size_t columns), (x, dy, scale, shift, silu, p, q, r, dx, rows, columns))
FORWARD(void, column_sum, (const float *x, float *sum, size_t rows, size_t columns), (x, sum, rows, columns))
FORWARD(void, widen_float16, (const uint16_t *x, float *y, size_t n), (x, y, n))
FORWARD(void, widen_bfloat16, (const uint16_t *x, float *y, size_t n), (x, y, n))
