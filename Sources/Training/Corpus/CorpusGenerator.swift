/// The corpus's own random numbers: SplitMix64, so that clip *k* of a seed is the same on every machine and
/// a training run resumes from its step number alone.
struct CorpusGenerator: RandomNumberGenerator {
  private var state: UInt64

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - index: which of its streams: a clip's number, a step's number.
  init(seed: UInt64, index: UInt64) {
    state = seed &* 0xD134_2543_DE82_EF95 &+ index &* 0x9E37_79B9_7F4A_7C15
    state = next() ^ seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Uniform in [low, high).
  mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * uniform() }

  /// True with the given probability.
  mutating func chance(_ probability: Float) -> Bool { uniform() < probability }

  /// Uniform in 0 ..< count.
  mutating func index(_ count: Int) -> Int { Int(next() % UInt64(count)) }

  /// One of the elements, all equally likely.
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[index(elements.count)] }
}
