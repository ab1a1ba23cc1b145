import Tensors
import Testing

/// Compares each gradient of `sum(f(x...) * r)`, r fixed random weights, with central differences at some elements.
func checkGradients(
  _ inputs: [[Int]], tolerance: Float = 2e-2, sourceLocation: SourceLocation = #_sourceLocation,
  _ f: @escaping ([Tensor]) -> Tensor
) throws {
  var generator = TorchGenerator(seed: 11)
  let values = inputs.map { generator.randn($0) }
  let weights = generator.randn(f(values).shape)
  let objective = { (x: [Tensor]) in (f(x) * weights).sum() }
  let (_, gradients) = try valueAndGradients(of: values, objective)
  for (index, value) in values.enumerated() {
    let gradient = gradients[index].toArray()
    let scale = max(gradient.map(abs).max() ?? 0, 1e-3)
    for element in Set([0, value.count / 3, value.count / 2, value.count - 1]) {
      // Differences in double would need double kernels; a large step and a mean of two steps do for float32.
      let slope = [Float(1e-2), 2e-2].map { step in
        (moved(values, index, element, step, objective) - moved(values, index, element, -step, objective)) / (2 * step)
      }
      let expected = (4 * slope[0] - slope[1]) / 3
      #expect(
        abs(gradient[element] - expected) <= tolerance * scale,
        "input \(index) element \(element): \(gradient[element]), by differences \(expected), scale \(scale)",
        sourceLocation: sourceLocation)
    }
  }
}

private func moved(
  _ values: [Tensor], _ index: Int, _ element: Int, _ step: Float, _ objective: ([Tensor]) -> Tensor
) -> Float {
  var values = values
  var array = values[index].toArray()
  array[element] += step
  values[index] = Tensor(array, shape: values[index].shape)
  return objective(values).item
}
