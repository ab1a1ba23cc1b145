import Glibc

/// Where the bundled model lies.
public enum DefaultModel {
  /// A folder that was asked for, or the bundled model's.
  ///
  /// Unset: `MOTIONTRANSFER_MODEL`; else beside the plugin or executable that this code is part of, `models/default`;
  /// else in it or up to six parents, `Plugin/Models/default`; else `motiontransfer/models/default` in `XDG_DATA_HOME` and
  /// `XDG_DATA_DIRS`.
  ///
  /// - Throws: `notFound` with all places that were looked at
  public static func resolve(_ folder: String?) throws(MotionTransferError) -> String {
    if let folder, !folder.isEmpty { return folder }
    if let folder = environment("MOTIONTRANSFER_MODEL") { return folder }
    let candidates = besideThisCode() + inDataFolders()
    for candidate in candidates where access(candidate + "/model_index.json", R_OK) == 0 { return candidate }
    throw MotionTransferError(
      .notFound,
      "the bundled model was not found; looked for model_index.json in \(candidates.joined(separator: ", ")); "
        + "set model to a diffusers folder, or MOTIONTRANSFER_MODEL")
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }

  private static func besideThisCode() -> [String] {
    guard let image = pathOfThisCode() else { return [] }
    var folder = parent(image)
    var candidates = [folder + "/models/default"]
    for _ in 0...6 {
      candidates.append(folder + "/Plugin/Models/default")
      if folder.isEmpty { break }
      folder = parent(folder)
    }
    return candidates
  }

  private static func inDataFolders() -> [String] {
    let home = environment("XDG_DATA_HOME") ?? environment("HOME").map { $0 + "/.local/share" }
    let shared = environment("XDG_DATA_DIRS") ?? "/usr/local/share:/usr/share"
    return ([home].compactMap { $0 } + shared.split(separator: ":").map(String.init))
      .map { $0 + "/motiontransfer/models/default" }
  }

  /// The real path of the shared object or executable that holds this function, from the kernel's list of mappings.
  private static func pathOfThisCode() -> String? {
    let here: @convention(c) () -> Void = {}
    let address = UInt(bitPattern: unsafeBitCast(here, to: UnsafeRawPointer.self))
    guard let maps = fopen("/proc/self/maps", "re") else { return nil }
    defer { fclose(maps) }
    var line: UnsafeMutablePointer<CChar>?
    var capacity = 0
    defer { free(line) }
    while getline(&line, &capacity, maps) > 0, let text = line.map({ String(cString: $0) }) {
      // 7f00-7f10 r-xp 00000000 08:01 123  /path/name
      let bounds = text.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
      guard bounds.count == 2, (bounds[0]..<bounds[1]).contains(address) else { continue }
      return text.firstIndex(of: "/").map { String(text[$0...].prefix { $0 != "\n" }) }
    }
    return nil
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "" }
    return String(path[..<slash])
  }
}
