// One libFuzzer target for every reader of outside files. The environment variable FUZZ_READER chooses the reader:
// safetensors, torch, json, tokenizer or embedding. Tests/Fuzz/run.sh builds and runs it.
import Checkpoints
import Diffusion
import Glibc
import MotionTransfer

/// A file in memory that the readers, which map files, can open by name.
private struct MemoryFile {
  let path: String
  private let descriptor: Int32

  init(_ name: String) {
    descriptor = memfd_create(name, 0)
    precondition(descriptor >= 0, "no memory file")
    path = "/proc/self/fd/\(descriptor)"
  }

  func set(_ bytes: UnsafeRawBufferPointer) {
    ftruncate(descriptor, 0)
    if let base = bytes.baseAddress { pwrite(descriptor, base, bytes.count, 0) }
  }
}

/// A folder in memory-backed /dev/shm for readers that want several files.
private struct MemoryFolder {
  let path: String

  init() {
    path = "/dev/shm/motiontransfer-fuzz-\(getpid())"
    mkdir(path, 0o700)
  }

  func write(_ name: String, _ bytes: UnsafeRawBufferPointer) {
    let descriptor = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    if let base = bytes.baseAddress { Glibc.write(descriptor, base, bytes.count) }
    close(descriptor)
  }

  func write(_ name: String, _ text: String) {
    Array(text.utf8).withUnsafeBytes { write(name, $0) }
  }
}

private let file = MemoryFile("fuzz")
private let folder = MemoryFolder()
private let reader = getenv("FUZZ_READER").map { String(cString: $0) } ?? "safetensors"

/// libFuzzer's entry. Anything may be thrown; a trap, a hang or too much memory is a finding.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  do {
    switch reader {
    case "safetensors":
      file.set(bytes)
      let tensors = try SafeTensors(contentsOf: file.path)
      for name in tensors.names { _ = try tensors.tensor(name).widened() }
    case "torch":
      file.set(bytes)
      let tensors = try TorchCheckpoint(contentsOf: file.path)
      for name in tensors.names { _ = try tensors.tensor(name).widened() }
    case "json":
      file.set(bytes)
      _ = try Configuration(contentsOf: file.path)
    case "tokenizer": try readTokenizer(bytes)
    case "embedding":
      file.set(bytes)
      _ = try MotionEmbedding(contentsOf: file.path)
    default: preconditionFailure("FUZZ_READER: found \(reader)")
    }
  } catch {
    // Readers refuse: that is what they are for.
  }
  return 0
}

/// The first byte chooses which of the tokenizer's files the rest is; the others are small and right.
private func readTokenizer(_ bytes: UnsafeRawBufferPointer) throws {
  guard let choice = bytes.first else { return }
  let rest = UnsafeRawBufferPointer(rebasing: bytes[1...])
  folder.write("vocab.json", "{\"a</w>\":0,\"b\":1,\"ab</w>\":2,\"<|startoftext|>\":3,\"<|endoftext|>\":4}")
  folder.write("merges.txt", "#version: 0.2\na b</w>\n")
  folder.write("special_tokens_map.json", "{\"pad_token\":\"!\"}")
  folder.write("tokenizer_config.json", "{}")
  let names = ["vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"]
  folder.write(names[Int(choice) % names.count], rest)
  _ = try CLIPTokenizer(folder: folder.path).encode("a b ab! é <|endoftext|>", maxLength: 77)
}
