import Glibc

/// What this process has used so far.
struct Usage {
  let wall, user, system: Double
  /// Largest resident size, in bytes.
  let peak: Int

  init() {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    wall = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) * 1e-6
    system = Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) * 1e-6
    peak = usage.ru_maxrss * 1024
  }

  /// Seconds of wall clock and processor since `start`, and the peak so far.
  func json(since start: Usage) -> String {
    let cpu = user + system - start.user - start.system
    return "{\"wall\": \(wall - start.wall), \"cpu\": \(cpu), \"peak\": \(peak)}"
  }
}
