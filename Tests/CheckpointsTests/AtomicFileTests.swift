import Foundation
import Glibc
import Testing

@testable import Checkpoints

@Suite("atomic files")
struct AtomicFileTests {
  private func append(_ text: String, _ append: (UnsafeRawBufferPointer) throws -> Void) throws {
    try Array(text.utf8).withUnsafeBytes { try append($0) }
  }

  private func contents(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

  @Test("replaces the old contents and leaves nothing beside them")
  func replaces() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      for text in ["first", "second"] {
        try AtomicFile.write(to: path) {
          try append(text, $0)
          try append("!", $0)
        }
        #expect(try contents(path) == text + "!")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
    }
  }

  @Test("a full disk, a short write and an interruption", arguments: [ENOSPC, EDQUOT, EIO])
  func fullDisk(_ code: Int32) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      try write("old", to: path)
      var calls = 0
      expectError(code == EIO ? .unwritable : .noSpace, path) {
        try AtomicFile.write(
          to: path,
          sink: { descriptor, bytes, count in
            calls += 1
            switch calls {
            case 1:
              errno = EINTR
              return -1
            case 2: return Glibc.write(descriptor, bytes, min(count, 3))
            default:
              errno = code
              return -1
            }
          }
        ) { try append("something longer", $0) }
      }
      #expect(calls == 3)
      #expect(try contents(path) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
    }
  }

  @Test("an error of the caller leaves the old contents")
  func interrupted() throws {
    struct Stop: Error {}
    try withTemporaryFolder { folder in
      let path = "\(folder)/a"
      try write("old", to: path)
      #expect(throws: Stop.self) {
        try AtomicFile.write(to: path) {
          try append("new", $0)
          throw Stop()
        }
      }
      #expect(try contents(path) == "old")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a"])
    }
  }

  @Test("targets that cannot be are refused, links are followed")
  func targets() throws {
    try withTemporaryFolder { folder in
      expectError(.unwritable, "is a folder") { try AtomicFile.write(to: folder) { _ in } }
      expectError(.unwritable, "cannot be written") { try AtomicFile.write(to: "\(folder)/none/a") { _ in } }
      expectError(.unwritable, "not a regular file") { try AtomicFile.write(to: "/dev/null") { _ in } }
      try write("old", to: "\(folder)/a")
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "a")
      try AtomicFile.write(to: "\(folder)/link") { try append("new", $0) }
      #expect(try contents("\(folder)/a") == "new")
      #expect(Set(try FileManager.default.contentsOfDirectory(atPath: folder)) == ["a", "link"])
    }
  }
}
