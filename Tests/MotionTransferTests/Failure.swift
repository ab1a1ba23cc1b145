@testable import MotionTransfer

/// The engine's error that `body` throws; nil where it throws none, or another.
func failure(_ body: () throws -> Void) -> MotionTransferError? {
  do {
    try body()
    return nil
  } catch { return error as? MotionTransferError }
}
