import Glibc
import Layers

/// A file's bytes, mapped read-only and kept mapped as long as anything refers to them.
final class FileMapping: @unchecked Sendable {
  /// Unchecked: the mapping is never written. Files are replaced by renaming, so a writer does not change these bytes.
  let bytes: UnsafeRawBufferPointer
  /// The file's path, for messages.
  let path: String

  /// Maps a regular, non-empty file.
  init(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let code = errno
      let kind: CheckpointError.Kind = code == ENOENT || code == ENOTDIR ? .notFound : .unreadable
      throw CheckpointError(kind, "\(path): \(systemMessage(code)).")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw CheckpointError(.unreadable, "\(path): \(systemMessage(errno)).")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError(.unreadable, "\(path) is not a regular file.")
    }
    let count = Int(status.st_size)
    guard count > 0 else { throw CheckpointError(.badData, "\(path) is empty.") }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw CheckpointError(.unreadable, "\(path) cannot be mapped: \(systemMessage(errno)).")
    }
    self.bytes = UnsafeRawBufferPointer(start: start, count: count)
    self.path = path
  }

  deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

  /// A little-endian integer at an offset, or nil outside the file.
  func integer<Value: FixedWidthInteger>(_ type: Value.Type, at offset: Int) -> Value? {
    guard offset >= 0, offset <= bytes.count - MemoryLayout<Value>.size else { return nil }
    return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
  }

  /// Bytes at an offset, or nil outside the file.
  func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer? {
    guard offset >= 0, count >= 0, offset <= bytes.count - count else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// Whether the file begins with these bytes.
  func starts(with prefix: [UInt8]) -> Bool { bytes.starts(with: prefix) }

  /// A Git LFS pointer or a web page where weights were expected: both are common, both deserve their own advice.
  func refuseStandIn() throws {
    if starts(with: Array("version https://git-lfs".utf8)) {
      throw CheckpointError(
        .badData, "\(path) is a Git LFS pointer, not the file itself. Run `git lfs pull` in its folder.")
    }
    if starts(with: Array("<!".utf8)) || starts(with: Array("<html".utf8)) {
      throw CheckpointError(.badData, "\(path) is a web page, not the file itself. Download it again.")
    }
  }
}

extension FileMapping: RereadableBytes {
  func letGo(_ bytes: UnsafeRawBufferPointer) {
    // Whole pages: neighbours share the others.
    let page = UInt(sysconf(Int32(_SC_PAGESIZE)))
    let start = (UInt(bitPattern: bytes.baseAddress) + page - 1) / page * page
    let end = (UInt(bitPattern: bytes.baseAddress) + UInt(bytes.count)) / page * page
    guard end > start else { return }
    madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), Int32(MADV_DONTNEED))
  }
}

/// The system's text for an error number.
func systemMessage(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The whole contents of a small file.
/// - Parameter limit: larger files are refused before they are read.
func readSmallFile(_ path: String, limit: Int) throws -> [UInt8] {
  let mapping = try FileMapping(path)
  guard mapping.bytes.count <= limit else {
    throw CheckpointError(
      .badData, "\(path) has \(mapping.bytes.count) bytes; at most \(limit) are expected of such a file.")
  }
  return Array(mapping.bytes)
}

/// Whether a path is a folder, a file, or absent.
func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Bytes of a file; 0 where there is none.
func fileSize(_ path: String) -> Int {
  var status = stat()
  return stat(path, &status) == 0 ? Int(status.st_size) : 0
}

/// Whether a path names something that can be stat'ed and is not a folder.
func isFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR
}
