// Checks the matrix products and the attention of CKernels against naive loops in double precision, for every
// instruction set of the processor that it runs on, and prints how fast each is. No Swift is needed:
//
//   clang -O2 -static -ISources/CKernels -ISources/CKernels/include Tests/Benchmarks/selfcheck.c \
//     Sources/CKernels/*.c -lm -o selfcheck && ./selfcheck
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CKernels.h"
#include "CProducts.h"
#include "dispatch.h"

static int failures = 0;
static unsigned state = 1;
static float uniform(void) {
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / 8388608.0f - 1.0f;
}
static float *numbers(size_t n) {
  float *x = aligned_alloc(64, (n * 4 + 127) / 64 * 64);
  for (size_t i = 0; i < n; i++) x[i] = uniform();
  return x;
}
static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
// Median seconds of five repetitions of BODY, each long enough to be measured.
#define TIME(result, flops, ...)                                                                             \
  do {                                                                                                       \
    int n = 1 + (int)(4e7 / (flops));                                                                        \
    double t[5];                                                                                             \
    for (int r = 0; r < 5; r++) {                                                                            \
      double start = seconds();                                                                              \
      for (int i = 0; i < n; i++) { __VA_ARGS__; }                                                           \
      t[r] = (seconds() - start) / n;                                                                        \
    }                                                                                                        \
    for (int i = 0; i < 5; i++)                                                                              \
      for (int j = 0; j < 4; j++)                                                                            \
        if (t[j] > t[j + 1]) { double s = t[j]; t[j] = t[j + 1]; t[j + 1] = s; }                             \
    result = t[2];                                                                                           \
  } while (0)

static void verdict(const char *what, double error, double limit, double gflops) {
  int bad = !(error <= limit);
  failures += bad;
  printf("  %-52s %s  error %.1e", what, bad ? "FAIL" : "pass", error);
  if (gflops > 0) printf("  %7.1f GFLOPS", gflops);
  printf("\n");
}

// To bfloat16, to nearest and even.
static float operand(float x, int rounded) {
  union { float f; uint32_t i; } u = {.f = x};
  if (rounded) u.i = (u.i + 0x7fff + (u.i >> 16 & 1)) & 0xffff0000u;
  return u.f;
}

// A product with `taps` taps whose rows overlap, as in a convolution; transposed: the left operand is read by columns.
static void product(size_t rows, size_t columns, size_t taps, size_t depth, int transposed, int weights_by_depth,
                    int accumulate, int rounded) {
  size_t stride = transposed ? rows : depth;
  float *x = numbers((rows + taps) * (depth + taps) + depth * rows), *w = numbers(taps * depth * columns);
  float *y = numbers(rows * columns), *before = numbers(rows * columns), *bias = numbers(columns);
  float *residual = numbers(rows * columns);
  memcpy(y, before, rows * columns * 4);
  const float **pointers = malloc(taps * rows * sizeof *pointers);
  for (size_t t = 0; t < taps; t++)
    for (size_t r = 0; r < rows; r++) pointers[t * rows + r] = x + (transposed ? r : (r + t) * depth);
  mtk_matrix m = {.base = w, .element = MTK_FLOAT32, .taps = taps, .depth = depth, .columns = columns};
  m.tap_stride = (ptrdiff_t)depth * (weights_by_depth ? (ptrdiff_t)columns : 1);
  m.depth_stride = weights_by_depth ? (ptrdiff_t)columns : 1;
  m.column_stride = weights_by_depth ? 1 : (ptrdiff_t)(taps * depth);
  float *packed = numbers(mtk_packed_size(taps, depth, columns, 0));
  size_t panels = (columns + mtk_panel_columns() - 1) / mtk_panel_columns();
  mtk_pack(&m, 0, rounded, 0, panels, packed);
  mtk_product p = {.rows = pointers, .rows_per_tap = rows, .step = transposed ? (ptrdiff_t)stride : 1, .taps = taps,
                   .depth = depth, .columns = columns, .packed = packed, .y = y, .y_stride = columns, .bias = bias,
                   .residual = residual, .residual_stride = columns, .accumulate = accumulate,
                   .is_rounded = rounded, .scratch = numbers(mtk_product_scratch(taps, depth, 0))};
  size_t half = rows / 2;
  mtk_panel_product(&p, 0, half, 0, panels);
  mtk_panel_product(&p, half, rows - half, 0, panels);
  double worst = 0, size = sqrt((double)(taps * depth));
  for (size_t r = 0; r < rows; r += 1 + rows / 37)
    for (size_t n = 0; n < columns; n++) {
      double sum = bias[n] + residual[r * columns + n] + (accumulate ? before[r * columns + n] : 0);
      for (size_t t = 0; t < taps; t++)
        for (size_t k = 0; k < depth; k++)
          sum += (double)operand(pointers[t * rows + r][(ptrdiff_t)k * p.step], rounded) *
                 operand(w[(ptrdiff_t)t * m.tap_stride + (ptrdiff_t)k * m.depth_stride +
                           (ptrdiff_t)n * m.column_stride], rounded);
      double e = fabs(sum - y[r * columns + n]) / size;
      worst = e > worst ? e : worst;
    }
  double flops = 2.0 * (double)(rows * columns * taps * depth), time = 0;
  if (flops > 4e6) TIME(time, flops, mtk_panel_product(&p, 0, rows, 0, panels));
  char name[100];
  snprintf(name, sizeof name, "product %zux%zux%zu, %zu taps%s%s%s", rows, columns, depth, taps,
           rounded ? ", bfloat16" : "", transposed ? ", by columns" : "", accumulate ? ", added" : "");
  verdict(name, worst, 2e-6, time > 0 ? flops / time * 1e-9 : 0);
  free(x), free(w), free(y), free(before), free(bias), free(residual), free(pointers), free(packed);
}

static void gate(size_t rows, size_t h, size_t depth) {
  float *x = numbers(rows * depth), *w = numbers(2 * h * depth), *bias = numbers(2 * h), *y = numbers(rows * h);
  mtk_matrix m = {w, MTK_FLOAT32, 0, 1, (ptrdiff_t)depth, 1, depth, 2 * h};
  float *packed = numbers(mtk_packed_size(1, depth, 2 * h, 1));
  size_t width = mtk_panel_columns() / 2, panels = (h + width - 1) / width;
  mtk_pack(&m, 1, 0, 0, panels, packed);
  mtk_product p = {.base = x, .row_stride = (ptrdiff_t)depth, .step = 1, .taps = 1, .depth = depth, .columns = 2 * h,
                   .packed = packed, .y = y, .y_stride = h, .bias = bias, .gate = 1};
  mtk_panel_product(&p, 0, rows, 0, panels);
  double worst = 0;
  for (size_t r = 0; r < rows; r++)
    for (size_t n = 0; n < h; n++) {
      double a = bias[n], g = bias[h + n];
      for (size_t k = 0; k < depth; k++) {
        a += (double)x[r * depth + k] * w[n * depth + k];
        g += (double)x[r * depth + k] * w[(h + n) * depth + k];
      }
      double e = fabs(a * g * 0.5 * erfc(-g / sqrt(2.0)) - y[r * h + n]) / (double)depth;
      worst = e > worst ? e : worst;
    }
  char name[100];
  snprintf(name, sizeof name, "gated product %zux%zux%zu", rows, h, depth);
  verdict(name, worst, 2e-6, 0);
  free(x), free(w), free(bias), free(y), free(packed);
}

static void widening(void) {
  uint16_t bits[64 * 24];
  for (int i = 0; i < 64 * 24; i++) bits[i] = (uint16_t)(i * 42 + 7);
  for (mtk_element element = MTK_FLOAT16; element <= MTK_BFLOAT16; element++) {
    float expected[64 * 24];
    if (element == MTK_FLOAT16) mtk_widen_float16(bits, expected, 64 * 24);
    else mtk_widen_bfloat16(bits, expected, 64 * 24);
    int wrong = 0;
    for (int by_depth = 0; by_depth < 2; by_depth++) {
      mtk_matrix half = {bits, element, 0, by_depth ? 64 : 1, by_depth ? 1 : 24, 1, 24, 64};
      mtk_matrix full = {expected, MTK_FLOAT32, 0, by_depth ? 64 : 1, by_depth ? 1 : 24, 1, 24, 64};
      size_t size = mtk_packed_size(1, 24, 64, 0);
      float *a = numbers(size), *b = numbers(size);
      mtk_pack(&half, 0, 0, 0, (64 + mtk_panel_columns() - 1) / mtk_panel_columns(), a);
      mtk_pack(&full, 0, 0, 0, (64 + mtk_panel_columns() - 1) / mtk_panel_columns(), b);
      wrong |= memcmp(a, b, size * 4) != 0;
      free(a), free(b);
    }
    verdict(element == MTK_FLOAT16 ? "float16 panels" : "bfloat16 panels", wrong, 0, 0);
  }
}

static void attention(size_t queries, size_t keys, size_t width, ptrdiff_t causal) {
  size_t stride = width + 16;
  float *q = numbers(queries * stride), *k = numbers(keys * stride), *v = numbers(keys * stride);
  float *d = numbers(queries * stride), *y = numbers(queries * stride), *dq = numbers(queries * stride);
  float *dk = numbers(keys * stride), *dv = numbers(keys * stride);
  memset(dk, 0, keys * stride * 4), memset(dv, 0, keys * stride * 4);
  for (size_t i = 0; i < queries * stride; i++) q[i] *= 4;
  float *scratch = numbers(mtk_attention_scratch(queries, keys, width));
  mtk_attention a = {q, k, v, queries, keys, stride, stride, width, causal};
  mtk_attention_forward(&a, y, scratch);
  mtk_attention_pullback(&a, d, dq, dk, dv, scratch);
  double forward = 0, backward = 0, scale = 1 / sqrt((double)width);
  double *gk = calloc(keys * width, sizeof *gk), *gv = calloc(keys * width, sizeof *gv);
  double *p = malloc(keys * sizeof *p), *g = malloc(keys * sizeof *g);
  for (size_t i = 0; i < queries; i++) {
    double top = -1e300, sum = 0, dot = 0;
    size_t end = causal < 0 ? keys : i + (size_t)causal + 1;
    for (size_t j = 0; j < end; j++) {
      p[j] = 0;
      for (size_t c = 0; c < width; c++) p[j] += (double)q[i * stride + c] * k[j * stride + c] * scale;
      top = fmax(top, p[j]);
    }
    for (size_t j = 0; j < end; j++) sum += p[j] = exp(p[j] - top);
    for (size_t j = 0; j < end; j++) {
      p[j] /= sum;
      g[j] = 0;
      for (size_t c = 0; c < width; c++) g[j] += (double)d[i * stride + c] * v[j * stride + c];
      dot += p[j] * g[j];
    }
    for (size_t c = 0; c < width; c++) {
      double out = 0, gradient = 0;
      for (size_t j = 0; j < end; j++) {
        out += p[j] * v[j * stride + c];
        gradient += scale * p[j] * (g[j] - dot) * k[j * stride + c];
        gk[j * width + c] += scale * p[j] * (g[j] - dot) * q[i * stride + c];
        gv[j * width + c] += p[j] * d[i * stride + c];
      }
      forward = fmax(forward, fabs(out - y[i * stride + c]));
      backward = fmax(backward, fabs(gradient - dq[i * stride + c]));
    }
  }
  for (size_t j = 0; j < keys; j++)
    for (size_t c = 0; c < width; c++) {
      backward = fmax(backward, fabs(gk[j * width + c] - dk[j * stride + c]) / sqrt(1.0 + (double)queries / 64));
      backward = fmax(backward, fabs(gv[j * width + c] - dv[j * stride + c]) / sqrt(1.0 + (double)queries / 64));
    }
  char name[100];
  double time, flops = 4.0 * (double)(queries * keys * width);
  snprintf(name, sizeof name, "attention %zux%zu, width %zu%s", queries, keys, width, causal < 0 ? "" : ", causal");
  TIME(time, flops, mtk_attention_forward(&a, y, scratch));
  verdict(name, forward, 3e-6, flops / time * 1e-9);
  TIME(time, 2.5 * flops, mtk_attention_pullback(&a, d, dq, dk, dv, scratch));
  verdict("  its gradients", backward, 2e-5, 2.5 * flops / time * 1e-9);
  free(q), free(k), free(v), free(d), free(y), free(dq), free(dk), free(dv), free(scratch);
  free(gk), free(gv), free(p), free(g);
}

static void winograd(int side, size_t images, size_t height, size_t width, size_t inputs, size_t outputs, int flipped) {
  float *x = numbers(images * height * width * inputs), *w = numbers(9 * inputs * outputs), *bias = numbers(outputs);
  float *y = numbers(images * height * width * outputs);
  mtk_matrix m = {w, MTK_FLOAT32, (ptrdiff_t)inputs, 1, 9 * (ptrdiff_t)inputs, 9, inputs, outputs};
  mtk_matrix other = m;  // the same numbers the other way round
  float *turned = numbers(9 * inputs * outputs);
  for (size_t o = 0; o < outputs; o++)
    for (size_t t = 0; t < 9; t++)
      for (size_t i = 0; i < inputs; i++) turned[(i * 9 + t) * outputs + o] = w[(o * 9 + t) * inputs + i];
  other.base = turned, other.tap_stride = (ptrdiff_t)outputs, other.depth_stride = 9 * (ptrdiff_t)outputs;
  other.column_stride = 1;
  if (flipped) m = other;
  size_t elements = (size_t)((side + 2) * (side + 2));
  float *packed = numbers(elements * mtk_packed_size(1, inputs, outputs, 0));
  mtk_winograd_weights(&m, side, flipped, 0, outputs - 8, packed);
  mtk_winograd_weights(&m, side, flipped, outputs - 8, 8, packed);
  float *scratch = numbers(mtk_winograd_scratch(side, inputs, outputs));
  mtk_winograd p = {side, x, height, width, inputs, outputs, packed, bias, y, outputs};
  size_t down = (height + (size_t)side - 1) / (size_t)side, across = (width + (size_t)side - 1) / (size_t)side;
  size_t tiles = images * down * across;
  mtk_winograd_product(&p, 0, tiles / 3, scratch);
  mtk_winograd_product(&p, tiles / 3, tiles - tiles / 3, scratch);
  double worst = 0, size = sqrt(9.0 * (double)inputs);
  for (size_t pixel = 0; pixel < images * height * width; pixel += images > 2 ? 61 : 1)
    for (size_t o = 0; o < outputs; o += 3) {
      size_t image = pixel / (height * width), py = pixel / width % height, px = pixel % width;
      double sum = bias[o];
      for (int t = 0; t < 9; t++) {
        size_t sy = py + (size_t)(t / 3) - 1, sx = px + (size_t)(t % 3) - 1;
        if (sy >= height || sx >= width) continue;
        for (size_t i = 0; i < inputs; i++)
          sum += (double)x[((image * height + sy) * width + sx) * inputs + i] *
                 w[(o * 9 + (size_t)(flipped ? 8 - t : t)) * inputs + i];
      }
      worst = fmax(worst, fabs(sum - y[pixel * outputs + o]) / size);
    }
  double time, flops = 18.0 * (double)(images * height * width * inputs * outputs);
  TIME(time, flops, mtk_winograd_product(&p, 0, tiles, scratch));
  char name[100];
  snprintf(name, sizeof name, "F(%dx%d) %zux%zux%zu, %zu to %zu channels%s", side, side, images, height, width, inputs,
           outputs, flipped ? ", flipped" : "");
  verdict(name, worst, side == 2 ? 2e-6 : 5e-5, flops / time * 1e-9);
  TIME(time, 90.0 * (double)(inputs * outputs), mtk_winograd_weights(&m, side, flipped, 0, outputs, packed));
  printf("    weights %.2f ns each\n", time * 1e9 / (double)(inputs * outputs));
  free(x), free(w), free(bias), free(y), free(packed), free(scratch), free(turned);
}

// Over three frames, by F(2, 3); the direct way beside it.
static void temporal(size_t clips, size_t frames, size_t pixels, size_t inputs, size_t outputs) {
  size_t size = inputs * outputs, places = clips * ((frames + 1) / 2) * pixels;
  float *x = numbers(clips * frames * pixels * inputs), *w = numbers(3 * size), *bias = numbers(outputs);
  float *y = numbers(clips * frames * pixels * outputs), *u = numbers(2 * size);
  size_t one = mtk_packed_size(1, inputs, outputs, 0), panels = one / inputs / mtk_panel_columns();
  float *packed = numbers(4 * one), *scratch = numbers(mtk_temporal_scratch(inputs, outputs));
  mtk_matrix m = {w, MTK_FLOAT32, 0, 1, (ptrdiff_t)inputs, 1, inputs, outputs};
  mtk_temporal_weights(&m, 0, size / 3, u, u + size);
  mtk_temporal_weights(&m, size / 3, size - size / 3, u, u + size);
  const float *bases[] = {w, u, u + size, w + 2 * size};
  for (int e = 0; e < 4; e++) m.base = bases[e], mtk_pack(&m, 0, 0, 0, panels, packed + (size_t)e * one);
  mtk_temporal p = {x, frames, pixels, inputs, outputs, packed, bias, y};
  mtk_temporal_product(&p, 0, places / 3, scratch);
  mtk_temporal_product(&p, places / 3, places - places / 3, scratch);
  double worst = 0;
  for (size_t row = 0; row < clips * frames * pixels; row += frames * pixels > 200 ? 61 : 1)
    for (size_t o = 0; o < outputs; o += 3) {
      double sum = bias[o];
      for (size_t t = 0; t < 3; t++) {
        size_t frame = row / pixels % frames + t - 1;
        if (frame >= frames) continue;
        for (size_t i = 0; i < inputs; i++)
          sum += (double)x[(row + (t - 1) * pixels) * inputs + i] * w[(t * outputs + o) * inputs + i];
      }
      worst = fmax(worst, fabs(sum - y[row * outputs + o]) / sqrt(3.0 * (double)inputs));
    }
  double time, flops = 6.0 * (double)(clips * frames * pixels * size);
  TIME(time, flops, mtk_temporal_product(&p, 0, places, scratch));
  char name[100];
  snprintf(name, sizeof name, "F(2) over time, %zux%zux%zu, %zu to %zu channels", clips, frames, pixels, inputs, outputs);
  verdict(name, worst, 2e-6, flops / time * 1e-9);
  free(x), free(w), free(bias), free(y), free(u), free(packed), free(scratch);
}

int main(void) {
  int best = mtk_level;
  for (mtk_level = best; mtk_level >= 0; mtk_level--) {
    printf("%s\n", mtk_instruction_set());
    for (size_t rows = 1; rows < 20; rows += 3) product(rows, 5 + 9 * rows, 1, 7 + rows, 0, 0, 0, 0);
    product(33, 70, 3, 19, 0, 1, 1, 0);
    product(50, 33, 1, 40, 1, 1, 0, 0);
    product(40, 130, 9, 300, 0, 0, 1, 0);
    product(40, 64, 2, 2100, 0, 1, 0, 0);
    product(33, 70, 3, 19, 0, 1, 1, 1), product(50, 33, 1, 41, 1, 1, 0, 1), product(40, 130, 9, 300, 0, 0, 1, 1);
    product(40, 64, 2, 2101, 0, 1, 0, 1), product(4096, 64, 9, 64, 0, 0, 0, 1), product(512, 1280, 1, 1280, 0, 0, 0, 1);
    product(4096, 64, 1, 64, 0, 0, 0, 0);
    product(4096, 512, 1, 64, 0, 0, 0, 0);
    product(4096, 64, 9, 64, 0, 0, 0, 0);
    product(1024, 96, 3, 96, 0, 0, 0, 0);
    product(1024, 640, 1, 640, 0, 0, 0, 0);
    product(512, 1280, 1, 1280, 0, 0, 0, 0);
    product(64, 576, 1, 4096, 1, 1, 0, 0);
    gate(37, 5, 9), gate(50, 64, 40), gate(20, 257, 30);
    widening();
    for (int side = 2; side <= 4; side += 2) {
      winograd(side, 1, 1, 1, 16, 16, 0), winograd(side, 2, 5, 7, 16, 48, 1), winograd(side, 1, 9, 4, 528, 16, 0);
      winograd(side, 16, 16, 16, 64, 64, 0), winograd(side, 16, 8, 8, 96, 96, 1);
      winograd(side, 2, 32, 32, 320, 320, 0);
    }
    temporal(2, 1, 3, 16, 32), temporal(1, 5, 7, 48, 16), temporal(2, 4, 30, 16, 16);
    temporal(1, 16, 256, 64, 64), temporal(1, 16, 64, 96, 96), temporal(1, 16, 16, 128, 128), temporal(1, 8, 1024, 320, 320);
    product(4096, 64, 3, 64, 0, 0, 0, 0), product(1024, 96, 3, 96, 0, 0, 0, 0), product(256, 128, 3, 128, 0, 0, 0, 0);
    product(8192, 320, 3, 320, 0, 0, 0, 0);
    attention(1, 1, 4, -1), attention(7, 5, 8, -1), attention(20, 20, 12, 0), attention(16, 16, 16, -1);
    attention(256, 256, 16, -1), attention(256, 77, 16, -1), attention(300, 1300, 64, -1);
  }
  printf(failures ? "%d FAILED\n" : "all passed\n", failures);
  return failures != 0;
}
