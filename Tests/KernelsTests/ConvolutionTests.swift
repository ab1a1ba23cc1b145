import Testing

@testable import Kernels

/// The ways to compute a convolution against each other.
@Suite(.serialized) struct ConvolutionTests {
  private static func numbers(_ count: Int, _ seed: UInt64) -> [Float] {
    var bits = MersenneTwister(seed: seed)
    return (0..<count).map { _ in Float(bits.next() & 0xffff) / 32_768 - 1 }
  }

  private static func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// y, and dx of y itself, by one method.
  private static func compute(
    _ plan: Convolution, _ method: ConvolutionMethod, _ element: WeightMatrix.Element, _ w: UnsafeRawPointer
  ) -> (y: [Float], dx: [Float]) {
    let pixels = plan.images * plan.height * plan.width
    let x = numbers(pixels * plan.inputs, 1)
    let bias = numbers(plan.outputs, 3)
    let weight = WeightMatrix(w, element, rows: plan.outputs, columns: 9 * plan.inputs)
    var y = [Float](repeating: 0, count: pixels * plan.outputs)
    var dx = [Float](repeating: 0, count: pixels * plan.inputs)
    ConvolutionMethod.$current.withValue(method) {
      plan.forward(x, weight, bias, &y)
      plan.inputGradient(y, weight, &dx)
    }
    return (y, dx)
  }

  /// Weights that are packed in several groups of columns give the bytes of their halves, which are packed at once.
  @Test(arguments: [(ConvolutionMethod.direct, 864, 4), (.winograd2, 640, 16)])
  func groupsOfColumnsChangeNothing(method: ConvolutionMethod, channels: Int, side: Int) {
    func plan(_ outputs: Int) -> Convolution {
      Convolution(
        images: 1, height: side, width: side, inputs: channels, outputs: outputs, kernelHeight: 3, kernelWidth: 3,
        stride: 1, top: 1, left: 1, bottom: 1, right: 1)
    }
    let size = 9 * channels * channels
    let x = Self.numbers(side * side * channels, 1)
    let weights = Self.numbers(size, 2)
    let bias = Self.numbers(channels, 3)
    func forward(_ first: Int, _ outputs: Int) -> [Float] {
      var y = [Float](repeating: 0, count: side * side * outputs)
      weights.withUnsafeBytes { w in
        let part = w.baseAddress! + first * 9 * channels * MemoryLayout<Float>.size
        let weight = WeightMatrix(part, .float32, rows: outputs, columns: 9 * channels)
        ConvolutionMethod.$current.withValue(method) { plan(outputs).forward(x, weight, Array(bias[first...]), &y) }
      }
      return y
    }
    let whole = forward(0, channels)
    let half = channels / 2
    let halves = [forward(0, half), forward(half, half)]
    for pixel in 0..<side * side {
      for part in 0..<2 {
        let start = pixel * channels + part * half
        #expect(Array(whole[start..<start + half]) == Array(halves[part][pixel * half..<(pixel + 1) * half]))
      }
    }
  }

  @Test(arguments: [(16, 16, 16, 32, 48), (3, 9, 11, 48, 16), (1, 18, 15, 16, 16), (5, 10, 10, 528, 32)])
  func winogradEqualsSums(images: Int, height: Int, width: Int, inputs: Int, outputs: Int) {
    let plan = Convolution(
      images: images, height: height, width: width, inputs: inputs, outputs: outputs, kernelHeight: 3,
      kernelWidth: 3, stride: 1, top: 1, left: 1, bottom: 1, right: 1)
    let weights = Self.numbers(9 * inputs * outputs, 2).map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
    weights.withUnsafeBytes { w in
      let direct = Self.compute(plan, .direct, .bfloat16, w.baseAddress!)
      let scale = Float(9 * inputs).squareRoot()
      for (method, limit) in [(ConvolutionMethod.winograd2, Float(2e-6)), (.winograd4, 4e-5)] {
        let fast = Self.compute(plan, method, .bfloat16, w.baseAddress!)
        #expect(Self.largestDifference(direct.y, fast.y) < limit * scale)
        #expect(Self.largestDifference(direct.dx, fast.dx) < limit * scale * Float(9 * outputs).squareRoot())
      }
    }
  }

  /// y, and dx of y itself.
  private static func compute(
    _ plan: TemporalConvolution, _ method: ConvolutionMethod, _ w: UnsafeRawPointer, _ element: WeightMatrix.Element
  ) -> (y: [Float], dx: [Float]) {
    let rows = plan.clips * plan.frames * plan.positions
    let x = numbers(rows * plan.inputs, 1)
    let bias = numbers(plan.outputs, 3)
    let weight = WeightMatrix(w, element, rows: 3 * plan.outputs, columns: plan.inputs)
    var y = [Float](repeating: 0, count: rows * plan.outputs)
    var dx = [Float](repeating: 0, count: rows * plan.inputs)
    ConvolutionMethod.$current.withValue(method) {
      plan.forward(x, weight, bias, &y)
      plan.inputGradient(y, weight, &dx)
    }
    return (y, dx)
  }

  @Test(arguments: [(2, 5, 32, 32, 48), (1, 16, 50, 48, 16), (1, 2, 300, 16, 16), (1, 8, 64, 144, 128)])
  func winogradOverTimeEqualsSums(clips: Int, frames: Int, positions: Int, inputs: Int, outputs: Int) {
    let plan = TemporalConvolution(clips: clips, frames: frames, positions: positions, inputs: inputs, outputs: outputs)
    let weights = Self.numbers(3 * inputs * outputs, 2).map { UInt16(truncatingIfNeeded: $0.bitPattern >> 16) }
    weights.withUnsafeBytes { w in
      let direct = Self.compute(plan, .direct, w.baseAddress!, .bfloat16)
      let fast = Self.compute(plan, .winograd2, w.baseAddress!, .bfloat16)
      let scale = Float(3 * inputs).squareRoot()
      #expect(direct.y != fast.y)
      #expect(Self.largestDifference(direct.y, fast.y) < 2e-6 * scale)
      #expect(Self.largestDifference(direct.dx, fast.dx) < 2e-6 * scale * Float(3 * outputs).squareRoot())
    }
  }

  @Test func bytesOverTimeDoNotDependOnThreads() {
    let plan = TemporalConvolution(clips: 1, frames: 7, positions: 100, inputs: 32, outputs: 48)
    let weights = Self.numbers(3 * 32 * 48, 2)
    defer { ThreadPool.shared.threads = 0 }
    weights.withUnsafeBytes { w in
      ThreadPool.shared.threads = 1
      let one = Self.compute(plan, .winograd2, w.baseAddress!, .float32)
      ThreadPool.shared.threads = 3
      let three = Self.compute(plan, .winograd2, w.baseAddress!, .float32)
      #expect(one.y == three.y)
      #expect(one.dx == three.dx)
    }
  }

  @Test func bytesDoNotDependOnThreads() {
    let plan = Convolution(
      images: 4, height: 16, width: 16, inputs: 64, outputs: 64, kernelHeight: 3, kernelWidth: 3, stride: 1, top: 1,
      left: 1, bottom: 1, right: 1)
    let weights = Self.numbers(9 * 64 * 64, 2)
    defer { ThreadPool.shared.threads = 0 }
    weights.withUnsafeBytes { w in
      for method in ConvolutionMethod.allCases {
        ThreadPool.shared.threads = 1
        let one = Self.compute(plan, method, .float32, w.baseAddress!)
        ThreadPool.shared.threads = 3
        let three = Self.compute(plan, method, .float32, w.baseAddress!)
        #expect(one.y == three.y)
        #expect(one.dx == three.dx)
      }
    }
  }

  @Test func bfloat16RoundsOperandsOnly() {
    let plan = Convolution(
      images: 2, height: 7, width: 9, inputs: 19, outputs: 21, kernelHeight: 3, kernelWidth: 3, stride: 1, top: 1,
      left: 1, bottom: 1, right: 1)
    func rounded(_ x: [Float]) -> [Float] {
      x.map { Float(bitPattern: ($0.bitPattern + 0x7fff + ($0.bitPattern >> 16 & 1)) & 0xffff_0000) }
    }
    func compute(_ x: [Float], _ w: [Float]) -> [Float] {
      var y = [Float](repeating: 0, count: 2 * 7 * 9 * 21)
      w.withUnsafeBytes {
        plan.forward(x, WeightMatrix($0.baseAddress!, .float32, rows: 21, columns: 9 * 19), nil, &y)
      }
      return y
    }
    let (x, w) = (Self.numbers(2 * 7 * 9 * 19, 1), Self.numbers(9 * 19 * 21, 2))
    let expected = compute(rounded(x), rounded(w))
    let y = Arithmetic.$current.withValue(.bfloat16) { compute(x, w) }
    #expect(Self.largestDifference(y, expected) < 2e-5)
  }
}
