// Matrix products and the attention that is built of them, compiled for several processors and chosen at run time.
//
// The left operand is given by its rows, so that a linear layer, a convolution (one tap per window element) and a
// transposed matrix are one loop. The right operand is packed in panels beforehand. Single threaded: the Swift layer
// above splits rows and panels over threads. The order of every sum depends on the sizes only.
#ifndef CPRODUCTS_H
#define CPRODUCTS_H

#include <stddef.h>
#include <stdint.h>

/// How the elements of a right operand are stored.
typedef enum { MTK_FLOAT32 = 0, MTK_FLOAT16 = 1, MTK_BFLOAT16 = 2 } mtk_element;

/// A right operand: `taps` matrices (depth, columns), one after the other along the summed axis. Element (t, k, n) lies
/// at index t * tap_stride + k * depth_stride + n * column_stride.
typedef struct {
  const void *base;
  mtk_element element;
  ptrdiff_t tap_stride, depth_stride, column_stride;
  size_t taps, depth, columns;
} mtk_matrix;

/// y (rows, columns) = sum over taps t of row(t, r) . packed (+ bias) (+ residual) (+ y where accumulate).
/// gate: the operand's columns are 2h, y has h: y = (a + bias) * gelu(g + bias), a and g the halves of the columns.
typedef struct {
  /// Row r of tap t starts at rows[t * rows_per_tap + r]; NULL: at base + r * row_stride, for one tap.
  const float *const *rows;
  size_t rows_per_tap;
  const float *base;
  ptrdiff_t row_stride;
  /// Distance between neighbours of a row; more than 1 reads a transposed matrix.
  ptrdiff_t step;
  size_t taps, depth, columns;
  const float *packed;
  float *y;
  size_t y_stride;
  const float *bias;
  const float *residual;
  size_t residual_stride;
  int accumulate, gate;
  /// Both operands are rounded to bfloat16, sums stay float32; needs a matrix packed so, and scratch.
  int is_rounded;
  float *scratch;
} mtk_product;

/// Columns of one panel.
size_t mtk_panel_columns(void);
/// Rows that a thread should take at a time, at least.
size_t mtk_row_chunk(void);
/// Floats of a packed operand.
size_t mtk_packed_size(size_t taps, size_t depth, size_t columns, int gate);
/// Packs panels first ..< first + count; is_rounded: as bfloat16.
void mtk_pack(const mtk_matrix *matrix, int gate, int is_rounded, size_t first, size_t count, float *packed);
/// Floats of scratch of a rounded product.
size_t mtk_product_scratch(size_t taps, size_t depth, int gate);
/// Rows row ..< row + rows of y, panels panel ..< panel + panels.
void mtk_panel_product(const mtk_product *product, size_t row, size_t rows, size_t panel, size_t panels);

/// Attention of one head: y = softmax(q kT / sqrt(width)) v. Tokens lie `query_stride` and `key_stride` floats apart.
/// Scores exist for a few rows at a time (online softmax over blocks of keys). causal >= 0: query i sees keys
/// 0 ... causal + i; causal < 0: all.
typedef struct {
  const float *q, *k, *v;
  size_t queries, keys, query_stride, key_stride, width;
  ptrdiff_t causal;
} mtk_attention;
/// Floats of scratch for either direction.
size_t mtk_attention_scratch(size_t queries, size_t keys, size_t width);
/// y has the strides of q.
void mtk_attention_forward(const mtk_attention *attention, float *y, float *scratch);
/// dq is overwritten, dk and dv are added to; each may be NULL. dy and dq have the strides of q, dk and dv those of k.
void mtk_attention_pullback(const mtk_attention *attention, const float *dy, float *dq, float *dk, float *dv,
                            float *scratch);

/// A 3x3 convolution at stride 1 with one row and column of zeros around, by Winograd's F(side x side, 3x3), side 2 or
/// 4. x: (images, height, width, inputs); inputs and outputs are multiples of 16.
typedef struct {
  int side;
  const float *x;
  size_t height, width, inputs, outputs;
  const float *packed, *bias;
  float *y;
  /// Floats between neighbouring pixels of y.
  size_t y_stride;
} mtk_winograd;
/// Columns first ..< first + count of the transformed weights, for (side + 2)^2 operands packed one after the other,
/// each of mtk_packed_size(1, depth, columns, 0); first and count are multiples of 8. `weights` has 9 taps and either
/// depth or columns at a distance of 1; flipped: taps in opposite order, as in the gradient.
void mtk_winograd_weights(const mtk_matrix *weights, int side, int flipped, size_t first, size_t count,
                          float *packed);
/// Tiles that fit the cache together.
size_t mtk_winograd_tiles(int side, size_t inputs, size_t outputs);
/// Floats of scratch.
size_t mtk_winograd_scratch(int side, size_t inputs, size_t outputs);
/// Tiles first ..< first + count of all side x side tiles of all images.
void mtk_winograd_product(const mtk_winograd *convolution, size_t first, size_t count, float *scratch);

/// A convolution over three neighbouring frames, with a frame of zeros before and behind, by Winograd's F(2, 3).
/// x: (clips, frames, pixels, inputs); inputs and outputs are multiples of 16. packed: four operands one after the other,
/// each of mtk_packed_size(1, inputs, outputs, 0): the first tap, `plus`, `minus`, the last tap.
typedef struct {
  const float *x;
  size_t frames, pixels, inputs, outputs;
  const float *packed, *bias;
  float *y;
} mtk_temporal;
/// plus = (g0 + g1 + g2) / 2 and minus = (g0 - g1 + g2) / 2 for elements first ..< first + count of three taps that lie
/// depth * columns elements apart.
void mtk_temporal_weights(const mtk_matrix *weights, size_t first, size_t count, float *plus, float *minus);
/// Rows that fit the cache together.
size_t mtk_temporal_rows(size_t inputs, size_t outputs);
/// Floats of scratch.
size_t mtk_temporal_scratch(size_t inputs, size_t outputs);
/// Places first ..< first + count, counted through the pixels of each pair of frames, those through the pairs of each clip.
void mtk_temporal_product(const mtk_temporal *convolution, size_t first, size_t count, float *scratch);

#endif
