import Glibc

/// Which of the training steps a sampler visits (Lin et al. 2023, table 2; diffusers' `timestep_spacing`).
public enum TimestepSpacing: String, Sendable, CaseIterable {
  /// Multiples of the whole-numbered ratio, shifted by `steps_offset`.
  case leading
  /// Counted down from the last training step, which is always visited.
  case trailing
  /// Evenly spaced, first and last training step included.
  case linspace

  /// Time steps in descending order, as diffusers' `set_timesteps` rounds them; always `steps` of them, where
  /// for some counts (61 of 1000) numpy's rounding gives diffusers' `trailing` one more, at time step -1.
  ///
  /// - Parameters:
  ///   - steps: 1 to `trainSteps`
  ///   - offset: added for `leading`
  func timesteps(_ steps: Int, of trainSteps: Int, offset: Int) -> [Int] {
    switch self {
    case .leading:
      let ratio = trainSteps / steps
      return (0..<steps).reversed().map { $0 * ratio + offset }
    case .trailing:
      // The difference of numpy's first two values, which it counts all others with.
      let first = Double(trainSteps)
      let delta = (first - first / Double(steps)) - first
      return (0..<steps).map { Int((first + Double($0) * delta).rounded(.toNearestOrEven)) - 1 }
    case .linspace:
      let stride = Double(trainSteps - 1) / Double(max(steps - 1, 1))
      return (0..<steps).reversed().map { i in
        // numpy sets the last value rather than computing it.
        i > 0 && i == steps - 1 ? trainSteps - 1 : Int((Double(i) * stride).rounded(.toNearestOrEven))
      }
    }
  }
}
