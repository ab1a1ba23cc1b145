/// Warm-up, then a straight fall.
struct LearningRate: Sendable {
  /// The largest rate.
  var peak: Float
  /// Steps in which the rate rises from 0.
  var warmUp: Int
  /// Steps of the whole run; the rate then is `floor` times the peak.
  var steps: Int
  /// Share of the peak that is left at the end.
  var floor: Float = 0.04

  /// The rate of a step, counted from 0.
  func callAsFunction(_ step: Int) -> Float {
    let rise = min(1, Float(step + 1) / Float(max(warmUp, 1)))
    let fall = floor + (1 - floor) * max(0, 1 - Float(step) / Float(max(steps, 1)))
    return peak * rise * fall
  }
}
