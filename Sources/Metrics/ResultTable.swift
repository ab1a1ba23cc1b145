/// Results as tables in Markdown: each measure's mean with its 95 % interval.
public struct ResultTable {
  private let entries: [ResultLog.Entry]
  private let methods: [String]

  /// - Parameters:
  ///   - entries: all results, in any order
  ///   - methods: the rows, in their order
  public init(_ entries: [ResultLog.Entry], methods: [String]) {
    self.entries = entries
    self.methods = methods
  }

  /// One row per method, one column per measure that any clip has.
  public var byMethod: String {
    let measures = Metric.allCases.filter { measure in entries.contains { $0.score.values[measure] != nil } }
    var lines = [
      "| method | clips | \(measures.map(\.rawValue).joined(separator: " | ")) |",
      "| --- | --- |\(String(repeating: " --- |", count: measures.count))",
    ]
    for method in methods {
      let own = entries.filter { $0.method == method }
      let cells = measures.map { Self.text(Interval(groups: Self.groups(own, $0))) }
      lines.append("| \(method) | \(own.count) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One row per reference, one column per method: the mean agreement of what moves (path, zoom, camera), and the share that works.
  public var byReference: String {
    var lines = [
      "| reference | \(methods.joined(separator: " | ")) |",
      "| --- |\(String(repeating: " --- |", count: methods.count))",
    ]
    for reference in Set(entries.map(\.reference)).sorted() {
      let cells = methods.map { method in
        let own = entries.filter { $0.reference == reference && $0.method == method }
        let agreement = Self.mean(own.compactMap(\.score.motion))
        let works = Self.mean(own.compactMap { $0.score.values[.works] })
        return "\(agreement.map { decimals($0, 2) } ?? "-"), \(works.map { decimals(100 * $0, 0) + " %" } ?? "-")"
      }
      lines.append("| \(reference) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The values of each reference: one per prompt, the mean over its seeds.
  private static func groups(_ entries: [ResultLog.Entry], _ measure: Metric) -> [[Double]] {
    let byReference = Dictionary(grouping: entries, by: \.reference)
    return byReference.keys.sorted().map { reference in
      let byPrompt = Dictionary(grouping: byReference[reference] ?? [], by: \.prompt)
      return byPrompt.keys.sorted().compactMap { prompt in
        mean((byPrompt[prompt] ?? []).sorted { $0.seed < $1.seed }.compactMap { $0.score.values[measure] })
      }
    }
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func text(_ interval: Interval?) -> String {
    interval.map { "\(decimals($0.mean, 3)) (\(decimals($0.low, 3)) to \(decimals($0.high, 3)))" } ?? "-"
  }
}

/// A number with a fixed count of digits after the point, at most 9.
public func decimals(_ value: Double, _ digits: Int) -> String {
  guard abs(value) < 1e9 else { return "\(value)" }
  let scale = (0..<digits).reduce(1) { scale, _ in scale * 10 }
  let whole = Int((abs(value) * Double(scale)).rounded())
  let sign = value < 0 && whole > 0 ? "-" : ""
  guard digits > 0 else { return "\(sign)\(whole)" }
  let fraction = String(whole % scale)
  return "\(sign)\(whole / scale).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
}
