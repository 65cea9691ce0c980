"""The leak check: are images of the test split among those that were pretrained on, changed a little?"""
