import Checkpoints
import Layers
import Tensors

/// Where learning stands, in a file: a killed process goes on from there, to the bytes of an undisturbed run.
///
/// safetensors: the embedding and, with names of their own, the optimizer's moments and the reference's inverted noise;
/// in the metadata the step, the random generator, and what the checkpoint belongs to. A file of another job (model,
/// reference, settings) is an error, not an embedding that nobody asked for.
struct LearningCheckpoint {
  /// The target; written whole or not at all.
  let path: String
  /// Time from one writing to the next.
  let interval: Duration
  /// What must be equal for a job to go on: settings, model and reference.
  let belongsTo: [String: String]

  /// What a file holds.
  struct State {
    var step: Int
    var loss: Float
    var generator: TorchGenerator
    var parameters: [Tensor]
    var moments: [AdamW.Moments]
    var inversionNoise: Tensor?

    /// Puts the state where it was taken from.
    ///
    /// - Parameter leaves: the embedding's parameters, changed in place
    func apply(
      to leaves: [Tensor], _ optimizer: inout AdamW, _ generator: inout TorchGenerator, _ loss: inout Float
    ) {
      for (leaf, saved) in zip(leaves, parameters) {
        saved.withUnsafeBufferPointer { values in
          leaf.updateInPlace { for i in 0..<$0.count { $0[i] = values[i] } }
        }
      }
      optimizer.moments = moments
      optimizer.steps = step
      generator = self.generator
      loss = self.loss
    }
  }

  private var written = ContinuousClock.now
  private static let noise = "inversion_noise"

  /// - Parameters:
  ///   - path: of the file
  ///   - interval: from one writing to the next
  ///   - belongsTo: settings, model and reference
  init(path: String, interval: Duration, belongsTo: [String: String]) {
    self.path = path
    self.interval = interval
    self.belongsTo = belongsTo
  }

  /// The state in the file; nil where there is none.
  ///
  /// - Parameter parameters: for the shapes
  /// - Throws: `mismatch` for a file of another job, `badData` for one that is no checkpoint
  func restore(_ parameters: [Tensor]) throws -> State? {
    let file: SafeTensors
    do {
      file = try SafeTensors(contentsOf: path)
    } catch let error as CheckpointError where error.kind == .notFound {
      return nil
    }
    for (key, value) in belongsTo.sorted(by: { $0.key < $1.key }) where file.metadata[key] != value {
      throw MotionTransferError(
        .mismatch,
        "\(path): \(key) is \(file.metadata[key] ?? "absent"), expected \(value): the checkpoint of another job; "
          + "remove it, or name another file")
    }
    guard let step = file.metadata["step"].flatMap(Int.init), step > 0,
      let loss = file.metadata["step-loss"].flatMap(Float.init),
      let generator = file.metadata["generator"].flatMap(Self.generator)
    else {
      throw MotionTransferError(.badData, "\(path) is no checkpoint of learning; remove it, or name another file")
    }
    func read(_ kind: String, _ index: Int) throws -> Tensor {
      let name = "\(kind).\(index)"
      guard file.shape(of: name) == parameters[index].shape else {
        throw MotionTransferError(
          .badData, "\(path): \(name) has the shape \(file.shape(of: name) ?? []), expected \(parameters[index].shape)")
      }
      return try file.tensor(name).widened()
    }
    return State(
      step: step, loss: loss, generator: generator,
      parameters: try parameters.indices.map { try read("parameter", $0) },
      moments: try parameters.indices.map {
        AdamW.Moments(first: try read("first", $0).toArray(), second: try read("second", $0).toArray())
      },
      inversionNoise: file.shape(of: Self.noise) == nil ? nil : try file.tensor(Self.noise).widened())
  }

  /// Writes the file where a writing is due.
  mutating func save(_ state: @autoclosure () -> State) throws {
    guard ContinuousClock.now - written >= interval else { return }
    let state = state()
    var tensors: [(name: String, tensor: Tensor)] = []
    for (index, parameter) in state.parameters.enumerated() {
      tensors.append(("parameter.\(index)", parameter.detached()))
      tensors.append(("first.\(index)", Tensor(state.moments[index].first, shape: parameter.shape)))
      tensors.append(("second.\(index)", Tensor(state.moments[index].second, shape: parameter.shape)))
    }
    if let noise = state.inversionNoise { tensors.append((Self.noise, noise)) }
    var metadata = belongsTo
    metadata["step"] = "\(state.step)"
    metadata["step-loss"] = "\(state.loss)"
    metadata["generator"] = state.generator.snapshot.map { String($0, radix: 36) }.joined(separator: " ")
    try SafeTensorsWriter.write(tensors, metadata: metadata, to: path)
    written = .now
  }

  private static func generator(_ text: String) -> TorchGenerator? {
    let words = text.split(separator: " ").map { UInt32($0, radix: 36) }
    guard words.allSatisfy({ $0 != nil }) else { return nil }
    return TorchGenerator(snapshot: words.compactMap { $0 })
  }
}
