import Glibc
public import Tensors

/// A code for the place in a sequence (Vaswani et al. 2017, section 3.5; diffusers' `SinusoidalPositionalEmbedding`):
/// sin(p ω_i) and cos(p ω_i) in turn, ω_i = 10000^(-2i / C).
public struct SinusoidalPositionalEmbedding: Sendable {
  /// (maximum length, 1, C)
  public let table: Tensor

  /// Reads `pe` (1, length, C) where the checkpoint holds it, else computes it.
  public init(_ scope: WeightScope, _ channels: Int, maximumLength: Int) throws {
    let stored = scope.has("pe") ? try scope("pe", [1, maximumLength, channels]) : nil
    table = (stored ?? Self.sinusoids(maximumLength, channels)).reshaped([maximumLength, 1, channels])
  }

  /// The codes of the first `length` places, (length, 1, C).
  public func callAsFunction(_ length: Int) -> Tensor {
    length == table.shape[0] ? table : table.sliced(axis: 0, 0..<length)
  }

  /// (length, C), in single precision as torch.
  static func sinusoids(_ length: Int, _ channels: Int) -> Tensor {
    let step = Float(-9.210340371976184 / Double(channels))
    return Tensor(uninitialized: [length, channels]) { values in
      for i in 0..<channels {
        let frequency = expf(Float(i / 2 * 2) * step)
        for place in 0..<length {
          let angle = Float(place) * frequency
          values[place * channels + i] = i % 2 == 0 ? sinf(angle) : cosf(angle)
        }
      }
    }
  }
}
