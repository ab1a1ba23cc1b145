"""A step recorded once as a CUDA graph: thousands of small launches become one."""
import torch


class Replayed:
    def __init__(self, function, **inputs):
        """function(**inputs) must keep its state in place; it runs three times before it is recorded."""
        self.inputs = {name: value.clone() for name, value in inputs.items()}
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                function(**self.inputs)
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.result = function(**self.inputs)

    def __call__(self, **inputs):
        for name, value in inputs.items():
            self.inputs[name].copy_(value)
        self.graph.replay()
        return self.result
