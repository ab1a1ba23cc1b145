// Output that appears whole or not at all: written beside its place, then renamed into it.
import Glibc
public import MotionTransfer

/// A file or folder to come.
public struct Output {
  /// Where it ends up, without trailing slashes.
  let path: String
  /// Where it is written until then: on the same file system, so that renaming is atomic.
  let partial: String

  static let framePattern = "frame-%05d.png"

  /// An output of this name.
  public init(_ path: String) {
    var name = path[...]
    while name.count > 1, name.hasSuffix("/") { name = name.dropLast() }
    self.path = String(name)
    self.partial = "\(name).\(getpid()).partial"
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether it can be written at all.
  ///
  /// - Throws: `unwritable` for a folder that is missing or read-only
  public func check() throws(MotionTransferError) {
    let parent = self.parent
    guard Output.isFolder(parent) else {
      throw MotionTransferError(.unwritable, "\(path): found no folder \(parent); make it first")
    }
    guard access(parent, W_OK) == 0 else {
      throw MotionTransferError(.unwritable, "\(path): cannot write in \(parent): \(reason(errno))")
    }
  }

  private var parent: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  func write(_ bytes: [UInt8]) throws(MotionTransferError) {
    guard let file = fopen(partial, "wb") else { throw failure(errno) }
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
    let error = errno
    let isClosed = fclose(file) == 0
    guard written == bytes.count else { throw failure(error) }
    // The last bytes meet a full disk only here.
    guard isClosed else { throw failure(errno) }
  }

  func makeFolder() throws(MotionTransferError) {
    guard mkdir(partial, 0o777) == 0 else { throw failure(errno) }
  }

  func commitFile() throws(MotionTransferError) {
    guard rename(partial, path) == 0 else { throw failure(errno) }
  }

  /// A new folder takes the name at once; in an old one each frame is replaced, and frames of a longer run
  /// go.
  func commitFolder() throws(MotionTransferError) {
    guard Output.isFolder(path) else { return try commitFile() }
    let frames = Output.entries(of: partial)
    for old in Output.entries(of: path) where Output.isFrame(old) && !frames.contains(old) {
      unlink("\(path)/\(old)")
    }
    for frame in frames.sorted() {
      guard rename("\(partial)/\(frame)", "\(path)/\(frame)") == 0 else { throw failure(errno) }
    }
    rmdir(partial)
  }

  func discard() {
    for entry in Output.entries(of: partial) { unlink("\(partial)/\(entry)") }
    if Output.isFolder(partial) { rmdir(partial) } else { unlink(partial) }
  }

  private func failure(_ number: Int32) -> MotionTransferError {
    MotionTransferError(
      number == ENOSPC || number == EDQUOT ? .noSpace : .unwritable, "\(path): \(reason(number))")
  }

  private static func isFrame(_ name: String) -> Bool {
    name.hasPrefix("frame-") && name.hasSuffix(".png") && name.utf8.count == 15
      && name.dropFirst(6).dropLast(4).allSatisfy { "0"..."9" ~= $0 }
  }

  private static func entries(of folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
