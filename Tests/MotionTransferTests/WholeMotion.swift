import Layers
import Tensors

@testable import MotionTransfer

extension MotionEmbedding {
  /// The embedding as the model adds it to all frames of a clip.
  func adapters(_ mode: DebiasMode, scale: Float = 1) -> Adapters {
    let frames = blocks.values.compactMap(\.queryKey).first?.shape[0] ?? 0
    return Adapters(motion: DebiasedMotion(self, mode, queryKeyScale: scale, valueScale: scale).rows(0..<frames))
  }
}
