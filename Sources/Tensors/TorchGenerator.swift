import Kernels

/// Random numbers as torch's CPU generator draws them, so that a seed means here what it means in diffusers.
///
/// Integers and uniform bits are exact; normals agree with torch within 1e-6 and are the same bytes on every processor.
/// Matches `at::CPUGeneratorImpl` and `normal_fill` of torch 2.
public struct TorchGenerator: Sendable {
  private var bits: MersenneTwister
  /// The second normal of the last pair drawn for a tensor of fewer than 16 elements.
  private var spare: Double?

  /// As `torch.Generator("cpu").manual_seed(seed)`.
  public init(seed: UInt64) {
    bits = MersenneTwister(seed: seed)
  }

  /// What `init(snapshot:)` needs to go on exactly here.
  public var snapshot: [UInt32] {
    let pattern = spare?.bitPattern ?? 0
    return bits.snapshot + [
      spare == nil ? 0 : 1, UInt32(truncatingIfNeeded: pattern), UInt32(truncatingIfNeeded: pattern >> 32),
    ]
  }

  /// Goes on where `snapshot` was taken; nil if it is not one.
  public init?(snapshot: [UInt32]) {
    guard snapshot.count == 628, let bits = MersenneTwister(snapshot: Array(snapshot[..<625])) else { return nil }
    self.bits = bits
    spare = snapshot[625] == 0 ? nil : Double(bitPattern: UInt64(snapshot[626]) | UInt64(snapshot[627]) << 32)
  }

  /// One float in [0, 1): 24 random bits, as `torch.rand`.
  public mutating func uniform() -> Float {
    Float(bits.next() & 0xff_ffff) * 0x1p-24
  }

  /// One integer in 0 ..< bound, as `torch.randint(0, bound, (1,))`: from 32 random bits, from 2²⁸ on from 64.
  public mutating func randint(below bound: Int) -> Int {
    precondition(bound > 0, "randint below \(bound)")
    guard bound >= 1 << 28 else { return Int(bits.next() % UInt32(bound)) }
    let high = UInt64(bits.next())
    return Int((high << 32 | UInt64(bits.next())) % UInt64(bound))
  }

  /// Standard normals, as `torch.randn(shape)`.
  public mutating func randn(_ shape: [Int]) -> Tensor {
    let count = shape.reduce(1, *)
    return Tensor(uninitialized: shape) { buffer in
      if count < 16 {
        for i in 0..<count { buffer[i] = Float(normal()) }
        return
      }
      for i in 0..<count { buffer[i] = uniform() }
      for start in stride(from: 0, through: count - 16, by: 16) { Self.boxMuller(buffer, start) }
      if count % 16 != 0 {
        // The last sixteen are drawn anew, as torch does.
        for i in count - 16..<count { buffer[i] = uniform() }
        Self.boxMuller(buffer, count - 16)
      }
    }
  }

  /// Turns sixteen uniforms into normals: radii from the first eight, angles from the others. Rounded to float32 where
  /// torch rounds, the angle above all: its last bit moves a normal by more than its own last bit.
  private static func boxMuller(_ buffer: UnsafeMutableBufferPointer<Float>, _ start: Int) {
    for i in start..<start + 8 {
      let radius = (-2 * Float(Portable.log(Double(1 - buffer[i])))).squareRoot()
      let angle = Float(6.283185307179586) * buffer[i + 8]
      let (sine, cosine) = Portable.sineCosine(turns: Double(angle) / 6.283185307179586)
      buffer[i] = radius * Float(cosine)
      buffer[i + 8] = radius * Float(sine)
    }
  }

  /// One normal of a short tensor: pairs in double precision from 53-bit uniforms.
  private mutating func normal() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    let turns = uniformDouble()
    let radius = (-2 * Portable.log(1 - uniformDouble())).squareRoot()
    let (sine, cosine) = Portable.sineCosine(turns: turns)
    spare = radius * sine
    return radius * cosine
  }

  private mutating func uniformDouble() -> Double {
    let high = UInt64(bits.next())
    let low = UInt64(bits.next())
    return Double((high << 32 | low) & ((1 << 53) - 1)) * 0x1p-53
  }
}
