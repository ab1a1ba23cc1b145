import Diffusion

/// Which temporal attentions carry a motion embedding.
///
/// `all` means every `temp_attentions` block of the down and up blocks. A list, separated by commas, names blocks by the
/// beginning of their path (`up_blocks.1`, `down_blocks.2.temp_attentions.0`), by their width in channels (`1280`, the
/// choice of Motion Inversion's authors for ZeroScope), by their grid of pixels (`grid:18x10`, width x height), or as the
/// coarsest level that still has such a grid (`coarsest:8x8`).
enum MotionSites {
  static func select(
    _ sites: String, from all: [MotionSite]
  ) throws(MotionTransferError) -> [MotionSite] {
    if sites == "all" { return all }
    let items = sites.split(separator: ",").map { String($0.trimmingSpaces) }
    let chosen = all.filter { site in items.contains { matches($0, site, among: all) } }
    let idle = items.filter { item in !all.contains { matches(item, $0, among: all) } }
    guard !chosen.isEmpty, idle.isEmpty || Int(idle[0]) != nil else {
      let known = all.map { "\($0.path) (\($0.channels) channels, \($0.width)x\($0.height))" }
      throw MotionTransferError(
        .settings,
        "sites: \"\(idle.first ?? sites)\" selects no block of this model; expected \"all\" or a list of widths, "
          + "grid:WxH, coarsest:WxH, or beginnings of: \(known.joined(separator: ", "))")
    }
    return chosen
  }

  private static func matches(_ item: String, _ site: MotionSite, among all: [MotionSite]) -> Bool {
    if let channels = Int(item) { return channels == site.channels }
    if let grid = grid(item, "grid:") { return site.width == grid.width && site.height == grid.height }
    if let grid = grid(item, "coarsest:") {
      let cells = all.filter { $0.width >= grid.width && $0.height >= grid.height }.map { $0.width * $0.height }
      return site.width * site.height == cells.min()
    }
    return site.path == item || site.path.hasPrefix(item + ".")
  }

  /// Width and height of an item such as `grid:18x10`.
  private static func grid(_ item: String, _ prefix: String) -> (width: Int, height: Int)? {
    guard item.hasPrefix(prefix) else { return nil }
    let numbers = item.dropFirst(prefix.count).split(separator: "x").map { Int($0) }
    guard numbers.count == 2, let width = numbers[0], let height = numbers[1] else { return nil }
    return (width, height)
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var rest = drop(while: \.isWhitespace)
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
