"""The detector's classes, in the order of the paper's five-class head, and FF++'s videos that are none of them."""

REAL = "Real"
CLASSES = (REAL, "NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap")
SHORT = {"Deepfakes": "DF", "Face2Face": "F2F", "FaceSwap": "FS", "NeuralTextures": "NT"}
# What else FF++ holds, with its label: -1 is a manipulation that the detector has no class for, actors are genuine.
FURTHER = {"FaceShifter": -1, "DeepFakeDetection": -1, "actors": 0}
LABELS = {name: index for index, name in enumerate(CLASSES)} | FURTHER
