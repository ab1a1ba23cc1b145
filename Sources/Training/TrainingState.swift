import Checkpoints
import Layers
import Tensors

/// Parameters with everything that their training carries from step to step: moments, average, step.
///
/// Random draws are functions of the seed and the step, so nothing else is needed to resume bit for bit.
struct TrainingState {
  /// In the order of the models' requests; names carry the model, for example `unet.conv_in.weight`.
  let parameters: [ParameterStore.Parameter]
  /// The leaves, in the same order.
  let leaves: [Tensor]
  private(set) var optimizer: AdamW
  /// Exponential moving average of each parameter: what is shipped.
  private(set) var average: [[Float]]
  /// Steps done.
  private(set) var step = 0

  /// - Parameters:
  ///   - parameters: the trainable ones.
  ///   - betas: of AdamW.
  init(_ parameters: [ParameterStore.Parameter], betas: (Double, Double) = (0.9, 0.99)) {
    self.parameters = parameters
    leaves = parameters.map(\.tensor)
    optimizer = AdamW(learningRate: 0, betas: betas)
    average = leaves.map { $0.toArray() }
  }

  /// One optimisation step.
  ///
  /// - Parameters:
  ///   - gradients: one for each parameter.
  ///   - clip: largest norm of all gradients together; larger ones are scaled down to it.
  ///   - averaging: largest share of the average that stays.
  /// - Returns: the norm before clipping.
  @discardableResult
  mutating func update(
    _ gradients: [Tensor], learningRate: Float, clip: Float = 1, averaging: Float = 0.998
  ) -> Float {
    let squares = gradients.map { gradient in
      gradient.withUnsafeBufferPointer { $0.reduce(Float(0)) { $0 + $1 * $1 } }
    }
    let norm = squares.reduce(0, +).squareRoot()
    let scaled = norm > clip ? gradients.map { $0 * (clip / norm) } : gradients
    optimizer.learningRate = Double(learningRate)
    optimizer.step(leaves, scaled)
    step += 1
    let rate = 1 - min(averaging, Float(step + 1) / Float(step + 10))
    for (index, leaf) in leaves.enumerated() {
      leaf.withUnsafeBufferPointer { values in
        average[index].withUnsafeMutableBufferPointer { average in
          for i in 0..<average.count { average[i] += rate * (values[i] - average[i]) }
        }
      }
    }
    return norm
  }

  /// Whether a step of this size can be trusted: false ends the run before it spoils the checkpoint.
  static func isSound(_ loss: Float) -> Bool { loss.isFinite }

  /// The averaged parameters of one model in checkpoint order and shape, without the model's prefix.
  func exported(prefix: String) -> [(name: String, tensor: Tensor)] {
    parameters.indices.compactMap { index in
      let parameter = parameters[index]
      guard parameter.name.hasPrefix(prefix) else { return nil }
      let tensor = Tensor(average[index], shape: parameter.tensor.shape)
      return (
        String(parameter.name.dropFirst(prefix.count)),
        parameter.layout.checkpointOrder(tensor, shape: parameter.shape)
      )
    }
  }

  /// Writes everything, atomically, in float32.
  ///
  /// - Parameter metadata: what the checkpoint belongs to; compared when it is restored.
  func save(to path: String, metadata: [String: String]) throws {
    var tensors: [(name: String, tensor: Tensor)] = []
    for (index, parameter) in parameters.enumerated() {
      let shape = parameter.tensor.shape
      tensors.append(("parameter.\(parameter.name)", parameter.tensor.detached()))
      tensors.append(("average.\(parameter.name)", Tensor(average[index], shape: shape)))
      guard step > 0 else { continue }
      tensors.append(("first.\(parameter.name)", Tensor(optimizer.moments[index].first, shape: shape)))
      tensors.append(("second.\(parameter.name)", Tensor(optimizer.moments[index].second, shape: shape)))
    }
    var metadata = metadata
    metadata["step"] = String(step)
    try SafeTensorsWriter.write(tensors, metadata: metadata, to: path)
  }

  /// Takes up what ``save(to:metadata:)`` wrote.
  ///
  /// - Throws: ``TrainingError`` when the file belongs to another run; `CheckpointError` when it cannot be read.
  mutating func restore(from path: String, metadata: [String: String]) throws {
    let file = try SafeTensors(contentsOf: path)
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) where file.metadata[key] != value {
      throw TrainingError(
        "\(path): \(key) is \(file.metadata[key] ?? "absent"), expected \(value); "
          + "resume with the options of the first run, or start in another folder")
    }
    guard let step = file.metadata["step"].flatMap(Int.init), step >= 0 else {
      throw TrainingError("\(path): no step number in the metadata; is it a training checkpoint?")
    }
    func values(_ kind: String, _ parameter: ParameterStore.Parameter) throws -> [Float] {
      let name = "\(kind).\(parameter.name)"
      guard file.shape(of: name) == parameter.tensor.shape else {
        throw TrainingError(
          "\(path): \(name) is \(file.shape(of: name).map { "\($0)" } ?? "absent"), "
            + "expected \(parameter.tensor.shape)")
      }
      return try file.tensor(name).toArray()
    }
    var moments: [AdamW.Moments] = []
    for (index, parameter) in parameters.enumerated() {
      let saved = try values("parameter", parameter)
      parameter.tensor.updateInPlace { target in
        for i in 0..<target.count { target[i] = saved[i] }
      }
      average[index] = try values("average", parameter)
      guard step > 0 else { continue }
      moments.append(
        .init(first: try values("first", parameter), second: try values("second", parameter)))
    }
    optimizer.moments = moments
    optimizer.steps = step
    self.step = step
  }
}
