import Glibc
public import Tensors

/// The embedding of diffusion time steps (Ho et al. 2020; diffusers' `Timesteps` and `TimestepEmbedding`).
///
/// Sinusoids (cosines first, frequency shift 0) -> Linear -> SiLU -> Linear.
public struct TimestepEmbedding: Sendable {
  let width: Int
  let linear1: Linear
  let linear2: Linear

  /// Reads `linear_1` (E, C) and `linear_2` (E, E).
  ///
  /// - Parameters:
  ///   - width: C, number of sinusoids
  ///   - channels: E, width of the embedding
  public init(_ scope: WeightScope, width: Int, channels: Int) throws {
    self.width = width
    linear1 = try Linear(scope["linear_1"], width, channels)
    linear2 = try Linear(scope["linear_2"], channels, channels)
  }

  /// - Returns: (timesteps.count, E)
  public func callAsFunction(_ timesteps: [Float], _ context: Context) -> Tensor {
    embed(Self.sinusoids(timesteps, width: width), context)
  }

  /// (N, C) -> (N, E)
  func embed(_ sinusoids: Tensor, _ context: Context) -> Tensor {
    linear2(linear1(sinusoids, context).silu(), context)
  }

  /// cos(t · ω_i), t a training step or between two, for i < width / 2, then sin(t · ω_i), with ω_i = exp(-ln(10000) · i / (width / 2)).
  ///
  /// In single precision as torch, whose angles carry that rounding.
  ///
  /// - Returns: (timesteps.count, width); the last column of an odd width is 0
  public static func sinusoids(_ timesteps: [Float], width: Int) -> Tensor {
    let half = width / 2
    let frequencies = (0..<half).map { expf(-9.210340371976184 * Float($0) / Float(half)) }
    return Tensor(uninitialized: [timesteps.count, width]) { values in
      for (row, timestep) in timesteps.enumerated() {
        for (i, frequency) in frequencies.enumerated() {
          let angle = timestep * frequency
          values[row * width + i] = cosf(angle)
          values[row * width + half + i] = sinf(angle)
        }
        if width > 2 * half { values[row * width + 2 * half] = 0 }
      }
    }
  }
}
