import Glibc
import Tensors

/// The latent space of the bundled model: the leading principal components of 8x8 pixel patches.
///
/// It needs no training, so the video model starts at once; the autoencoder is then trained to encode into it and to
/// decode from it. Component k is scaled by its deviation to the power -0.55, which leaves the strong components
/// stronger than the weak ones; the whole code has unit root mean square.
struct PatchCode: Sendable {
  /// Edge of a patch in pixels.
  static let patch = 8
  /// Values of a patch: 8 x 8 x RGB.
  static let values = patch * patch * 3

  /// Number of components kept.
  let channels: Int
  /// (values): the average patch.
  let mean: [Float]
  /// (channels, values): code = encoder · (patch - mean).
  let encoder: [Float]
  /// (values, channels): patch ≈ decoder · code + mean.
  let decoder: [Float]

  /// Fits the code to the statistics of 8x8 patches.
  init(_ statistics: PatchStatistics, channels: Int = 16) {
    precondition(statistics.order == PatchCode.values, "statistics of patches of another size")
    let order = statistics.order
    let (values, vectors) = PrincipalAxes.of(statistics.covariance, order: order)
    let deviations = values.prefix(channels).map { max($0, 1e-12).squareRoot() }
    let gains = deviations.map { pow($0, 0.55) }
    let squares = zip(deviations, gains).map { ($0 / $1) * ($0 / $1) }
    let scale = 1 / (squares.reduce(0, +) / Double(channels)).squareRoot()
    var encoder: [Float] = []
    var decoder = [Float](repeating: 0, count: order * channels)
    for channel in 0..<channels {
      encoder += vectors[channel].map { Float($0 / gains[channel] * scale) }
      for value in 0..<order {
        decoder[value * channels + channel] = Float(vectors[channel][value] * gains[channel] / scale)
      }
    }
    self.init(
      channels: channels, mean: statistics.mean.map { Float($0) }, encoder: encoder, decoder: decoder)
  }

  init(channels: Int, mean: [Float], encoder: [Float], decoder: [Float]) {
    self.channels = channels
    self.mean = mean
    self.encoder = encoder
    self.decoder = decoder
  }

  /// - Parameters:
  ///   - pixels: (N, size, size, 3) in -1 ... 1
  /// - Returns: latents (N, size/8, size/8, channels)
  func encode(_ pixels: [Float], size: Int) -> Tensor {
    let cells = size / PatchCode.patch
    var patches = PatchStatistics.patches(pixels, size: size, edge: PatchCode.patch)
    for start in stride(from: 0, to: patches.count, by: PatchCode.values) {
      for value in 0..<PatchCode.values { patches[start + value] -= mean[value] }
    }
    let rows = patches.count / PatchCode.values
    return Tensor(patches, shape: [rows, PatchCode.values])
      .linear(Tensor(encoder, shape: [channels, PatchCode.values]), nil)
      .reshaped([rows / (cells * cells), cells, cells, channels])
  }
}
