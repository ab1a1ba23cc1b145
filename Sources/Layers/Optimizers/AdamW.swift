import Kernels
public import Tensors

/// AdamW: Adam with decoupled weight decay and bias correction (Loshchilov and Hutter 2019;
/// `torch.optim.AdamW`).
public struct AdamW: Sendable {
  /// Running means of one parameter's gradient, for saving and resuming.
  public struct Moments: Sendable {
    /// Of the gradient.
    public var first: [Float]
    /// Of its square.
    public var second: [Float]

    /// Moments as they were saved.
    public init(first: [Float], second: [Float]) {
      self.first = first
      self.second = second
    }
  }

  /// Size of a step; may change between steps.
  public var learningRate: Double
  /// Decay rates of the two moments.
  public var betas: (Double, Double)
  /// Added to the denominator.
  public var epsilon: Double
  /// Decoupled decay: the share, times the learning rate, that every parameter loses in a step.
  public var weightDecay: Double
  /// Steps done.
  public var steps: Int
  /// One per parameter, in their order; empty before the first step.
  public var moments: [Moments]

  /// torch's defaults but for the learning rate.
  public init(
    learningRate: Double, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
    weightDecay: Double = 0.01, steps: Int = 0, moments: [Moments] = []
  ) {
    self.learningRate = learningRate
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.steps = steps
    self.moments = moments
  }

  /// One step, in place: p ← p (1 - lr λ) - lr m̂ / (sqrt v̂ + ε).
  ///
  /// - Parameters:
  ///   - parameters: leaves, the same ones in the same order at each step
  ///   - gradients: one per parameter, of its shape
  public mutating func step(_ parameters: [Tensor], _ gradients: [Tensor]) {
    precondition(parameters.count == gradients.count, "one gradient per parameter")
    if moments.isEmpty {
      moments = parameters.map {
        Moments(first: Array(repeating: 0, count: $0.count), second: Array(repeating: 0, count: $0.count))
      }
      MemoryPool.standIn?.count(bytes: moments.reduce(0) { $0 + 8 * $1.first.count })
    }
    precondition(moments.count == parameters.count, "moments of other parameters")
    steps += 1
    let update = Update(
      kept: Float(1 - learningRate * weightDecay), gain1: Float(1 - betas.0), beta2: Float(betas.1),
      gain2: Float(1 - betas.1), stepSize: Float(learningRate / (1 - power(betas.0, steps))),
      root: Float((1 - power(betas.1, steps)).squareRoot()), epsilon: Float(epsilon))
    for (i, parameter) in parameters.enumerated() {
      precondition(gradients[i].count == parameter.count, "a gradient has its parameter's shape")
      gradients[i].withUnsafeBufferPointer { gradient in
        parameter.updateInPlace { values in
          update(values, gradient, &moments[i])
        }
      }
    }
  }

  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, factor, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }

  /// The constants of one step, worked out in double precision as torch does.
  private struct Update {
    let kept, gain1, beta2, gain2, stepSize, root, epsilon: Float

    func callAsFunction(
      _ values: UnsafeMutableBufferPointer<Float>, _ gradient: UnsafeBufferPointer<Float>,
      _ moments: inout Moments
    ) {
      moments.first.withUnsafeMutableBufferPointer { first in
        moments.second.withUnsafeMutableBufferPointer { second in
          Elementwise.split(values.count) { start, count in
            for i in start..<start + count {
              let g = gradient[i]
              let m = first[i] + gain1 * (g - first[i])
              let v = beta2 * second[i] + gain2 * g * g
              first[i] = m
              second[i] = v
              values[i] = values[i] * kept - stepSize * m / (v.squareRoot() / root + epsilon)
            }
          }
        }
      }
    }
  }
}
