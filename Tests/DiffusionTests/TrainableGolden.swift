import Checkpoints
import Layers
import Tensors
import Testing

/// Parameters of a model from a file, and their gradients compared under the checkpoint's names.
struct TrainableGolden {
  let store: ParameterStore
  let weights: Weights

  init(_ source: any WeightSource) {
    store = ParameterStore(source)
    weights = Weights(store, name: "golden")
  }

  /// Compares all gradients with `expected`, whose keys are `prefix` + parameter, each relative to its largest element.
  ///
  /// Some gradients are zero by structure and hold rounding noise: a thousandth of the largest of all is the least
  /// that counts.
  func expectGradients(
    of loss: Tensor, _ expected: Golden, prefix: String = "", _ tolerance: Float
  ) throws {
    let parameters = store.parameters
    #expect(!parameters.isEmpty)
    let found = try gradients(of: loss, for: parameters.map(\.tensor))
    let goldens = try parameters.map { try expected[prefix + $0.name].reshaped($0.shape) }
    let largest = goldens.flatMap { $0.toArray() }.reduce(Float(0)) { max($0, abs($1)) }
    for (i, parameter) in parameters.enumerated() {
      let ordered = parameter.layout.checkpointOrder(found[i], shape: parameter.shape)
      expectClose(ordered, goldens[i], tolerance, "gradient of \(parameter.name)", floor: largest / 1000)
    }
  }
}
