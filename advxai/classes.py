"""The detector's classes, in the order of the paper's five-class head."""

REAL = "Real"
CLASSES = (REAL, "NeuralTextures", "Face2Face", "Deepfakes", "FaceSwap")
SHORT = {"Deepfakes": "DF", "Face2Face": "F2F", "FaceSwap": "FS", "NeuralTextures": "NT"}
