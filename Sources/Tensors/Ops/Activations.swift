import Kernels

extension Tensor {
  /// y = x · σ(x)
  public func silu() -> Tensor { mapped(.silu) }

  /// y = x · Φ(x), with the exact error function
  public func gelu() -> Tensor { mapped(.gelu) }

  /// y = x · σ(1.702 x), the GELU of OpenAI's CLIP
  public func quickGelu() -> Tensor { mapped(.quickGelu) }

  /// y = |x|
  public func abs() -> Tensor { mapped(.absolute) }

  /// y = x²
  public func square() -> Tensor { self * self }

  private func mapped(_ function: Elementwise.Function) -> Tensor {
    let x = detached()
    let y = withExtendedLifetime(x) {
      Tensor(shape) { Elementwise.apply(function, x.pointer, $0, count: count) }
    }
    return y.recorded([self]) { dy in
      [
        withExtendedLifetime((x, dy)) {
          Tensor(x.shape) { Elementwise.pullback(function, x.pointer, dy.pointer, $0, count: x.count) }
        }
      ]
    }
  }

  /// y = a · gelu(g) for the halves a, g of the last axis: (..., 2h) -> (..., h)
  public func geglu() -> Tensor {
    guard let width = shape.last, width % 2 == 0 else {
      preconditionFailure("geglu: the last axis of \(shape) has no halves")
    }
    let x = detached()
    let half = width / 2
    let rows = half == 0 ? 0 : count / width
    let y = withExtendedLifetime(x) {
      Tensor(shape.dropLast() + [half]) { Elementwise.geglu(x.pointer, $0, rows: rows, half: half) }
    }
    return y.recorded([self]) { dy in
      [
        withExtendedLifetime((x, dy)) {
          Tensor(x.shape) {
            Elementwise.gegluPullback(x.pointer, dy.pointer, $0, rows: rows, half: half)
          }
        }
      ]
    }
  }
}
