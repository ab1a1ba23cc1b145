// The engine in a C program, without GStreamer: one generated clip as raw RGB.
//   cc embed.c -o embed $(pkg-config --cflags --libs motiontransfer-1.0)
//   ./embed OUTPUT.rgb "a fox in the snow" [MOTION.safetensors [OPTION=VALUE ...]]
#include <motiontransfer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void progress(void *data, const char *stage, unsigned step, unsigned steps, double loss) {
  (void) data;
  (void) loss;
  fprintf(stderr, "%s %u/%u\n", stage, step, steps);
}

static int failed(MotionTransferStatus status, char *error) {
  fprintf(stderr, "%s\n", error);
  motiontransfer_free(error);
  return status;
}

int main(int count, char **arguments) {
  if (count < 3) {
    fprintf(stderr, "usage: %s OUTPUT.rgb PROMPT [MOTION.safetensors [OPTION=VALUE ...]]\n", arguments[0]);
    return MOTIONTRANSFER_SETTINGS;
  }
  MotionTransferCallbacks callbacks = {.progress = progress};
  MotionTransferModel *model = NULL;
  char *error = NULL;
  MotionTransferStatus status = motiontransfer_model_open(NULL, &callbacks, &model, &error);
  if (status != MOTIONTRANSFER_OK) return failed(status, error);

  MotionTransferOptions *options = motiontransfer_options_new();
  status = motiontransfer_options_set(options, "prompt", arguments[2], &error);
  for (int i = 4; i < count && status == MOTIONTRANSFER_OK; i++) {
    char *equals = strchr(arguments[i], '=');
    if (equals == NULL) continue;
    *equals = 0;
    status = motiontransfer_options_set(options, arguments[i], equals + 1, &error);
  }
  unsigned frames = 0, width = 0, height = 0;
  if (status == MOTIONTRANSFER_OK) status = motiontransfer_geometry(model, options, &frames, &width, &height, &error);
  size_t size = (size_t) frames * width * height * 3;
  uint8_t *pixels = malloc(size > 0 ? size : 1);
  if (status == MOTIONTRANSFER_OK)
    status = motiontransfer_generate(model, options, count > 3 ? arguments[3] : NULL, pixels, size, &callbacks, &error);
  if (status != MOTIONTRANSFER_OK) return failed(status, error);

  FILE *file = fopen(arguments[1], "wb");
  if (file == NULL || fwrite(pixels, 1, size, file) != size || fclose(file) != 0) return MOTIONTRANSFER_UNWRITABLE;
  printf("%u frames of %ux%u\n", frames, width, height);
  free(pixels);
  motiontransfer_options_free(options);
  motiontransfer_model_close(model);
  return 0;
}
