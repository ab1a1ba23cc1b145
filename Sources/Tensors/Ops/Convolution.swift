import Kernels

/// Zero rows and columns around an image.
public struct Padding: Sendable, Equatable {
  let top, left, bottom, right: Int

  /// Padding of each side.
  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  /// The same on every side.
  public static func same(_ size: Int) -> Padding {
    Padding(top: size, left: size, bottom: size, right: size)
  }
}

extension Tensor {
  /// Two-dimensional convolution: (N, H, W, I) -> (N, H', W', O), weight (O, kh, kw, I) in any precision, bias (O).
  public func conv2d(
    _ weight: Tensor, _ bias: Tensor?, stride: Int = 1, padding: Padding = .same(1)
  ) -> Tensor {
    precondition(
      rank == 4 && weight.rank == 4 && shape[3] == weight.shape[3],
      "conv2d: \(shape) with weight \(weight.shape)")
    let plan = Convolution(
      images: shape[0], height: shape[1], width: shape[2], inputs: shape[3], outputs: weight.shape[0],
      kernelHeight: weight.shape[1], kernelWidth: weight.shape[2], stride: stride, top: padding.top,
      left: padding.left, bottom: padding.bottom, right: padding.right)
    let outputs = weight.shape[0]
    let columns = weight.shape[1] * weight.shape[2] * weight.shape[3]
    let y = withExtendedLifetime((self, weight, bias)) {
      Tensor([shape[0], plan.outHeight, plan.outWidth, outputs]) { y in
        plan.forward(pointer, weight.matrix(rows: outputs, columns: columns), bias?.pointer, y)
      }
    }
    let x = weight.node == nil ? nil : detached()
    let w = node == nil ? nil : weight.detached()
    return y.recorded([self, weight, bias]) { [shape, weightShape = weight.shape, needsBias = bias?.node != nil] dy in
      withExtendedLifetime((dy, x, w)) {
        [
          w.map { w in
            Tensor(shape) { plan.inputGradient(dy.pointer, w.matrix(rows: outputs, columns: columns), $0) }
          },
          x.map { x in Tensor(weightShape) { plan.weightGradient(x.pointer, dy.pointer, $0) } },
          needsBias ? dy.columnSums(outputs) : nil,
        ]
      }
    }
  }

  /// Convolution over neighbouring frames, zero padded in time: (B, F, P, I) -> (B, F, P, O), weight (3, O, I), bias (O).
  public func temporalConv(_ weight: Tensor, _ bias: Tensor?) -> Tensor {
    precondition(
      rank == 4 && weight.rank == 3 && weight.shape[0] == 3 && shape[3] == weight.shape[2],
      "temporalConv: \(shape) with weight \(weight.shape)")
    let (outputs, inputs) = (weight.shape[1], weight.shape[2])
    let plan = TemporalConvolution(
      clips: shape[0], frames: shape[1], positions: shape[2], inputs: inputs, outputs: outputs)
    let y = withExtendedLifetime((self, weight, bias)) {
      Tensor(shape.dropLast() + [outputs]) { y in
        plan.forward(pointer, weight.matrix(rows: 3 * outputs, columns: inputs), bias?.pointer, y)
      }
    }
    let x = weight.node == nil ? nil : detached()
    let w = node == nil ? nil : weight.detached()
    return y.recorded([self, weight, bias]) { [shape, needsBias = bias?.node != nil] dy in
      withExtendedLifetime((dy, x, w)) {
        [
          w.map { w in
            Tensor(shape) { plan.inputGradient(dy.pointer, w.matrix(rows: 3 * outputs, columns: inputs), $0) }
          },
          x.map { x in Tensor([3, outputs, inputs]) { plan.weightGradient(x.pointer, dy.pointer, $0) } },
          needsBias ? dy.columnSums(outputs) : nil,
        ]
      }
    }
  }
}
