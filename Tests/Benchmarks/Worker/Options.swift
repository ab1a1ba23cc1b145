/// The case and its `key=value` options.
struct Options {
  let name: String
  private let values: [String: String]

  init(_ arguments: ArraySlice<String>) throws {
    guard let name = arguments.first else { throw BenchmarkError("usage: BenchmarkWorker CASE [key=value ...]") }
    self.name = name
    var values: [String: String] = [:]
    for argument in arguments.dropFirst() {
      let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw BenchmarkError("\(argument): expected key=value") }
      values[parts[0]] = parts[1]
    }
    self.values = values
  }

  subscript(key: String) -> String? { values[key] }

  func number(_ key: String, default value: Int) -> Int { values[key].flatMap(Int.init) ?? value }

  func required(_ key: String) throws -> String {
    guard let value = values[key] else { throw BenchmarkError("\(name) needs \(key)=") }
    return value
  }

  func choice<C: CaseIterable & RawRepresentable<String>>(_ key: String, default value: C) throws -> C {
    guard let name = values[key] else { return value }
    guard let choice = C(rawValue: name) else {
      throw BenchmarkError("\(key): expected one of \(C.allCases.map(\.rawValue)), found \(name)")
    }
    return choice
  }

  /// Comma-separated sizes.
  func sizes(_ key: String, count: Int) throws -> [Int] {
    let sizes = try required(key).split(separator: ",").compactMap { Int($0) }
    guard sizes.count == count, sizes.allSatisfy({ $0 > 0 }) else {
      throw BenchmarkError("\(key): expected \(count) sizes above 0, found \(values[key] ?? "")")
    }
    return sizes
  }
}

/// What is wrong with the command.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
