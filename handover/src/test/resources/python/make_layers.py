"""Makes layers.pt: modules of PyTorch, each with its weights, an input and its output.

/usr/bin/python3 make_layers.py ../handover/layers.pt
"""
import sys
from collections import OrderedDict

import torch
from torch import nn

torch.manual_seed(13)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


class LastOutput(nn.Module):
    def __init__(self, rnn):
        super().__init__()
        self.rnn = rnn

    def forward(self, x):
        return self.rnn(x)[0]


class Named(nn.Sequential):
    def __init__(self, **modules):
        super().__init__(OrderedDict(modules))


class Flat(nn.Module):
    """Two convolutional maps, flattened, into a linear layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3)
        self.fc = nn.Linear(2 * 3 * 4, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.conv(x), 1))


cases = OrderedDict()


def case(name, module, *shape, integers=None):
    module.train()
    for m in module.modules():
        if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.uniform_(m.bias)
            nn.init.uniform_(m.running_mean)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
            m.num_batches_tracked.fill_(7)
    module.eval()
    x = torch.randint(integers, shape) if integers else torch.randn(*shape)
    with torch.no_grad():
        cases[name] = {"state_dict": module.state_dict(), "input": x, "output": module(x)}


case("linear", Named(fc=nn.Linear(4, 3)), 5, 4)
case("linear_without_bias", Named(fc=nn.Linear(4, 3, bias=False)), 5, 4)
case("conv1d", Named(conv=nn.Conv1d(3, 4, 2)), 5, 3, 6)
case("conv2d", Named(conv=nn.Conv2d(3, 4, (2, 3), stride=(1, 2))), 5, 3, 6, 7)
case("conv2d_without_bias", Named(conv=nn.Conv2d(3, 4, 3, padding=1, bias=False)), 5, 3, 6, 7)
case("conv3d", Named(conv=nn.Conv3d(2, 3, 2)), 2, 2, 4, 5, 6)
case("depthwise", Named(conv=nn.Conv2d(3, 6, 3, groups=3)), 2, 3, 5, 6)
case("separable", Named(depth=nn.Conv2d(3, 6, 3, groups=3, bias=False), point=nn.Conv2d(6, 4, 1)), 2, 3, 5, 6)
case("conv_transpose2d", Named(conv=nn.ConvTranspose2d(3, 4, (2, 3), stride=2)), 2, 3, 4, 5)
case("conv_transpose3d", Named(conv=nn.ConvTranspose3d(2, 3, 2, stride=2)), 2, 2, 3, 3, 4)
case("batch_norm1d", Named(bn=nn.BatchNorm1d(4)), 5, 4)
case("batch_norm2d", Named(bn=nn.BatchNorm2d(3)), 2, 3, 4, 5)
case("embedding", Named(embedding=nn.Embedding(7, 3)), 5, integers=7)
case("embedding_sequence", Named(embedding=nn.Embedding(7, 3)), 2, 4, integers=7)
case("lstm", LastOutput(nn.LSTM(3, 4, batch_first=True)), 2, 5, 3)
case("lstm_two_layers", LastOutput(nn.LSTM(3, 4, num_layers=2, batch_first=True)), 2, 5, 3)
case("lstm_bidirectional", LastOutput(nn.LSTM(3, 4, bidirectional=True, batch_first=True)), 2, 5, 3)
case("rnn", LastOutput(nn.RNN(3, 4, batch_first=True)), 2, 5, 3)
case("rnn_bidirectional", LastOutput(nn.RNN(3, 4, bidirectional=True, batch_first=True)), 2, 5, 3)
case("prelu", Named(act=nn.PReLU(3)), 2, 3, 4, 5)
case("layer_norm", Named(fc=nn.Linear(4, 6, bias=False), norm=nn.LayerNorm(6)), 5, 4)
case("flattened", Flat(), 2, 3, 5, 6)

torch.save(cases, sys.argv[1])
