// The engine for embedders in C: what the command line does, on frames in memory.
//
//   MotionTransferModel *model = NULL;
//   char *error = NULL;
//   if (motiontransfer_model_open(NULL, NULL, &model, &error)) { puts(error); motiontransfer_free(error); }
//
// Build with `pkg-config --cflags --libs motiontransfer-1.0`. Frames are packed RGB, 8 bits a channel, full range:
// frames * height * width * 3 bytes. Everything may be called from any thread; a model may be used by several at once.
#ifndef MOTIONTRANSFER_H
#define MOTIONTRANSFER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A loaded model. Immutable.
typedef struct MotionTransferModel MotionTransferModel;
/// What is asked for; what is not set is the model's recommendation. One thread at a time.
typedef struct MotionTransferOptions MotionTransferOptions;

/// As the command's exit status (sysexits.h).
typedef enum MotionTransferStatus {
  MOTIONTRANSFER_OK = 0,
  /// An option is missing or out of range.
  MOTIONTRANSFER_SETTINGS = 64,
  /// A corrupt file, or an embedding of another model or size.
  MOTIONTRANSFER_BAD_DATA = 65,
  /// A file that is not there or cannot be read.
  MOTIONTRANSFER_NOT_FOUND = 66,
  /// An error of the engine itself.
  MOTIONTRANSFER_FAILED = 70,
  /// A file that cannot be written, or too little memory.
  MOTIONTRANSFER_UNWRITABLE = 73,
  /// `is_cancelled` said so.
  MOTIONTRANSFER_CANCELLED = 130,
} MotionTransferStatus;

/// The caller's side of a long computation; each function may be NULL. They are called from the calling thread or from
/// the engine's own.
typedef struct MotionTransferCallbacks {
  void *data;
  /// Asked hundreds of times a second; not 0 ends the work with MOTIONTRANSFER_CANCELLED.
  int (*is_cancelled)(void *data);
  /// `stage`: load, encode, invert, learn, sample or decode; `loss` is not a number outside of learning.
  void (*progress)(void *data, const char *stage, unsigned step, unsigned steps, double loss);
  void (*warning)(void *data, const char *text);
} MotionTransferCallbacks;

// Where a function fails and `error` is not NULL, `*error` becomes a sentence for `motiontransfer_free`.

/// Loads a diffusers folder, without a separate motion adapter; NULL: the bundled model.
MotionTransferStatus motiontransfer_model_open(const char *folder, const MotionTransferCallbacks *callbacks,
    MotionTransferModel **model, char **error);
/// Gives a model back; NULL does nothing. No call with it may be running.
void motiontransfer_model_close(MotionTransferModel *model);

/// Options with everything left to the model, for `motiontransfer_options_free`.
MotionTransferOptions *motiontransfer_options_new(void);
/// NULL does nothing.
void motiontransfer_options_free(MotionTransferOptions *options);
/// Sets an option by its name on the command line without dashes, as text: "prompt", "seed", "guidance-scale" ... Flags are
/// "true" or "false", lists have commas. What other functions take (model, embedding, output) and threads are no options.
MotionTransferStatus motiontransfer_options_set(MotionTransferOptions *options, const char *name, const char *value,
    char **error);

/// Frames, width and height of a clip.
MotionTransferStatus motiontransfer_geometry(const MotionTransferModel *model, const MotionTransferOptions *options,
    unsigned *frames, unsigned *width, unsigned *height, char **error);
/// Learns the motion of a clip of that size and writes it to `path`, a safetensors file, whole or not at all.
MotionTransferStatus motiontransfer_learn(const MotionTransferModel *model, const MotionTransferOptions *options,
    const uint8_t *frames, size_t size, const char *path, const MotionTransferCallbacks *callbacks, char **error);
/// Generates a clip of that size into `frames`; `embedding` is a file that was learned, NULL: the model as it is.
MotionTransferStatus motiontransfer_generate(const MotionTransferModel *model, const MotionTransferOptions *options,
    const char *embedding, uint8_t *frames, size_t size, const MotionTransferCallbacks *callbacks, char **error);

/// Frees the text of an error; NULL does nothing.
void motiontransfer_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
