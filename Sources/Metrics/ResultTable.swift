/// Results as tables in Markdown: each measure's mean with its 95 % interval.
///
/// Methods share references, prompts and seeds, so that two of them are compared by their differences, not by whether their
/// intervals meet.
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
      let cells = measures.map { measure in
        Self.text(Interval(groups: Self.groups(own) { $0.score.values[measure] }))
      }
      lines.append("| \(method) | \(own.count) | \(cells.joined(separator: " | ")) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One row per method but `baseline`: each measure's mean difference from it over the clips that both have.
  public func differences(from baseline: String) -> String {
    func key(_ entry: ResultLog.Entry) -> [String] { [entry.reference, entry.prompt, "\(entry.seed)"] }
    let base = Dictionary(
      entries.filter { $0.method == baseline }.map { (key($0), $0.score) }, uniquingKeysWith: { $1 })
    let measures = Metric.allCases.filter { measure in base.values.contains { $0.values[measure] != nil } }
    var lines = [
      "| less \(baseline) | \(measures.map(\.rawValue).joined(separator: " | ")) |",
      "| --- |\(String(repeating: " --- |", count: measures.count))",
    ]
    for method in methods where method != baseline {
      let own = entries.filter { $0.method == method }
      let cells = measures.map { measure in
        Self.text(
          Interval(
            groups: Self.groups(own) { entry in
              guard let value = entry.score.values[measure], let other = base[key(entry)]?.values[measure] else {
                return nil
              }
              return value - other
            }))
      }
      lines.append("| \(method) | \(cells.joined(separator: " | ")) |")
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
  private static func groups(_ entries: [ResultLog.Entry], _ value: (ResultLog.Entry) -> Double?) -> [[Double]] {
    let byReference = Dictionary(grouping: entries, by: \.reference)
    return byReference.keys.sorted().map { reference in
      let byPrompt = Dictionary(grouping: byReference[reference] ?? [], by: \.prompt)
      return byPrompt.keys.sorted().compactMap { prompt in
        mean((byPrompt[prompt] ?? []).sorted { $0.seed < $1.seed }.compactMap(value))
      }
    }
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  private static func text(_ interval: Interval?) -> String {
    guard let interval else { return "-" }
    guard interval.low.isFinite else { return decimals(interval.mean, 3) }
    return "\(decimals(interval.mean, 3)) (\(decimals(interval.low, 3)) to \(decimals(interval.high, 3)))"
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
