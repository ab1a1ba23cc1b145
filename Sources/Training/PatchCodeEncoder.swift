import Layers
import Tensors

/// An `AutoencoderKL` encoder that starts as the patch code, so that it needs no training.
///
/// Residual branches start at zero and the strided convolutions fold pixels into channels: 2x2 pixels are 12 channels,
/// 4x4 pixels 48, of which the principal ones that fit are kept, and the third folding applies the code. The last
/// GroupNorm and SiLU are held in their linear range: each group carries two data channels beside constants of
/// ±``constant``, so its deviation hardly depends on the data, and the constants that come out of it cancel its
/// mean and its bias.
struct PatchCodeEncoder: WeightSource {
  private let tensors: [String: [Float]]
  private let fallback: any WeightSource
  private static let constant: Float = 128
  /// SiLU is the identity to float precision above this.
  private static let lift: Float = 20

  /// - Parameters:
  ///   - code: what to encode.
  ///   - axes: the principal axes of 4x4 pixel patches, 48 rows of 48 values.
  ///   - blockChannels: the four widths of the autoencoder, at least 12, 24, 16 and four times the groups.
  ///   - groups: `norm_num_groups`.
  ///   - fallback: the source of everything else, the decoder for example.
  init(
    code: PatchCode, axes: [[Float]], blockChannels: [Int], groups: Int, fallback: any WeightSource
  ) {
    self.fallback = fallback
    var tensors: [String: [Float]] = [:]
    let (c0, c1, c2, c3) = (blockChannels[0], blockChannels[1], blockChannels[2], blockChannels[3])
    let kept = min(c1, 48)
    func downsampler(_ block: Int, _ name: String) -> String {
      "encoder.down_blocks.\(block).downsamplers.0.conv.\(name)"
    }

    // 64x64: RGB into the first three channels.
    tensors["encoder.conv_in.weight"] = Self.convolution(c0, 3) { $0 == $1 && $2 == 4 ? 1 : 0 }
    // Two by two pixels: channel = (y · 2 + x) · 3 + colour.
    tensors[downsampler(0, "weight")] = Self.convolution(c0, c0) { output, input, tap in
      guard output < 12, input < 3, output % 3 == input else { return 0 }
      return Self.tap(output / 3) == tap ? 1 : 0
    }
    // Four by four: the principal axes of 48 values; axis rows are indexed (y · 4 + x) · 3 + colour.
    tensors[downsampler(1, "weight")] = Self.convolution(c1, c1) { output, input, tap in
      guard output < kept, input < 12, let quarter = Self.quarter(tap) else { return 0 }
      let y = quarter / 2 * 2 + input / 6
      let x = quarter % 2 * 2 + input / 3 % 2
      return axes[output][(y * 4 + x) * 3 + input % 3]
    }
    // Eight by eight: the code of what the kept axes hold of each quarter.
    let folded = Self.folded(code, axes: axes, kept: kept)
    tensors[downsampler(2, "weight")] = Self.convolution(c2, c2) { output, input, tap in
      guard output < code.channels, input < kept, let quarter = Self.quarter(tap) else { return 0 }
      return folded[(output * 4 + quarter) * kept + input]
    }
    tensors[downsampler(2, "bias")] = (0..<c2).map { output in
      guard output < code.channels else { return 0 }
      return -Self.response(output, to: code.mean, folded: folded, axes: axes, kept: kept)
    }
    for (block, width) in [(1, (c0, c1)), (2, (c1, c2))] {
      tensors["encoder.down_blocks.\(block).resnets.0.conv_shortcut.weight"] = Self.pointwise(
        width.1, width.0
      ) { $0 == $1 ? 1 : 0 }
    }
    // Data of component k goes to channel k / 2 · width + k % 2; the rest of each group holds ±constant.
    let width = c3 / groups
    let place = { (component: Int) in component % groups * width + component / groups }
    let perGroup = (code.channels + groups - 1) / groups
    var home = [Int](repeating: -1, count: c3)
    for component in 0..<code.channels { home[place(component)] = component }
    tensors["encoder.down_blocks.3.resnets.0.conv_shortcut.weight"] = Self.pointwise(c3, c2) {
      home[$0] >= 0 && home[$0] == $1 ? 1 : 0
    }
    tensors["encoder.down_blocks.3.resnets.0.conv_shortcut.bias"] = (0..<c3).map {
      let slot = $0 % width
      return slot < perGroup ? 0 : Self.constant * ((slot - perGroup) % 2 == 0 ? 1 : -1)
    }
    precondition(
      perGroup + 2 <= width && (width - perGroup) % 2 == 0, "room for pairs of constants in a group")
    tensors["encoder.conv_norm_out.bias"] = [Float](repeating: Self.lift, count: c3)
    let gain = Self.constant * (Float(width - perGroup) / Float(width)).squareRoot()
    tensors["encoder.conv_out.weight"] = Self.convolution(2 * code.channels, c3) { output, input, tap in
      guard output < code.channels, tap == 4 else { return 0 }
      let first = output % groups * width
      if input == place(output) { return gain }
      return input == first + perGroup || input == first + perGroup + 1 ? -gain / 2 : 0
    }
    // The log-variance is the same everywhere: deviation exp(-5).
    tensors["encoder.conv_out.bias"] = (0..<2 * code.channels).map { $0 < code.channels ? 0 : -10 }
    tensors["quant_conv.weight"] = Self.pointwise(2 * code.channels, 2 * code.channels) { $0 == $1 ? 1 : 0 }
    self.tensors = tensors
  }

  var names: [String] { [] }
  var creates: Bool { true }
  func shape(of name: String) -> [Int]? { nil }

  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    if let values = tensors[name] {
      precondition(values.count == shape.reduce(1, *), "\(name) has \(values.count) values for \(shape)")
      return StoredTensor(values, shape: shape).laidOut(layout, as: shape)
    }
    if name.hasPrefix("encoder.") || name.hasPrefix("quant_conv.") {
      let zero =
        name.hasSuffix("conv2.weight") || name.hasSuffix("to_out.0.weight") || name.hasSuffix(".bias")
      let start = zero ? Initializer.zeros : initializer
      return try fallback.tensor(name, shape: shape, layout: layout, initializer: start, fanIn: fanIn)
    }
    return try fallback.tensor(name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }

  /// (channels, 4 quarters, kept): the code in terms of the kept axes of each 4x4 quarter of an 8x8 patch.
  private static func folded(_ code: PatchCode, axes: [[Float]], kept: Int) -> [Float] {
    var folded = [Float](repeating: 0, count: code.channels * 4 * kept)
    for channel in 0..<code.channels {
      for quarter in 0..<4 {
        for axis in 0..<kept {
          var sum: Float = 0
          for value in 0..<48 {
            let y = quarter / 2 * 4 + value / 12
            let x = quarter % 2 * 4 + value / 3 % 4
            sum += code.encoder[channel * PatchCode.values + (y * 8 + x) * 3 + value % 3] * axes[axis][value]
          }
          folded[(channel * 4 + quarter) * kept + axis] = sum
        }
      }
    }
    return folded
  }

  /// What channel `output` of the folded code gives for one patch.
  private static func response(
    _ output: Int, to patch: [Float], folded: [Float], axes: [[Float]], kept: Int
  ) -> Float {
    var sum: Float = 0
    for quarter in 0..<4 {
      for axis in 0..<kept {
        var projection: Float = 0
        for value in 0..<48 {
          let y = quarter / 2 * 4 + value / 12
          let x = quarter % 2 * 4 + value / 3 % 4
          projection += patch[(y * 8 + x) * 3 + value % 3] * axes[axis][value]
        }
        sum += folded[(output * 4 + quarter) * kept + axis] * projection
      }
    }
    return sum
  }

  /// The 3x3 tap that reads quarter (y, x) = (quarter / 2, quarter % 2) when padding lies below and to the right.
  private static func tap(_ quarter: Int) -> Int { quarter / 2 * 3 + quarter % 2 }

  private static func quarter(_ tap: Int) -> Int? {
    tap / 3 < 2 && tap % 3 < 2 ? tap / 3 * 2 + tap % 3 : nil
  }

  private static func convolution(_ outputs: Int, _ inputs: Int, _ value: (Int, Int, Int) -> Float) -> [Float] {
    (0..<outputs * inputs * 9).map { value($0 / (inputs * 9), $0 / 9 % inputs, $0 % 9) }
  }

  private static func pointwise(_ outputs: Int, _ inputs: Int, _ value: (Int, Int) -> Float) -> [Float] {
    (0..<outputs * inputs).map { value($0 / inputs, $0 % inputs) }
  }
}
