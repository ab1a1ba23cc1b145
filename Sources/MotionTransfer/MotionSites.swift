import Diffusion

/// Which temporal attentions carry a motion embedding.
///
/// `all` means every `temp_attentions` block of the down and up blocks. A list, separated by commas, names blocks by the
/// beginning of their path (`up_blocks.1`, `down_blocks.2.temp_attentions.0`) or by their width in channels (`1280`, the
/// choice of Motion Inversion's authors for ZeroScope).
enum MotionSites {
  static func select(
    _ sites: String, from all: [MotionSite]
  ) throws(MotionTransferError) -> [MotionSite] {
    if sites == "all" { return all }
    let items = sites.split(separator: ",").map { String($0.trimmingSpaces) }
    let chosen = all.filter { site in items.contains { matches($0, site) } }
    let idle = items.filter { item in !all.contains { matches(item, $0) } }
    guard !chosen.isEmpty, idle.isEmpty || Int(idle[0]) != nil else {
      let known = all.map { "\($0.path) (\($0.channels) channels, \($0.height)x\($0.width))" }
      throw MotionTransferError(
        .settings,
        "sites: \"\(idle.first ?? sites)\" selects no block of this model; expected \"all\" or a list of widths or of "
          + "beginnings of: \(known.joined(separator: ", "))")
    }
    return chosen
  }

  private static func matches(_ item: String, _ site: MotionSite) -> Bool {
    if let channels = Int(item) { return channels == site.channels }
    return site.path == item || site.path.hasPrefix(item + ".")
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var rest = drop(while: \.isWhitespace)
    while rest.last?.isWhitespace == true { rest.removeLast() }
    return rest
  }
}
