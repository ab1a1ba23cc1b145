import CKernels

/// Products of rows with a matrix that is packed in panels first, on all threads: the arithmetic of linear layers and
/// convolutions.
///
/// Packing costs one pass over the matrix. Bias, residual and gate are added while the sums are in registers. The order
/// of every sum depends on the sizes only, never on the threads.
struct PanelProduct {
  /// The right operand.
  var matrix: mtk_matrix
  /// What is added to the sums, or nil.
  var bias: UnsafePointer<Float>?
  /// Added to the result, laid out as it; may be the result itself.
  var residual: UnsafePointer<Float>?
  /// Whether the columns are halves a, g and the result is a · gelu(g).
  var gate = false
  /// Whether both operands are rounded to bfloat16; sums stay float32.
  private let isRounded = Arithmetic.current == .bfloat16

  init(_ matrix: mtk_matrix) { self.matrix = matrix }

  /// Columns of the result.
  private var width: Int { gate ? matrix.columns / 2 : matrix.columns }
  private var panelWidth: Int { gate ? mtk_panel_columns() / 2 : mtk_panel_columns() }
  private var panels: Int { (width + panelWidth - 1) / panelWidth }

  /// y (rows, width) for rows that lie `stride` apart in x.
  func callAsFunction(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, _ y: UnsafeMutablePointer<Float>
  ) {
    forEachJob(rows, y) { product, rows, panels in
      var product = product
      product.base = x
      product.row_stride = stride
      mtk_panel_product(&product, rows.lowerBound, rows.count, panels.lowerBound, panels.count)
    }
  }

  /// y (rows, width) for rows that lie anywhere.
  ///
  /// - Parameter gather: writes the place of row r of tap t to index t · rows.count + r - rows.lowerBound
  func callAsFunction(
    rows: Int, _ y: UnsafeMutablePointer<Float>,
    gather: (_ rows: Range<Int>, _ places: UnsafeMutablePointer<UnsafePointer<Float>?>) -> Void
  ) {
    forEachJob(rows, y) { product, rows, panels in
      withScratch(2 * matrix.taps * rows.count) { scratch in
        scratch.withMemoryRebound(to: UnsafePointer<Float>?.self, capacity: matrix.taps * rows.count) { places in
          gather(rows, places)
          var product = product
          product.rows = UnsafePointer(places)
          product.rows_per_tap = rows.count
          product.y += rows.lowerBound * width
          product.residual = product.residual.map { $0 + rows.lowerBound * width }
          mtk_panel_product(&product, 0, rows.count, panels.lowerBound, panels.count)
        }
      }
    }
  }

  /// Packs the matrix, as many columns as stay in the cache, then calls `body` with the parts of a product that all jobs
  /// share, for pieces of its rows and panels.
  private func forEachJob(
    _ rows: Int, _ y: UnsafeMutablePointer<Float>,
    _ body: (_ product: mtk_product, _ rows: Range<Int>, _ panels: Range<Int>) -> Void
  ) {
    guard rows > 0, panels > 0 else { return }
    // A gate needs two halves at once.
    for columns in gate ? [0..<matrix.columns] : matrix.columnGroups(copies: matrix.taps) {
      var part = self
      part.matrix = matrix.columns(columns)
      part.bias = bias.map { $0 + columns.lowerBound }
      part.withPacked { product in
        var product = product
        // The group's columns within rows of the whole.
        product.y = y + columns.lowerBound
        product.y_stride = width
        product.residual = residual.map { $0 + columns.lowerBound }
        product.residual_stride = width
        part.forEachJob(of: product, rows, body)
      }
    }
  }

  private func forEachJob(
    of product: mtk_product, _ rows: Int,
    _ body: (_ product: mtk_product, _ rows: Range<Int>, _ panels: Range<Int>) -> Void
  ) {
    let (rowSize, panelSize) = jobSize(rows)
    let rowJobs = (rows + rowSize - 1) / rowSize
    let panelJobs = (panels + panelSize - 1) / panelSize
    ThreadPool.shared.forEach(rowJobs * panelJobs) { job in
      let (row, panel) = (job / panelJobs * rowSize, job % panelJobs * panelSize)
      withRounding(product) {
        body($0, row..<min(rows, row + rowSize), panel..<min(panels, panel + panelSize))
      }
    }
  }

  /// Packs the matrix on all threads and describes the product with it; rows, y and scratch are the caller's.
  private func withPacked(_ body: (mtk_product) -> Void) {
    var matrix = matrix
    withScratch(mtk_packed_size(matrix.taps, matrix.depth, matrix.columns, gate ? 1 : 0)) { packed in
      let grain = max(1, 65_536 / (matrix.taps * matrix.depth * mtk_panel_columns()))
      ThreadPool.shared.forRanges(panels, grain: grain) { range in
        withUnsafePointer(to: &matrix) {
          mtk_pack($0, gate ? 1 : 0, isRounded ? 1 : 0, range.lowerBound, range.count, packed)
        }
      }
      var product = mtk_product()
      product.step = 1
      product.taps = matrix.taps
      product.depth = matrix.depth
      product.columns = matrix.columns
      product.packed = UnsafePointer(packed)
      product.y_stride = width
      product.residual_stride = width
      product.bias = bias
      product.gate = gate ? 1 : 0
      product.is_rounded = isRounded ? 1 : 0
      body(product)
    }
  }

  /// The product with the scratch that rounding needs.
  private func withRounding(_ product: mtk_product, _ body: (mtk_product) -> Void) {
    guard isRounded else { return body(product) }
    withScratch(mtk_product_scratch(matrix.taps, matrix.depth, product.gate)) { scratch in
      var product = product
      product.scratch = scratch
      body(product)
    }
  }

  /// Rows and panels of one job: several jobs per thread where there is enough to do, whole chunks of rows, and at most
  /// some milliseconds each, because a cancelled loop ends between jobs.
  private func jobSize(_ rows: Int) -> (rows: Int, panels: Int) {
    let work = rows * matrix.taps * matrix.depth * matrix.columns
    let wanted = work < 131_072 ? 1 : max(4 * ThreadPool.shared.threads, work / 200_000_000)
    let chunk = mtk_row_chunk()
    let perJob = (rows + wanted - 1) / wanted
    let rowSize = min(max(chunk, (perJob + chunk - 1) / chunk * chunk), 8 * chunk)
    let rowJobs = (rows + rowSize - 1) / rowSize
    let panelJobs = max(1, min(panels, wanted / rowJobs))
    return (rowSize, (panels + panelJobs - 1) / panelJobs)
  }
}

extension PanelProduct {
  /// y = (self x changed by `change`) through `next`, for a few rows at a time: what lies between exists in the cache
  /// only.
  ///
  /// - Parameters:
  ///   - x: (rows, depth)
  ///   - change: is given the first row, their number and the products (count, columns), and changes these in place
  func then(
    _ next: PanelProduct, _ x: UnsafePointer<Float>, rows: Int, _ y: UnsafeMutablePointer<Float>,
    change: (_ first: Int, _ count: Int, UnsafeMutablePointer<Float>) -> Void
  ) {
    guard rows > 0 else { return }
    let (depth, between) = (matrix.depth, matrix.columns)
    let threads = ThreadPool.shared.threads
    let chunk = mtk_row_chunk()
    let jobs = (rows + threads * chunk - 1) / (threads * chunk) * threads
    let share = max(16, (rows + jobs - 1) / jobs)
    withPacked { first in
      next.withPacked { second in
        ThreadPool.shared.forEach((rows + share - 1) / share, scratch: share * between) { job, middle in
          let row = job * share
          let count = min(share, rows - row)
          withRounding(first) { product in
            product.run(x + row * depth, stride: depth, rows: count, middle, panels)
          }
          change(row, count, middle)
          next.withRounding(second) { product in
            product.run(middle, stride: between, rows: count, y + row * next.width, next.panels)
          }
        }
      }
    }
  }
}

extension mtk_product {
  /// All panels of `rows` rows.
  fileprivate func run(
    _ x: UnsafePointer<Float>, stride: Int, rows: Int, _ y: UnsafeMutablePointer<Float>, _ panels: Int
  ) {
    var product = self
    product.base = x
    product.row_stride = stride
    product.y = y
    mtk_panel_product(&product, 0, rows, 0, panels)
  }
}

extension mtk_matrix {
  /// Bytes of packed columns that stay in the last-level cache between packing and their last use.
  private static let groupSize = 24 << 20

  /// All columns, in groups of whole panels.
  ///
  /// - Parameter copies: packed matrices (depth, columns)
  func columnGroups(copies: Int) -> [Range<Int>] {
    let bytes = copies * depth * columns * MemoryLayout<Float>.size
    let count = (bytes + Self.groupSize - 1) / Self.groupSize
    let unit = max(16, mtk_panel_columns())
    let size = ((columns + max(count, 1) - 1) / max(count, 1) + unit - 1) / unit * unit
    return stride(from: 0, to: columns, by: max(size, 1)).map { $0..<min(columns, $0 + size) }
  }

  /// Some of the columns.
  func columns(_ range: Range<Int>) -> mtk_matrix {
    var part = self
    part.base = base + range.lowerBound * column_stride * (element == MTK_FLOAT32 ? 4 : 2)
    part.columns = range.count
    return part
  }
}

extension WeightMatrix {
  /// The matrix as a right operand.
  ///
  /// - Parameter transposed: columns are the rows of the matrix, as in x · selfᵀ
  func operand(transposed: Bool) -> mtk_matrix {
    operand(
      taps: 1, depth: transposed ? columns : rows, columns: transposed ? rows : columns, tapStride: 0,
      depthStride: transposed ? 1 : columns, columnStride: transposed ? columns : 1)
  }

  /// The elements in any order; strides in elements.
  func operand(
    taps: Int, depth: Int, columns: Int, tapStride: Int, depthStride: Int, columnStride: Int
  ) -> mtk_matrix {
    mtk_matrix(
      base: base, element: element.code, tap_stride: tapStride, depth_stride: depthStride,
      column_stride: columnStride, taps: taps, depth: depth, columns: columns)
  }
}

extension WeightMatrix.Element {
  fileprivate var code: mtk_element {
    switch self {
    case .float32: MTK_FLOAT32
    case .float16: MTK_FLOAT16
    case .bfloat16: MTK_BFLOAT16
    }
  }
}
