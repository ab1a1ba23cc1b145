import Glibc
public import Tensors

/// The distribution of latents that an autoencoder gives (diffusers' `DiagonalGaussianDistribution`).
public struct DiagonalGaussian: Sendable {
  /// (N, h, w, C)
  public let mean: Tensor
  /// Logarithm of the variance as the encoder gives it, (N, h, w, C); not clamped.
  public let logVariance: Tensor

  /// - Parameter moments: (N, h, w, 2C), means first
  init(moments: Tensor) {
    let channels = moments.shape[3] / 2
    mean = moments.sliced(axis: 3, 0..<channels)
    logVariance = moments.sliced(axis: 3, channels..<2 * channels)
  }

  /// Standard deviations, the logarithm of the variance clamped to -30 ... 20; no gradient flows through
  /// them.
  public var standardDeviation: Tensor {
    logVariance.withUnsafeBufferPointer { values in
      Tensor(uninitialized: logVariance.shape) { result in
        for i in 0..<result.count { result[i] = expf(0.5 * min(max(values[i], -30), 20)) }
      }
    }
  }

  /// mean + standard deviation · noise.
  ///
  /// - Parameter noise: standard normal, (N, h, w, C)
  public func sample(noise: Tensor) -> Tensor {
    mean + standardDeviation * noise
  }
}
