import Glibc

/// Writes a file so that its name only ever shows the old contents or all of the new ones.
public enum AtomicFile {
  /// One write: as `write(2)`.
  typealias Sink = (Int32, UnsafeRawPointer, Int) -> Int

  /// Writes beside the target, flushes, renames, flushes the folder. After an error nothing is left behind.
  /// - Parameters:
  ///   - path: the target; a symbolic link is followed.
  ///   - body: calls its argument with the file's bytes, piece by piece.
  /// - Throws: ``CheckpointError``: no space, or not writable; what `body` throws.
  public static func write(
    to path: String, _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    try write(to: path, sink: { Glibc.write($0, $1, $2) }, body)
  }

  static func write(
    to path: String, sink: @escaping Sink,
    _ body: (_ append: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
  ) throws {
    let target = resolved(path)
    if isFolder(target) { throw CheckpointError(.unwritable, "\(path) is a folder, expected a file name.") }
    var status = stat()
    if stat(target, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw CheckpointError(.unwritable, "\(path) is not a regular file.")
    }
    let cut = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    let folder = cut == target.startIndex ? "." : String(target[..<cut])
    let (descriptor, partial) = try create(folder: folder, name: String(target[cut...]), for: path)
    var isDone = false
    defer { if !isDone { unlink(partial) } }
    do {
      defer { close(descriptor) }
      try body { try append($0, to: descriptor, sink: sink, path: path) }
      guard fsync(descriptor) == 0 else { throw failure(errno, path) }
    }
    guard rename(partial, target) == 0 else { throw failure(errno, path) }
    isDone = true
    // The rename itself is durable once the folder is flushed; some file systems cannot, which loses nothing.
    let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  private static func create(folder: String, name: String, for path: String) throws -> (Int32, String) {
    for _ in 0..<16 {
      let random = String(UInt32.random(in: .min ... .max), radix: 36)
      let partial = (folder.hasSuffix("/") ? folder : folder + "/") + ".\(name.prefix(100)).\(random).partial"
      let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (descriptor, partial) }
      if errno != EEXIST { throw failure(errno, path) }
    }
    throw CheckpointError(.unwritable, "\(path): no free name for a temporary file beside it.")
  }

  private static func append(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, sink: Sink, path: String
  ) throws {
    var rest = bytes
    while let base = rest.baseAddress, rest.count > 0 {
      let count = sink(descriptor, base, min(rest.count, 1 << 30))
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(errno, path)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  private static func failure(_ code: Int32, _ path: String) -> CheckpointError {
    let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
    return CheckpointError(
      isFull ? .noSpace : .unwritable, "\(path) cannot be written: \(systemMessage(code)).")
  }

  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
