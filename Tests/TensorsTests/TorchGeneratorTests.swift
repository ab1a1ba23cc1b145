import Checkpoints
import Tensors
import Testing

/// Random draws against torch's CPU generator: integers and uniform bits exactly, normals within 1e-6.
@Suite struct TorchGeneratorTests {
  private let golden: Golden
  private let settings: Configuration

  init() throws {
    golden = try Golden("rng/rng.safetensors")
    settings = try Golden.configuration("rng/rng.json")
  }

  private func expectNormals(_ actual: [Float], _ expected: [Float], _ what: String) {
    #expect(actual.count == expected.count)
    let difference = zip(actual, expected).map { abs($0 - $1) }.max() ?? 0
    #expect(difference <= 1e-6, "\(what): \(difference)")
  }

  @Test func everyLength() throws {
    let names = golden.source.names.filter { $0.hasPrefix("randn/") }
    #expect(names.count > 50)
    for name in names {
      let parts = name.split(separator: "/")
      var generator = TorchGenerator(seed: try #require(UInt64(parts[1])))
      expectNormals(
        generator.randn([try #require(Int(parts[2]))]).toArray(), try golden[name].toArray(), name)
    }
  }

  @Test func sequences() throws {
    let sequences = try #require(try settings.nested("sequences"))
    for name in sequences.values.keys.sorted() {
      for seed in try settings.strings("sequence_seeds") {
        var generator = TorchGenerator(seed: try #require(UInt64(seed)))
        for (index, step) in try sequences.string(name).split(separator: ";").enumerated() {
          let words = step.split(separator: " ")
          let number = try #require(Int(words[1]))
          let expected = try golden["sequence/\(name)/\(seed)/\(index)"].toArray()
          switch words[0] {
          case "randn": expectNormals(generator.randn([number]).toArray(), expected, "\(name) \(index)")
          case "rand": #expect((0..<number).map { _ in generator.uniform() } == expected)
          default: #expect([Float(generator.randint(below: number))] == expected)
          }
          // A snapshot goes on where it was taken.
          generator = try #require(TorchGenerator(snapshot: generator.snapshot))
        }
      }
    }
  }

  @Test func noSnapshotFromNonsense() {
    #expect(TorchGenerator(snapshot: []) == nil)
    #expect(TorchGenerator(snapshot: [UInt32](repeating: 700, count: 628)) == nil)
  }
}
