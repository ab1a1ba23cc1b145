// Inner loops that are compiled several times for different processors and chosen at run time.
//
// Every function works on plain float32 buffers, single threaded; the Swift layer above (Kernels) splits work
// over threads. `rows` x `columns` matrices are row-major and contiguous unless a stride is given.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Name of the instruction set that was chosen: "avx512bf16", "avx512", "avx2" or "baseline".
const char *mtk_instruction_set(void);

/// Inside of a loop that waits for another thread: lets the processor's other thread go on, and wakes at once.
static inline void mtk_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Elementwise; y may be x.
void mtk_add(const float *a, const float *b, float *y, size_t n);
void mtk_subtract(const float *a, const float *b, float *y, size_t n);
void mtk_multiply(const float *a, const float *b, float *y, size_t n);
/// y = a * scale + shift
void mtk_affine(const float *a, float scale, float shift, float *y, size_t n);
/// y += a * scale
void mtk_accumulate(const float *a, float scale, float *y, size_t n);
void mtk_absolute(const float *x, float *y, size_t n);
/// dx = dy * sign(x)
void mtk_absolute_pullback(const float *x, const float *dy, float *dx, size_t n);

void mtk_silu(const float *x, float *y, size_t n);
void mtk_silu_pullback(const float *x, const float *dy, float *dx, size_t n);
/// Exact (erf) GELU.
void mtk_gelu(const float *x, float *y, size_t n);
void mtk_gelu_pullback(const float *x, const float *dy, float *dx, size_t n);
/// x * sigmoid(1.702 x)
void mtk_quick_gelu(const float *x, float *y, size_t n);
void mtk_quick_gelu_pullback(const float *x, const float *dy, float *dx, size_t n);
/// x: rows x 2h, halves a and g; y = a * gelu(g): rows x h
void mtk_geglu(const float *x, float *y, size_t rows, size_t h);
/// dx may be x.
void mtk_geglu_pullback(const float *x, const float *dy, float *dx, size_t rows, size_t h);

// Reductions, in a fixed order.
double mtk_sum(const float *x, size_t n);
double mtk_squared_difference(const float *a, const float *b, size_t n);

// Normalisation.
/// mean and rstd: one per row.
void mtk_layer_norm(const float *x, const float *weight, const float *bias, float epsilon, float *y,
                    float *mean, float *rstd, size_t rows, size_t columns);
/// dweight and dbias (may be NULL) are added to.
void mtk_layer_norm_pullback(const float *x, const float *weight, const float *mean, const float *rstd,
                             const float *dy, float *dx, float *dweight, float *dbias, size_t rows,
                             size_t columns);
/// Adds to sum and squares, per column, the sum of x and of x * x over the rows.
void mtk_column_moments(const float *x, double *sum, double *squares, size_t rows, size_t columns);
/// y = x * scale[c] + shift[c], then SiLU where asked.
void mtk_column_affine(const float *x, const float *scale, const float *shift, float *y, int silu,
                       size_t rows, size_t columns);
/// Adds, per column, the sums of dh and of dh * x, where h = x * scale + shift and dh = dy (* silu'(h)).
void mtk_column_affine_sums(const float *x, const float *dy, const float *scale, const float *shift, int silu,
                            double *sum, double *product, size_t rows, size_t columns);
/// dx = dh * p[c] + x * q[c] + r[c], with dh as above.
void mtk_column_affine_pullback(const float *x, const float *dy, const float *scale, const float *shift,
                                int silu, const float *p, const float *q, const float *r, float *dx,
                                size_t rows, size_t columns);
/// Adds the column sums of x to sum.
void mtk_column_sum(const float *x, float *sum, size_t rows, size_t columns);

// Widening of half-precision weights.
void mtk_widen_float16(const uint16_t *x, float *y, size_t n);
void mtk_widen_bfloat16(const uint16_t *x, float *y, size_t n);

/// The C library's own: Swift's Glibc module leaves <malloc.h> out.
int malloc_trim(size_t pad);

#endif
