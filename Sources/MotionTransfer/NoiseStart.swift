import Glibc
import Tensors

extension NoiseInitialization {
  /// The latents that denoising starts from; all (1, F, h, w, C).
  ///
  /// - Parameters:
  ///   - inverted: z, the reference's noise
  ///   - fresh: n
  ///   - prior: p, the share of z where two are blended
  func callAsFunction(inverted z: Tensor, fresh n: Tensor, prior p: Float) -> Tensor {
    switch self {
    case .random: return n
    case .blend: return p > 0 ? p.squareRoot() * z + (1 - p).squareRoot() * n : n
    case .frequency: return Self.lowBand(z) + (n - Self.lowBand(n))
    case .blendedFrequency:
      let low = Self.lowBand(z)
      return low + p.squareRoot() * (z - low) + (1 - p).squareRoot() * (n - Self.lowBand(n))
    case .fft: return n + Self.lowFrequencies(z - n)
    }
  }

  /// Each frame a quarter as large and back (Yatim et al. 2024, DMT).
  private static func lowBand(_ x: Tensor) -> Tensor {
    var x = x
    for axis in [2, 3] {
      let size = x.shape[axis]
      let small = max(size / 4, 1)
      x = Interpolation.antialiased(size, small)(x, axis: axis)
      x = Interpolation.antialiased(small, size)(x, axis: axis)
    }
    return x
  }

  /// Re F⁻¹(M F(x)) over frames, height and width, with FreeInit's Gaussian mask (Wu et al. 2024):
  /// M = exp(-d² / (2 · 0.25²)), d² the sum of (2 p / n - 1)² over the axes, p being the shifted index.
  private static func lowFrequencies(_ x: Tensor) -> Tensor {
    // (1, F, h, w, C) -> (C, F, h, w)
    let (frames, height, width, channels) = (x.shape[1], x.shape[2], x.shape[3], x.shape[4])
    let real = x.reshaped([frames, height, width, channels]).permuted([3, 0, 1, 2])
    let masks = [frames, height, width].map { length in
      (0..<length).map { k -> Double in
        let place = 2 * Double((k + length / 2) % length) / Double(length) - 1
        return exp(-place * place / (2 * 0.25 * 0.25))
      }
    }
    let mask = Tensor(uninitialized: [frames, height, width]) { values in
      for i in 0..<values.count {
        values[i] = Float(
          masks[0][i / (height * width)] * masks[1][i / width % height] * masks[2][i % width])
      }
    }
    let (re, im) = fourier(real, Tensor.zeros(real.shape), sign: -1)
    let filtered = fourier(re * mask, im * mask, sign: 1).real
    return (filtered * (1 / Float(mask.count))).permuted([1, 2, 3, 0]).reshaped(x.shape)
  }

  /// The discrete Fourier transform over the last three of four axes, as matrix products: latents are small.
  private static func fourier(_ real: Tensor, _ imaginary: Tensor, sign: Double) -> (real: Tensor, imaginary: Tensor) {
    var (re, im) = (real, imaginary)
    for _ in 0..<3 {
      let length = re.shape[3]
      func matrix(_ function: (Double) -> Double) -> Tensor {
        let values = (0..<length * length).map { index in
          Float(function(sign * 2 * .pi * Double(index / length * (index % length) % length) / Double(length)))
        }
        return Tensor(values, shape: [length, length])
      }
      let (cosines, sines) = (matrix(cos), matrix(sin))
      // The next axis comes last; after three turns all are back.
      (re, im) = (
        (re.linear(cosines, nil) - im.linear(sines, nil)).permuted([0, 3, 1, 2]),
        (re.linear(sines, nil) + im.linear(cosines, nil)).permuted([0, 3, 1, 2])
      )
    }
    return (re, im)
  }
}

extension Settings {
  /// Whether inverted noise would be used without having been asked for.
  var blendsUnasked: Bool {
    noiseInitialization == nil && noisePrior == nil && recommendedNoiseInitialization != .random
      && (recommendedNoiseInitialization != .blend || recommendedNoisePrior > 0)
  }
}

extension TextToVideoPipeline {
  /// The start of a generation, (1, F, h, w, C).
  func start(
    _ noise: Tensor, inverted: Tensor?, _ settings: Settings
  ) throws(MotionTransferError) -> Tensor {
    guard let inverted else {
      let asked = settings.noiseInitialization.map { $0 != .random } ?? false
      if asked || settings.noisePrior.map({ $0 > 0 }) ?? false {
        let found =
          settings.noiseInitialization.map { "noise-initialization: found \($0.rawValue)" }
          ?? "noise-prior: found \(settings.noisePrior ?? 0)"
        throw MotionTransferError(
          .settings,
          "\(found), but there is no inverted noise to use; learn the embedding with ddim-inversion-steps above 0, or set "
            + "noise-initialization to random and noise-prior to 0")
      }
      return noise
    }
    let method = settings.noiseInitialization ?? settings.recommendedNoiseInitialization
    let prior = Float(settings.noisePrior ?? settings.recommendedNoisePrior)
    if method == .random || method == .blend && prior == 0 { return noise }
    let shape = noise.shape  // (1, F, h, w, C)
    let expected = [shape[4], shape[1], shape[2], shape[3]]
    guard inverted.shape == expected else {
      throw MotionTransferError(
        .mismatch,
        "the motion embedding's inverted noise has the shape \(inverted.shape), expected \(expected) (channels, "
          + "frames, height, width); apply it at the size that it was learned at, set resample, or set "
          + "noise-initialization to random")
    }
    return method(inverted: inverted.permuted([1, 2, 3, 0]).reshaped(shape), fresh: noise, prior: prior)
  }
}
