import Checkpoints
import Layers
import Tensors

/// Leaves and the optimizer that moves them.
struct Learner {
  let leaves: [Tensor]
  var optimizer: AdamW

  mutating func step(_ gradients: [Tensor]) { optimizer.step(leaves, gradients) }
}

/// Where learning stands, in a file: a killed process goes on from there, to the bytes of an undisturbed run.
///
/// safetensors: all that is learned, first the motion, then each clip's appearance, and, with names of their own, the
/// optimizers' moments and the reference's inverted noise; in the metadata the optimizers' steps, the step, the random generator, and what the checkpoint belongs to. A file of another job (model,
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
    var learners: [Learner]
    var inversionNoise: Tensor?
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
  /// - Parameter learners: whose leaves get their values, in place; `State.learners` are theirs with their optimizers
  /// - Throws: `mismatch` for a file of another job, `badData` for one that is no checkpoint
  func restore(_ learners: [Learner]) throws -> State? {
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
      let generator = file.metadata["generator"].flatMap(Self.generator),
      let steps = file.metadata["optimizer-steps"]?.split(separator: " ").map({ Int($0) ?? -1 }),
      steps.count == learners.count, steps.allSatisfy({ $0 >= 0 })
    else {
      throw MotionTransferError(.badData, "\(path) is no checkpoint of learning; remove it, or name another file")
    }
    func read(_ kind: String, _ index: Int, _ leaf: Tensor) throws -> Tensor {
      let name = "\(kind).\(index)"
      guard file.shape(of: name) == leaf.shape else {
        throw MotionTransferError(
          .badData, "\(path): \(name) has the shape \(file.shape(of: name) ?? []), expected \(leaf.shape)")
      }
      return try file.tensor(name).widened()
    }
    var index = 0
    var restored = learners
    for (place, learner) in learners.enumerated() {
      restored[place].optimizer.steps = steps[place]
      for leaf in learner.leaves {
        try read("parameter", index, leaf).withUnsafeBufferPointer { values in
          leaf.updateInPlace { for i in 0..<$0.count { $0[i] = values[i] } }
        }
        if steps[place] > 0 {
          restored[place].optimizer.moments.append(
            AdamW.Moments(
              first: try read("first", index, leaf).toArray(), second: try read("second", index, leaf).toArray()))
        }
        index += 1
      }
    }
    return State(
      step: step, loss: loss, generator: generator, learners: restored,
      inversionNoise: file.shape(of: Self.noise) == nil ? nil : try file.tensor(Self.noise).widened())
  }

  /// Writes the file where a writing is due.
  mutating func save(_ state: @autoclosure () -> State) throws {
    guard ContinuousClock.now - written >= interval else { return }
    let state = state()
    var tensors: [(name: String, tensor: Tensor)] = []
    var index = 0
    for learner in state.learners {
      for (place, leaf) in learner.leaves.enumerated() {
        tensors.append(("parameter.\(index)", leaf.detached()))
        if learner.optimizer.steps > 0 {
          let moments = learner.optimizer.moments[place]
          tensors.append(("first.\(index)", Tensor(moments.first, shape: leaf.shape)))
          tensors.append(("second.\(index)", Tensor(moments.second, shape: leaf.shape)))
        }
        index += 1
      }
    }
    if let noise = state.inversionNoise { tensors.append((Self.noise, noise)) }
    var metadata = belongsTo
    metadata["step"] = "\(state.step)"
    metadata["step-loss"] = "\(state.loss)"
    metadata["optimizer-steps"] = state.learners.map { "\($0.optimizer.steps)" }.joined(separator: " ")
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
