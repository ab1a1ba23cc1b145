// Which of the compiled variants this processor runs.
#ifndef DISPATCH_H
#define DISPATCH_H

enum { BASELINE, AVX2, AVX512, AVX512_BF16 };
extern int mtk_level;

#define JOIN(a, b) a##b

#if defined(__x86_64__)
#define FORWARD(type, name, parameters, arguments)                                                           \
  type mtk_##name parameters {                                                                               \
    if (mtk_level >= AVX512) return avx512_##name arguments;                                                 \
    if (mtk_level == AVX2) return avx2_##name arguments;                                                     \
    return baseline_##name arguments;                                                                        \
  }
// For the files that use bfloat16 instructions.
#define FORWARD_PRODUCT(type, name, parameters, arguments)                                                   \
  type mtk_##name parameters {                                                                               \
    if (mtk_level == AVX512_BF16) return avx512bf16_##name arguments;                                        \
    if (mtk_level == AVX512) return avx512_##name arguments;                                                 \
    if (mtk_level == AVX2) return avx2_##name arguments;                                                     \
    return baseline_##name arguments;                                                                        \
  }
#else
#define FORWARD(type, name, parameters, arguments)                                                           \
  type mtk_##name parameters { return baseline_##name arguments; }
#define FORWARD_PRODUCT FORWARD
#endif

#endif
