/// mt19937 as torch's CPU generator runs it: same 32-bit outputs for the same seed.
public struct MersenneTwister: Sendable {
  private var state: [UInt32]
  private var index = 624

  /// Seeds as `torch.manual_seed`: the low 32 bits of `seed`.
  public init(seed: UInt64) {
    state = [UInt32](repeating: 0, count: 624)
    state[0] = UInt32(truncatingIfNeeded: seed)
    for i in 1..<624 {
      state[i] = 1_812_433_253 &* (state[i - 1] ^ (state[i - 1] >> 30)) &+ UInt32(i)
    }
  }

  /// The words and the position that restore this generator.
  public var snapshot: [UInt32] { state + [UInt32(index)] }

  /// Restores a `snapshot`; nil unless it has 625 words with a position of at most 624.
  public init?(snapshot: [UInt32]) {
    guard snapshot.count == 625, snapshot[624] <= 624 else { return nil }
    state = Array(snapshot[0..<624])
    index = Int(snapshot[624])
  }

  /// 32 random bits.
  public mutating func next() -> UInt32 {
    if index == 624 { refill() }
    var y = state[index]
    index += 1
    y ^= y >> 11
    y ^= (y << 7) & 0x9d2c_5680
    y ^= (y << 15) & 0xefc6_0000
    return y ^ (y >> 18)
  }

  private mutating func refill() {
    for i in 0..<624 {
      let y = (state[i] & 0x8000_0000) | (state[(i + 1) % 624] & 0x7fff_ffff)
      state[i] = state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
    }
    index = 0
  }
}

/// Logarithm, sine and cosine from plain arithmetic, so that the same bits come out on every processor (a C library
/// chooses its implementation at run time). About 1e-15, far below the float32 result.
public enum Portable {
  /// The natural logarithm of a positive, finite, normal number.
  public static func log(_ x: Double) -> Double {
    var mantissa = x.significand
    var exponent = Double(x.exponent)
    if mantissa > 1.4142135623730951 {
      mantissa /= 2
      exponent += 1
    }
    // ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172
    let s = (mantissa - 1) / (mantissa + 1)
    let square = s * s
    var series = 0.0
    for k in stride(from: 21, through: 1, by: -2) { series = series * square + 1 / Double(k) }
    return exponent * 0.6931471805599453 + 2 * s * series
  }

  /// Sine and cosine of 2π·turns for 0 <= turns <= 1.
  public static func sineCosine(turns: Double) -> (sine: Double, cosine: Double) {
    let quarter = (turns * 4).rounded()
    let angle = (turns - quarter / 4) * 6.283185307179586  // |angle| <= π/4
    let square = angle * angle
    var sine = 0.0
    var cosine = 0.0
    for k in stride(from: 17, through: 3, by: -2) { sine = (1 + sine) * -square / Double(k * (k - 1)) }
    for k in stride(from: 16, through: 2, by: -2) { cosine = (1 + cosine) * -square / Double(k * (k - 1)) }
    sine = angle * (1 + sine)
    cosine = 1 + cosine
    switch Int(quarter) & 3 {
    case 0: return (sine, cosine)
    case 1: return (cosine, -sine)
    case 2: return (-sine, -cosine)
    default: return (-cosine, sine)
    }
  }
}
