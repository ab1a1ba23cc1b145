// Our side of the benchmarks: prepares one case, then computes it once for each line `run` on standard input and
// answers with one line of JSON. `run.py` starts it; torch_worker.py is the other side and draws the same inputs.
//
//   BenchmarkWorker CASE [key=value ...]
import Glibc
import Kernels
import Tensors

let start = Usage()
do {
  let options = try Options(CommandLine.arguments.dropFirst())
  Machine.threads = options.number("threads", default: 0)
  let arithmetic: Arithmetic = try options.choice("arithmetic", default: .float32)
  let convolution: ConvolutionMethod = try options.choice("convolution", default: .winograd2)
  let work = try withArithmetic(arithmetic, convolution: convolution) { try prepare(options) }
  say("{\"ready\": \"\(Machine.description)\", \"wall\": \(Usage().wall - start.wall)}")
  while let line = readLine(), line == "run" {
    let before = Usage()
    let output = try withArithmetic(arithmetic, convolution: convolution, work)
    let after = Usage()
    if let path = options["output"] { try write(output, to: path) }
    say(after.json(since: before))
  }
} catch {
  let message = "BenchmarkWorker: \(error)\n"
  _ = message.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}

/// One line to whoever waits for it.
func say(_ line: String) {
  _ = (line + "\n").withCString { Glibc.write(STDOUT_FILENO, $0, strlen($0)) }
}

/// The elements as raw float32, for the comparison with torch.
func write(_ tensor: Tensor, to path: String) throws {
  guard let file = fopen(path, "w") else { throw BenchmarkError("cannot write \(path)") }
  tensor.withUnsafeBytes { _ = fwrite($0.baseAddress, 1, $0.count, file) }
  fclose(file)
}
