import Checkpoints
import Glibc
public import Layers
public import Tensors

/// Says which subject and which place of the bundled model's domain a frame shows, and where the subject is.
///
/// Convolutions of kernel 3 with group norm and SiLU over single frames. On the last grid: the share of each cell that the
/// subject covers; the subject from the mean of the features under this mask; the place from the mean and the deviation of the
/// features outside it. Trained by Plugin/Models/recipe, whose `scorer.py` computes the same in torch.
public struct SceneScorer: Sendable {
  /// What was read from `config.json`.
  public let configuration: SceneScorerConfiguration
  private let convolutions: [Conv2d]
  private let norms: [GroupNorm]
  private let mask: Conv2d
  private let subject: Linear
  private let place: Linear

  /// Reads the weights by the names of `scorer.py`.
  public init(_ weights: WeightScope, _ configuration: SceneScorerConfiguration) throws {
    self.configuration = configuration
    var convolutions: [Conv2d] = []
    var norms: [GroupNorm] = []
    var inputs = 3
    for (index, (outputs, stride)) in zip(configuration.channels, configuration.strides).enumerated() {
      let padding = Padding.same(1)
      convolutions.append(
        try Conv2d(weights["convs"][index], inputs, outputs, stride: stride, padding: padding))
      norms.append(
        try GroupNorm(weights["norms"][index], outputs, groups: configuration.groups, epsilon: 1e-5))
      inputs = outputs
    }
    self.convolutions = convolutions
    self.norms = norms
    mask = try Conv2d(weights["mask"], inputs, 1, kernel: 1)
    subject = try Linear(weights["subject"], inputs, configuration.subjects.count)
    place = try Linear(weights["place"], 2 * inputs, configuration.places.count)
  }

  /// Reads a folder: `config.json` and `scorer.safetensors`.
  ///
  /// - Throws: `CheckpointError` or `WeightError` that says what is wrong with which file
  public init(folder path: String) throws {
    let folder = ComponentFolder(path)
    let configuration = try SceneScorerConfiguration(try folder.configuration())
    let file = folder.file("scorer.safetensors")
    let weights = Weights(try SafeTensors(contentsOf: file), name: file)
    try self.init(weights.root, configuration)
    try weights.finish()
  }

  /// Looks at every frame of a clip.
  ///
  /// - Parameter frames: (F, H, W, 3) in -1 ... 1; brought to the scorer's size where they have another
  public func callAsFunction(_ frames: Tensor) -> SceneReading {
    precondition(
      frames.rank == 4 && frames.shape[3] == 3 && !frames.shape.contains(0), "frames are (F, H, W, 3)")
    var x = frames.resized(height: configuration.size, width: configuration.size)
    for (convolution, norm) in zip(convolutions, norms) { x = norm(convolution(x), silu: true) }
    let coverage = mask(x).toArray().map { 1 / (1 + expf(-$0)) }
    let inside = Moments(of: x, weights: coverage)
    let outside = Moments(of: x, weights: coverage.map { 1 - $0 })
    let surroundings = Tensor.concatenated([outside.mean, outside.deviation], axis: 1)
    return SceneReading(
      rows: x.shape[1], columns: x.shape[2], coverage: coverage, features: inside.mean,
      subjectLogits: subject(inside.mean, Context()), placeLogits: place(surroundings, Context()))
  }
}

/// Weighted mean and deviation over the cells of each frame, each (F, C).
private struct Moments {
  let mean: Tensor
  let deviation: Tensor

  /// - Parameters:
  ///   - x: (F, h, w, C)
  ///   - weights: F · h · w, not negative
  init(of x: Tensor, weights: [Float]) {
    let (frames, cells, channels) = (x.shape[0], x.shape[1] * x.shape[2], x.shape[3])
    let values = x.toArray()
    var means = [Float](repeating: 0, count: frames * channels)
    var deviations = means
    for frame in 0..<frames {
      let ownCells = frame * cells..<(frame + 1) * cells
      let total = weights[ownCells].reduce(1e-4, +)
      func average(_ channel: Int, _ term: (Float) -> Float) -> Float {
        ownCells.reduce(0) { $0 + weights[$1] * term(values[$1 * channels + channel]) } / total
      }
      for channel in 0..<channels {
        let mean = average(channel) { $0 }
        means[frame * channels + channel] = mean
        deviations[frame * channels + channel] =
          (average(channel) { ($0 - mean) * ($0 - mean) } + 1e-5).squareRoot()
      }
    }
    mean = Tensor(means, shape: [frames, channels])
    deviation = Tensor(deviations, shape: [frames, channels])
  }
}
