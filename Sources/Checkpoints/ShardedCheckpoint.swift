public import Layers
public import Tensors

/// A checkpoint cut into several files, listed by a `*.index.json` with a `weight_map` from key to file name.
public struct ShardedCheckpoint: WeightSource {
  /// Keys of this source; see ``WeightSource/names``.
  public let names: [String]
  private let path: String
  private let shards: [String: any WeightSource]
  private let home: [String: String]

  /// Opens the index and every shard it names.
  /// - Parameter path: the index file; shards lie beside it.
  /// - Throws: ``CheckpointError`` if the index or a shard is damaged, or if they disagree.
  public init(index path: String) throws {
    let json = try JSON(contentsOf: path)
    guard let map = json["weight_map"]?.object, !map.isEmpty else {
      throw CheckpointError(
        .badData, "\(path): key \"weight_map\": expected an object from key to file name.")
    }
    let folder = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    var shards: [String: any WeightSource] = [:]
    for (key, value) in map {
      // A plain name: an index from a stranger must not reach out of its folder, nor into itself.
      guard let name = value.string, !name.isEmpty, !name.contains("/"), !name.hasSuffix(".json") else {
        throw CheckpointError(
          .badData,
          "\(path): the shard of \(key.prefix(200)): found \(value.summary), expected a file name.")
      }
      if shards[name] == nil { shards[name] = try openCheckpoint(folder + name) }
    }
    // What a shard holds counts, so that a key the index forgot is reported like any other.
    var home: [String: String] = [:]
    for (file, shard) in shards.sorted(by: { $0.key < $1.key }) {
      for name in shard.names {
        guard home.updateValue(file, forKey: name) == nil else {
          throw CheckpointError(.badData, "\(path): two shards hold \(name.prefix(200)).")
        }
      }
    }
    for (key, value) in map where home[key] != value.string {
      throw CheckpointError(
        .badData, "\(path): \(key.prefix(200)) should be in \(value.string ?? ""), which does not hold it.")
    }
    self.names = home.keys.sorted()
    self.path = path
    self.shards = shards
    self.home = home
  }

  /// Stored shape in checkpoint order, nil if absent.
  public func shape(of name: String) -> [Int]? {
    home[name].flatMap { shards[$0] }.flatMap { $0.shape(of: name) }
  }

  /// See ``WeightSource/tensor(_:shape:layout:initializer:fanIn:)``.
  public func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    guard let shard = home[name].flatMap({ shards[$0] }) else {
      throw WeightError(file: path, missing: [name])
    }
    return try shard.tensor(name, shape: shape, layout: layout, initializer: initializer, fanIn: fanIn)
  }
}
