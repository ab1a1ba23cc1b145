// Reading a file whole or in part, with errors that say what is wrong with it.
import Glibc
import MotionTransfer

enum InputFile {
  /// Checks that `path` is a readable file. Returns its size in bytes.
  @discardableResult
  static func check(_ path: String) throws(MotionTransferError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw MotionTransferError(.notFound, "\(path): \(reason(errno))")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw MotionTransferError(.unreadable, "\(path): found a folder, expected a video file")
    }
    guard access(path, R_OK) == 0 else {
      throw MotionTransferError(.unreadable, "\(path): \(reason(errno))")
    }
    return Int(status.st_size)
  }

  /// The first `bytes` bytes.
  static func read(_ path: String, bytes: Int) throws(MotionTransferError) -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      throw MotionTransferError(.unreadable, "\(path): \(reason(errno))")
    }
    defer { fclose(file) }
    let content = [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
      count = fread(buffer.baseAddress, 1, bytes, file)
    }
    guard content.count == bytes else {
      throw MotionTransferError(.badData, "\(path): found \(content.count) bytes, expected \(bytes)")
    }
    return content
  }
}

/// The system's text for an error number.
func reason(_ number: Int32) -> String {
  String(cString: strerror(number))
}
