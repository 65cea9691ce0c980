"""A backbone handed on: timm's folder with its card, torchvision's names, ONNX, and a repository of the hub."""
