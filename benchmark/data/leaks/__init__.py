"""The leak check: test images among those that were pretrained on, also where slightly changed."""
