import Tensors

/// Single operations; sizes in the order of torch_worker.py.
func operation(_ options: Options) throws -> Work {
  var generator = TorchGenerator(seed: 1)
  switch options.name {
  case "linear":
    let size = try options.sizes("size", count: 3)  // rows, outputs, inputs
    let (x, w) = (generator.randn([size[0], size[2]]), generator.randn([size[1], size[2]]))
    let bias = generator.randn([size[1]])
    return { x.linear(w, bias) }
  case "conv":
    let size = try options.sizes("size", count: 5)  // pictures, height, width, inputs, outputs
    let x = generator.randn([size[0], size[3], size[1], size[2]]).permuted([0, 2, 3, 1])
    let w = generator.randn([size[4], size[3], 3, 3]).permuted([0, 2, 3, 1])
    let bias = generator.randn([size[4]])
    return { x.conv2d(w, bias) }
  case "temporal-conv":
    let size = try options.sizes("size", count: 3)  // frames, pixels, channels
    let x = generator.randn([1, size[2], size[0], size[1]]).permuted([0, 2, 3, 1])
    let w = generator.randn([size[2], size[2], 3]).permuted([2, 0, 1])
    let bias = generator.randn([size[2]])
    return { x.temporalConv(w, bias) }
  case "attention":
    let size = try options.sizes("size", count: 5)  // batch, queries, keys, heads, width
    let channels = size[3] * size[4]
    let q = generator.randn([size[0], size[1], channels])
    let (k, v) = (generator.randn([size[0], size[2], channels]), generator.randn([size[0], size[2], channels]))
    return { Tensor.attention(q, k, v, heads: size[3]) }
  case "temporal-attention":
    let size = try options.sizes("size", count: 4)  // frames, pixels, heads, width
    let shape = [1, size[0], size[1], size[2] * size[3]]
    let (q, k, v) = (generator.randn(shape), generator.randn(shape), generator.randn(shape))
    return { Tensor.temporalAttention(q, k, v, heads: size[2]) }
  case "group-norm":
    let size = try options.sizes("size", count: 4)  // samples, pixels, channels, groups
    let x = generator.randn([size[0], size[2], size[1]]).permuted([0, 2, 1])
    let (w, b) = (generator.randn([size[2]]), generator.randn([size[2]]))
    return { x.groupNorm(groups: size[3], w, b, epsilon: 1e-5, silu: true) }
  case "layer-norm":
    let size = try options.sizes("size", count: 2)  // rows, channels
    let x = generator.randn(size)
    let (w, b) = (generator.randn([size[1]]), generator.randn([size[1]]))
    return { x.layerNorm(w, b, epsilon: 1e-5) }
  case "geglu":
    let x = generator.randn(try options.sizes("size", count: 2))  // rows, 2 · channels
    return { x.geglu() }
  default:
    throw BenchmarkError("\(options.name): no such case")
  }
}
