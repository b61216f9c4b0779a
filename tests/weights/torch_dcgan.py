"""DCGANs of pytorch/examples' form, built and drawn by torch."""

import numpy as np

LATENT, WIDTHS = 6, (8, 6, 5)


def build(torch, *, activation=None, norm=None, output=None, channels=3, seed=0, **convolution):
    """A module whose child ``main`` is the `Sequential` of the codebase, with lively norms."""
    nn = torch.nn
    activation = activation or (lambda i: nn.ReLU(True))
    norm = norm or (lambda i, width: nn.BatchNorm2d(width))
    layers, incoming = [], LATENT
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for i, width in enumerate(WIDTHS):
            sizes = (1, 0) if not i else (2, 1)
            more = convolution if i else {}
            layers.append(nn.ConvTranspose2d(incoming, width, 4, *sizes, bias=False, **more))
            layers += [norm(i, width), activation(i)]
            incoming = width
        layers.append(nn.ConvTranspose2d(incoming, channels, 4, 2, 1, bias=False))
        layers += [nn.Tanh() if output is None else output] if output != "none" else []
        net = nn.Module()
        net.main = nn.Sequential(*layers)
        for name, tensor in net.state_dict().items():
            if "running_var" in name or (".weight" in name and tensor.ndim == 1):
                tensor.uniform_(0.5, 2)
            elif tensor.dtype.is_floating_point and tensor.ndim == 1:
                tensor.normal_()
            elif tensor.ndim == 4:
                tensor.mul_(4)
    return net.eval()


def codes(count=3):
    return np.random.default_rng(5).standard_normal((count, LATENT)).astype(np.float32)


def draw(torch, net, z):
    with torch.no_grad():
        return net.main(torch.from_numpy(z)[:, :, None, None]).numpy()
